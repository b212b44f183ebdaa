// SPDX-License-Identifier: Apache-2.0
// Words the rules; see the header.
#include "kill_switch_advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "finding_parts.h"
#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

using Words = std::vector<std::string>;

/// True for a string of nft's grammar that needs no quotes (src/scanner.l).
bool is_plain_nft_word(const std::string& name) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto is_plain = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.'; };
  return !name.empty() && is_letter(name.front()) && std::ranges::all_of(name, is_plain);
}

/// The protocol of its outer packets to the server; 0: not known.
std::uint8_t outer_protocol(const Tunnel& tunnel, const IpAddress& server) {
  if (tunnel.peers) return kProtocolUdp;  // WireGuard's
  const auto is_its = [&](const OuterSocket& socket) { return socket.remote == server; };
  const auto found = std::ranges::find_if(tunnel.outer_sockets, is_its);
  return found == tunnel.outer_sockets.end() ? 0 : found->ip_protocol;
}

Words server_words(const Tunnel& tunnel, const OuterEndpoint& server) {
  Words words{server.address.family == Family::kInet ? "ip" : "ip6", "daddr", server.address.to_string()};
  if (!server.port) return words;
  switch (outer_protocol(tunnel, server.address)) {
    case kProtocolUdp:
      words.insert(words.end(), {"udp", "dport"});
      break;
    case kProtocolTcp:
      words.insert(words.end(), {"tcp", "dport"});
      break;
    default:
      words.insert(words.end(), {"meta", "l4proto", "{ tcp, udp }", "th", "dport"});
  }
  words.push_back(std::to_string(*server.port));
  return words;
}

/// What the tunnel's own packets match; empty: not known.
std::vector<Words> own_packets(const Tunnel& tunnel) {
  if (tunnel.mark.value_or(0) != 0) return {{"meta", "mark", fmt::format("{:#x}", *tunnel.mark)}};
  std::vector<Words> matches;
  matches.reserve(tunnel.endpoints.size());
  for (const OuterEndpoint& server : tunnel.endpoints) matches.push_back(server_words(tunnel, server));
  return matches;
}

/// What the tunnels' own packets match; nullopt when it is not known of one of them, or there is none.
std::optional<std::vector<Words>> tunnels_own(const Snapshot& snapshot) {
  if (!snapshot.tunnels || !snapshot.links) return std::nullopt;
  std::vector<Words> matches;
  for (const Tunnel& tunnel : *snapshot.tunnels) {
    if (!is_tunnel(snapshot, tunnel.interface)) continue;
    std::vector<Words> own = own_packets(tunnel);
    if (own.empty()) return std::nullopt;
    for (Words& each : own) {
      if (std::ranges::find(matches, each) == matches.end()) matches.push_back(std::move(each));
    }
  }
  constexpr std::size_t kMostRules = 8;
  if (matches.empty() || matches.size() > kMostRules) return std::nullopt;
  return matches;
}

Command add_rule(const std::string& interface, const Words& match, const char* verdict) {
  Words argv{"nft", "add", "rule", "inet", "killswitch", "out", "oifname", interface};
  argv.insert(argv.end(), match.begin(), match.end());
  argv.emplace_back(verdict);
  return root_command(std::move(argv));
}

/// The link itself has to go on: its address is renewed, and its IPv6 neighbours are found.
std::vector<Command> refuse_others(const std::string& interface, const std::vector<Words>& own) {
  std::vector<Command> commands{
      root_command({"nft", "add", "table", "inet", "killswitch"}),
      root_command({"nft", "add", "chain", "inet", "killswitch", "out", "{ type filter hook output priority 0; }"})};
  for (const Words& each : own) commands.push_back(add_rule(interface, each, "accept"));
  commands.push_back(add_rule(interface, {"udp", "dport", "{ 67, 547 }"}, "accept"));
  commands.push_back(add_rule(
      interface, {"icmpv6", "type", "{ nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert }"}, "accept"));
  commands.push_back(add_rule(interface, {}, "reject"));
  return commands;
}

}  // namespace

void add_kill_switch_steps(const Snapshot& snapshot, const std::string& interface, Finding& finding) {
  add_step(finding.remedy, "Where nothing may leave outside the tunnel, turn on the kill switch of the VPN client.");
  const auto own = tunnels_own(snapshot);
  if (!own || !is_plain_nft_word(interface) || snapshot.platform != Platform::kLinux) return;
  add_step(finding.remedy,
           fmt::format("Or refuse what leaves by {} and is not the tunnel's own. The local network is cut off as well; "
                       "\"nft delete table inet killswitch\" undoes it.",
                       interface),
           refuse_others(interface, *own));
}

}  // namespace vpndoctor
