// SPDX-License-Identifier: Apache-2.0
// The programs that are known; see the header.
#include "vpndoctor/vpn_sign.h"

#include <algorithm>
#include <array>

namespace vpndoctor {
namespace {

constexpr std::size_t kLongestProcessName = 15;  // TASK_COMM_LEN - 1

/// What a program's arguments must say so that it counts; null: its name is enough.
using Tells = const char* (*)(std::span<const std::string_view> arguments);

struct KnownProgram {
  std::string_view name;
  VpnSignKind kind;
  const char* text;
  Tells tells = nullptr;  ///< its answer, where there is one, stands in place of `text`; null when it does not count
};

constexpr const char* kCarries = "carries the traffic of programs that use it into a VPN, without an interface";
constexpr const char* kProxies = "is a proxy for programs that are told to use it";

/// True when an option has that value, as "--name=value" or "--name value", with one dash or two.
bool has_option(std::span<const std::string_view> arguments, std::string_view name, std::string_view value) {
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    std::string_view option = arguments[i];
    option.remove_prefix(std::min(option.find_first_not_of('-'), option.size()));
    if (option.size() == arguments[i].size() || !option.starts_with(name)) continue;
    option.remove_prefix(name.size());
    if (option.empty() && i + 1 < arguments.size() && arguments[i + 1] == value) return true;
    if (option.starts_with('=') && option.substr(1) == value) return true;
  }
  return false;
}

const char* tailscale_tells(std::span<const std::string_view> arguments) {
  return has_option(arguments, "tun", "userspace-networking") ? kCarries : nullptr;
}

const char* openconnect_tells(std::span<const std::string_view> arguments) {
  const bool has_script = std::ranges::any_of(arguments, [](std::string_view each) {
    return each == "-S" || (each.starts_with("--script-tun") && each.find('=') == std::string_view::npos);
  });
  return has_script ? kCarries : nullptr;
}

const char* hysteria_tells(std::span<const std::string_view> arguments) {
  return std::ranges::find(arguments, "server") == arguments.end() ? kProxies : nullptr;
}

/// ssh(1): options that take an argument take the rest of their word, or the next one; what follows the destination is
/// a command for the other side.
const char* ssh_tells(std::span<const std::string_view> arguments) {
  constexpr std::string_view kWithArgument = "BbcDEeFIiJLlmOopPQRSWw";
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view word = arguments[i];
    if (word.size() < 2 || word.front() != '-' || word == "--") return nullptr;
    const std::size_t option = word.find_first_of(kWithArgument, 1);
    if (option == std::string_view::npos) continue;
    std::string_view argument = word.substr(option + 1);
    if (argument.empty() && i + 1 < arguments.size()) argument = arguments[++i];
    if (word[option] == 'D' || (word[option] == 'o' && argument.starts_with("DynamicForward"))) return kProxies;
    if (word[option] == 'w' || (word[option] == 'o' && argument.starts_with("Tunnel="))) {
      return "carries the packets of a tun device to another machine";
    }
  }
  return nullptr;
}

constexpr VpnSignKind kVpn = VpnSignKind::kUserspaceClient;
constexpr VpnSignKind kProxy = VpnSignKind::kProxyClient;
constexpr std::array kPrograms = {
    KnownProgram{"tailscaled", kVpn, nullptr, tailscale_tells},
    KnownProgram{"openconnect", kVpn, nullptr, openconnect_tells},
    KnownProgram{"wireproxy", kVpn, kCarries},
    KnownProgram{"onetun", kVpn, kCarries},
    KnownProgram{"ocproxy", kVpn, kCarries},
    KnownProgram{"tunsocks", kVpn, kCarries},
    KnownProgram{"sshuttle", kVpn,
                 "takes connections by firewall rules and carries them over ssh, without an interface"},
    KnownProgram{"sing-box", kProxy, kProxies},
    KnownProgram{"xray", kProxy, kProxies},
    KnownProgram{"v2ray", kProxy, kProxies},
    KnownProgram{"mihomo", kProxy, kProxies},
    KnownProgram{"verge-mihomo", kProxy, kProxies},
    KnownProgram{"clash", kProxy, kProxies},
    KnownProgram{"clash-meta", kProxy, kProxies},
    KnownProgram{"ss-local", kProxy, kProxies},
    KnownProgram{"sslocal", kProxy, kProxies},
    KnownProgram{"ss-redir", kProxy, kProxies},
    KnownProgram{"hysteria", kProxy, nullptr, hysteria_tells},
    KnownProgram{"naive", kProxy, kProxies},
    KnownProgram{"trojan", kProxy, kProxies},
    KnownProgram{"trojan-go", kProxy, kProxies},
    KnownProgram{"tuic-client", kProxy, kProxies},
    KnownProgram{"juicity-client", kProxy, kProxies},
    KnownProgram{"brook", kProxy, kProxies},
    KnownProgram{"gost", kProxy, kProxies},
    KnownProgram{"tor", kProxy, kProxies},
    KnownProgram{"i2pd", kProxy, kProxies},
    KnownProgram{"redsocks", kProxy, kProxies},
    KnownProgram{"psiphon-tunnel-core", kProxy, kProxies},
    KnownProgram{"warp-svc", kProxy, "is a proxy, or holds the interface CloudflareWARP"},
    KnownProgram{"ssh", kProxy, nullptr, ssh_tells},
};

const KnownProgram* find_program(std::string_view process_name) {
  const auto found = std::ranges::find_if(kPrograms, [process_name](const KnownProgram& each) {
    return each.name.substr(0, kLongestProcessName) == process_name;
  });
  return found == kPrograms.end() ? nullptr : &*found;
}

}  // namespace

bool may_be_vpn_client(std::string_view process_name) { return find_program(process_name) != nullptr; }

std::optional<VpnSign> recognize_vpn_client(std::string_view process_name,
                                            std::span<const std::string_view> arguments) {
  const KnownProgram* program = find_program(process_name);
  if (program == nullptr) return std::nullopt;
  const char* text = program->tells == nullptr ? program->text : program->tells(arguments);
  if (text == nullptr) return std::nullopt;
  return VpnSign{program->kind, std::string(program->name), std::nullopt, text};
}

}  // namespace vpndoctor
