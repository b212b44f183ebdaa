// SPDX-License-Identifier: Apache-2.0
// Knows the plugins and programs that PPP runs by; see the header.
#include "vpndoctor/ppp_use.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

struct PppSign {
  std::string_view name;
  std::string_view kind;
};

/// Plugins of pppd, those of NetworkManager's VPNs included; its nm-pppd-plugin.so serves every sort.
constexpr auto kPlugins = std::to_array<PppSign>({
    {"rp-pppoe.so", "pppoe"},
    {"pppoe.so", "pppoe"},
    {"pppoatm.so", "pppoa"},
    {"pptp.so", "pptp"},
    {"nm-pptp-pppd-plugin.so", "pptp"},
    {"pppol2tp.so", "l2tp"},
    {"openl2tp.so", "l2tp"},
    {"nm-l2tp-pppd-plugin.so", "l2tp"},
    {"sstp-pppd-plugin.so", "sstp"},
    {"nm-sstp-pppd-plugin.so", "sstp"},
    {"nm-fortisslvpn-pppd-plugin.so", "fortinet"},
});

/// Programs at the other end of its terminal: those that start pppd, and those that it starts by the option pty.
constexpr auto kPrograms = std::to_array<PppSign>({
    {"pppoe", "pppoe"},
    {"pptp", "pptp"},
    {"xl2tpd", "l2tp"},
    {"sstpc", "sstp"},
    {"openfortivpn", "fortinet"},
    {"ssh", "ssh"},
});

constexpr auto kUplinks = std::to_array<std::string_view>({"pppoe", "pppoa", "modem"});

/// Terminals of serial lines and of modems; a pseudo-terminal says nothing.
constexpr auto kModemLines = std::to_array<std::string_view>(
    {"/dev/ttyS", "/dev/ttyUSB", "/dev/ttyACM", "/dev/ttyAMA", "/dev/ttyHS", "/dev/rfcomm", "/dev/wwan"});

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

template <std::size_t kCount>
void take(const std::array<PppSign, kCount>& table, std::string_view name, std::set<std::string_view>& kinds) {
  const auto found = std::ranges::find(table, name, &PppSign::name);
  if (found != table.end()) kinds.insert(found->kind);
}

void take_arguments(const std::vector<std::string>& arguments, std::set<std::string_view>& kinds) {
  for (std::size_t at = 0; at + 1 < arguments.size(); ++at) {
    const std::string_view value = arguments[at + 1];
    if (arguments[at] == "plugin") take(kPlugins, base_name(value), kinds);
    if (arguments[at] == "pty") take(kPrograms, base_name(value.substr(0, value.find(' '))), kinds);
  }
}

bool is_modem_line(std::string_view path) {
  return std::ranges::any_of(kModemLines, [&](std::string_view start) { return path.starts_with(start); });
}

/// Cuts the next word off; empty when there is none.
std::string_view next_word(std::string_view& line) {
  const std::size_t begin = std::min(line.find_first_not_of(" \t"), line.size());
  line.remove_prefix(begin);
  const std::string_view word = line.substr(0, line.find_first_of(" \t"));
  line.remove_prefix(word.size());
  return word;
}

bool is_hardware_address(std::string_view word) {
  constexpr std::size_t kLength = 17;
  if (word.size() != kLength) return false;
  for (std::size_t at = 0; at < kLength; ++at) {
    const bool is_colon = at % 3 == 2;
    const char c = word[at];
    const bool is_digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (is_colon ? c != ':' : !is_digit) return false;
  }
  return true;
}

std::optional<PppoeSession> parse_session(std::string_view line) {
  constexpr int kHexadecimal = 16;
  const std::string_view id = next_word(line);
  PppoeSession session;
  session.peer = next_word(line);
  session.interface = next_word(line);
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number, kHexadecimal);
  const bool is_whole = error == std::errc{} && end == id.data() + id.size() && id.size() == 8 && line.empty();
  if (!is_whole || !is_hardware_address(session.peer) || session.interface.empty()) return std::nullopt;
  return number <= UINT16_MAX ? std::optional(std::move(session)) : std::nullopt;
}

}  // namespace

PppUse ppp_use_of(const PppdFacts& pppd) {
  std::set<std::string_view> kinds;
  take_arguments(pppd.arguments, kinds);
  take(kPrograms, pppd.parent, kinds);
  if (pppd.plugins) {
    for (const std::string& each : *pppd.plugins) take(kPlugins, base_name(each), kinds);
  }
  // A modem's line is held for a dial-up, and by nothing else that pppd does.
  if (kinds.empty() && pppd.lines && std::ranges::any_of(*pppd.lines, is_modem_line)) kinds.insert("modem");
  if (kinds.size() == 1) return {std::string(*kinds.begin()), ""};
  if (!kinds.empty()) return {"ppp", "there are signs of more than one use"};
  return {"ppp", pppd.plugins && pppd.lines ? "neither a plugin nor a line of pppd tells"
                                            : "what pppd has loaded and holds may not be read"};
}

bool is_uplink_kind(std::string_view kind) { return std::ranges::find(kUplinks, kind) != kUplinks.end(); }

std::string why_ppp_unknown(const Snapshot& snapshot, std::string_view interface) {
  if (snapshot.platform != Platform::kLinux) return {};
  const Link* link = snapshot.find_link(interface);
  const Tunnel* tunnel = snapshot.find_tunnel(interface);
  if (tunnel != nullptr && (tunnel->kind != "ppp" || !tunnel->endpoints.empty())) return {};
  const bool is_ppp = tunnel != nullptr || (link != nullptr && link->hardware_type == kHardwarePpp);
  if (!is_ppp) return {};
  const std::string why = tunnel == nullptr ? "nothing is known of it" : escape_controls(tunnel->not_seen);
  return fmt::format("whether {} is a VPN or the line to the provider is not known{}{}", escape_controls(interface),
                     why.empty() ? "" : ": ", why);
}

std::vector<PppoeSession> parse_pppoe_sessions(std::string_view text) {
  std::vector<PppoeSession> sessions;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (auto session = parse_session(line)) sessions.push_back(std::move(*session));
  }
  return sessions;
}

}  // namespace vpndoctor
