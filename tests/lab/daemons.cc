// SPDX-License-Identifier: Apache-2.0
// Both daemons stay in the foreground and end with the lab. Their files live in the lab's own /run.
#include "daemons.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>

#include "rtnetlink.h"

namespace vpndoctor::lab {
namespace {

using namespace std::chrono_literals;

constexpr const char* kFolder = "/run/vpndoctor-lab";
constexpr const char* kFarLink = "vpn1";
constexpr const char* kNear4 = "10.8.0.2";
constexpr const char* kNear6 = "fd00:8::2";
constexpr const char* kLog = "/run/vpndoctor-lab/log";
constexpr auto kStartLimit = 10s;

Result<void> need(std::initializer_list<const char*> programs) {
  for (const char* program : programs) {
    if (!is_installed(program)) return failure(ErrorKind::kUnavailable, fmt::format("{} is not installed", program));
  }
  return {};
}

const char* outer_text(Family family) { return family == Family::kInet ? "203.0.113.10" : "2001:db8:3::10"; }
const char* outer_client_text(Family family) { return family == Family::kInet ? "192.0.2.2" : "2001:db8:1::2"; }

// clang-format off
std::vector<std::string> openvpn_arguments(const TunnelConfig& config, bool is_client) {
  const bool inet = config.outer == Family::kInet;
  // OpenVPN 2.7 wants to be told that a static key is meant; 2.6 does not know the word.
  const char* allow_static_key = "allow-deprecated-insecure-static-crypto";
  return {
      "openvpn",
      "--ignore-unknown-option", allow_static_key, fmt::format("--{}", allow_static_key),
      "--secret", fmt::format("{}/static.key", kFolder),
      "--cipher", "AES-256-CBC",
      "--dev", is_client ? kTunnelLink : kFarLink,
      "--dev-type", "tun",
      "--tun-mtu", std::to_string(config.mtu_bytes),
      "--proto", inet ? "udp4" : "udp6",
      "--port", "1194",
      "--remote", is_client ? outer_text(config.outer) : outer_client_text(config.outer),
      "--ifconfig", is_client ? kNear4 : kTunnelTarget4, is_client ? kTunnelTarget4 : kNear4,
      "--ifconfig-ipv6", fmt::format("{}/64", is_client ? kNear6 : kTunnelTarget6),
      is_client ? kTunnelTarget6 : kNear6};
}

// clang-format on

/// Makes a WireGuard key pair and returns {private, public}.
Result<std::pair<std::string, std::string>> make_wireguard_keys() {
  auto secret = run_checked({{"wg", "genkey"}, nullptr, false, {}});
  if (!secret) return std::unexpected(secret.error());
  auto open = run_checked({{"wg", "pubkey"}, nullptr, false, {}}, *secret);
  if (!open) return std::unexpected(open.error());
  open->erase(open->find_last_not_of('\n') + 1);
  return std::pair(*secret, *open);
}

bool link_exists(const NetNamespace& inside, const char* link) {
  const InNamespace there(inside);
  return if_nametoindex(link) != 0;
}

/// wireguard-go makes its link before it listens for its configuration.
bool accepts_configuration(const char* link) {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  fmt::format_to_n(to.sun_path, sizeof(to.sun_path) - 1, "/var/run/wireguard/{}.sock", link);
  const Fd control(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return connect(control.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0;
}

bool wait_for_wireguard(const NetNamespace& inside, const char* link) {
  const auto until = std::chrono::steady_clock::now() + kStartLimit;
  while (!link_exists(inside, link) || !accepts_configuration(link)) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

/// Sends one datagram to a closed port; true when the answer to an earlier one has come back.
bool is_refused(int udp) {
  const char byte = 0;
  return send(udp, &byte, 1, 0) < 0 && errno == ECONNREFUSED;
}

}  // namespace

Result<void> Tunnel::run_in_background(const Command& command) {
  const Fd log(open(kLog, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  const Fd nothing(open("/dev/null", O_RDONLY | O_CLOEXEC));
  auto process = Process::start(command, {nothing.get(), log.get(), log.get()});
  if (!process) return std::unexpected(process.error());
  processes_.push_back(std::move(*process));
  return {};
}

Result<void> Tunnel::start_openvpn(const TunnelConfig& config) {
  if (auto there = need({"openvpn"}); !there) return there;
  const std::string key = fmt::format("{}/static.key", kFolder);
  const auto made = run_checked({{"openvpn", "--genkey", "secret", key}, nullptr, false, {}});
  if (!made) return std::unexpected(made.error());
  for (const bool is_client : {false, true}) {
    const NetNamespace& inside = is_client ? lab_.client() : lab_.target();
    auto started = run_in_background({openvpn_arguments(config, is_client), &inside, false, {}});
    if (!started) return started;
  }
  return {};
}

Result<void> Tunnel::start_wireguard(const TunnelConfig& config) {
  if (auto there = need({"wireguard-go", "wg"}); !there) return there;
  auto near_keys = make_wireguard_keys();
  auto far_keys = make_wireguard_keys();
  if (!near_keys || !far_keys) return failure(ErrorKind::kUnavailable, "wg cannot make keys");
  for (const bool is_client : {false, true}) {
    const NetNamespace& inside = is_client ? lab_.client() : lab_.target();
    const char* link = is_client ? kTunnelLink : kFarLink;
    auto started = run_in_background(
        {{"wireguard-go", "-f", link}, &inside, false, {"WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD=1"}});
    if (!started) return started;
    if (!wait_for_wireguard(inside, link)) return failure(ErrorKind::kUnavailable, "wireguard-go did not start");
    const auto& own = is_client ? *near_keys : *far_keys;
    const auto& peer = is_client ? *far_keys : *near_keys;
    std::vector<std::string> set = {"wg", "set", link, "private-key", "/dev/stdin", "listen-port", "51820"};
    const bool inet = config.outer == Family::kInet;
    const char* remote = is_client ? outer_text(config.outer) : outer_client_text(config.outer);
    const std::string endpoint = inet ? fmt::format("{}:51820", remote) : fmt::format("[{}]:51820", remote);
    for (const std::string& word : {std::string("peer"), peer.second, std::string("endpoint"), endpoint,
                                    std::string("allowed-ips"), std::string("0.0.0.0/0,::/0")}) {
      set.push_back(word);
    }
    const auto configured = run_checked({set, &inside, false, {}}, own.first);
    if (!configured) return std::unexpected(configured.error());
    const InNamespace there(inside);
    if (auto up = bring_up(link, config.mtu_bytes); !up) return up;
    const AddressConfig inner4{lab_address(is_client ? kNear4 : kTunnelTarget4), 24};
    if (auto added = add_address(link, inner4); !added) return added;
    if (config.mtu_bytes < 1280) continue;
    const AddressConfig inner6{lab_address(is_client ? kNear6 : kTunnelTarget6), 64};
    if (auto added = add_address(link, inner6); !added) return added;
  }
  return {};
}

Result<void> Tunnel::wait_until_answered() {
  const auto until = std::chrono::steady_clock::now() + kStartLimit;
  const InNamespace inside(lab_.client());
  const IpAddress address = lab_address(kTunnelTarget4);
  sockaddr_in to{AF_INET, htons(9), {}, {}};
  std::memcpy(&to.sin_addr, address.bytes.data(), 4);
  while (std::chrono::steady_clock::now() < until) {
    const Fd udp(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const bool connected =
        if_nametoindex(kTunnelLink) != 0 && connect(udp.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0;
    for (int attempt = 0; connected && attempt < 20; ++attempt) {
      if (is_refused(udp.get())) return {};
      std::this_thread::sleep_for(10ms);
    }
    std::this_thread::sleep_for(5ms);
  }
  return failure(ErrorKind::kInternal, "the tunnel carries nothing");
}

Result<std::unique_ptr<Tunnel>> Tunnel::start(const TunnelConfig& config, const Lab& lab) {
  mkdir(kFolder, 0700);
  std::unique_ptr<Tunnel> tunnel(new Tunnel(lab));
  const bool openvpn = config.kind == TunnelConfig::Kind::kOpenVpn;
  auto started = openvpn ? tunnel->start_openvpn(config) : tunnel->start_wireguard(config);
  if (!started) return std::unexpected(started.error());
  if (auto answered = tunnel->wait_until_answered(); !answered) return std::unexpected(answered.error());
  return tunnel;
}

}  // namespace vpndoctor::lab
