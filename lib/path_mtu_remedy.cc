// SPDX-License-Identifier: Apache-2.0
// Builds the commands. Their syntax is checked against nft, ip and openvpn by hand when they change.
#include "path_mtu_remedy.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "word_list.h"

namespace vpndoctor {
namespace {

constexpr std::uint32_t kUdpHeaderBytes = 8;

Command on_linux(Words words) { return {"linux", std::move(words), true}; }
Command on_macos(Words words) { return {"macos", std::move(words), true}; }

/// `MTU` of wg-quick, `tun-mtu` and `mssfix` of OpenVPN for a tunnel whose own packets must fit `outer_bytes`.
/// Without the word `mtu`, which needs OpenVPN 2.6, mssfix counts the UDP payload.
void add_config_lines(std::vector<Command>& commands, const Advice& advice, Family outer, std::uint32_t outer_bytes) {
  bool wireguard = false;
  for (const auto& tunnel : advice.tunnels) {
    if (tunnel.name.starts_with("WireGuard") && !std::exchange(wireguard, true))
      commands.push_back({"wireguard", {"MTU", "=", std::to_string(tunnel.interface_mtu_bytes)}, false});
  }
  const std::uint32_t payload = outer_bytes - ip_header_bytes(outer) - kUdpHeaderBytes;
  commands.push_back({"openvpn", {"mssfix", std::to_string(payload)}, false});
  for (const auto& tunnel : advice.tunnels)
    if (tunnel.name.starts_with("OpenVPN"))
      commands.push_back({"openvpn", {"tun-mtu", std::to_string(tunnel.interface_mtu_bytes)}, false});
}

void add_tunnel_config_line(std::vector<Command>& commands, const Egress& egress, std::uint32_t mtu_bytes) {
  if (egress.tunnel_kind == "wireguard")
    commands.push_back({"wireguard", {"MTU", "=", std::to_string(mtu_bytes)}, false});
  if (egress.tunnel_kind == "openvpn") commands.push_back({"openvpn", {"tun-mtu", std::to_string(mtu_bytes)}, false});
}

/// nft lowers the option and never raises it (net/netfilter/nft_exthdr.c), so a rule without a test is safe.
Words clamp_rule(const char* chain, const char* match, const std::string& interface, const char* protocol,
                 std::uint32_t mss) {
  return {"nft",    "add", "rule",  "inet", "vpndoctor", chain,    match,    interface, "meta", "nfproto",
          protocol, "tcp", "flags", "syn",  "tcp",       "option", "maxseg", "size",    "set",  std::to_string(mss)};
}

/// An anchor below com.apple/ is evaluated by macOS's own pf.conf.
std::string pf_scrub(const std::string& interface, std::uint32_t mss) {
  return fmt::format("echo scrub on {} max-mss {} | pfctl -Ea com.apple/mss -f -", interface, mss);
}

}  // namespace

std::vector<Command> accept_too_big_commands(Family family, FilterChain chain) {
  // Debian's and most distributions' nftables.conf has the table `inet filter` with these chains.
  const std::string nft_chain = chain == FilterChain::kInput ? "input" : "forward";
  const std::string iptables_chain = chain == FilterChain::kInput ? "INPUT" : "FORWARD";
  Words nft{"nft", "insert", "rule", "inet", "filter", nft_chain};
  if (family == Family::kInet) {
    for (const char* word : {"icmp", "type", "3", "icmp", "code", "4", "accept"}) nft.emplace_back(word);
    return {on_linux(std::move(nft)),
            on_linux({"iptables", "-I", iptables_chain, "-p", "icmp", "--icmp-type", "3/4", "-j", "ACCEPT"})};
  }
  for (const char* word : {"icmpv6", "type", "2", "accept"}) nft.emplace_back(word);
  return {on_linux(std::move(nft)),
          on_linux({"ip6tables", "-I", iptables_chain, "-p", "icmpv6", "--icmpv6-type", "2", "-j", "ACCEPT"})};
}

std::vector<Command> set_mtu_commands(const PathMtuMeasurement& measurement, const Advice& advice) {
  if (!advice.interface_mtu_bytes) return {};
  const auto& egress = measurement.egress;
  const std::string mtu = std::to_string(*advice.interface_mtu_bytes);
  std::vector<Command> commands{on_linux({"ip", "link", "set", "dev", egress.interface, "mtu", mtu})};
  commands.push_back(on_macos({"ifconfig", egress.is_tunnel ? "utunX" : "en0", "mtu", mtu}));
  if (egress.is_tunnel) add_tunnel_config_line(commands, egress, *advice.interface_mtu_bytes);
  return commands;
}

std::vector<Command> tunnel_lines(const PathMtuMeasurement& measurement, const Advice& advice) {
  std::vector<Command> commands;
  if (!measurement.egress.is_tunnel && advice.interface_mtu_bytes)
    add_config_lines(commands, advice, measurement.target.address.family, *advice.interface_mtu_bytes);
  return commands;
}

std::vector<Command> clamp_mss_commands(const PathMtuMeasurement& measurement, const Advice& advice) {
  if (!advice.tcp_mss_bytes) return {};
  const auto& interface = measurement.egress.interface;
  std::vector<Command> commands{on_linux({"nft", "add", "table", "inet", "vpndoctor"}),
                                on_linux({"nft", "add", "chain", "inet", "vpndoctor", "clamp_in",
                                          "{ type filter hook prerouting priority mangle; }"}),
                                on_linux({"nft", "add", "chain", "inet", "vpndoctor", "clamp_out",
                                          "{ type filter hook postrouting priority mangle; }"})};
  // The MSS in a SYN that arrives limits what is sent from here; in a SYN that leaves, what is sent to here.
  const auto add_rules = [&](const char* protocol, const std::optional<std::uint32_t>& mss) {
    if (!mss) return;
    commands.push_back(on_linux(clamp_rule("clamp_in", "iifname", interface, protocol, *mss)));
    commands.push_back(on_linux(clamp_rule("clamp_out", "oifname", interface, protocol, *mss)));
  };
  // Another family takes another path, unless both go through the tunnel.
  const bool both = measurement.egress.is_tunnel;
  const bool is_inet = measurement.target.address.family == Family::kInet;
  if (both || is_inet) add_rules("ipv4", advice.tcp_mss_inet_bytes);
  if (both || !is_inet) add_rules("ipv6", advice.tcp_mss_inet6_bytes);
  const std::string macos_interface = measurement.egress.is_tunnel ? "utunX" : "en0";
  commands.push_back(on_macos({"sh", "-c", pf_scrub(macos_interface, *advice.tcp_mss_bytes)}));
  return commands;
}

std::vector<Command> set_route_mtu_commands(const PathMtuMeasurement& measurement, std::uint32_t mtu_bytes) {
  const auto& target = measurement.target.address;
  const bool inet = target.family == Family::kInet;
  Words words{"ip", inet ? "-4" : "-6", "route", "replace", fmt::format("{}/{}", target.to_string(), inet ? 32 : 128)};
  if (measurement.egress.gateway) {
    words.emplace_back("via");
    if (inet && measurement.egress.gateway->family == Family::kInet6) words.emplace_back("inet6");
    words.push_back(measurement.egress.gateway->to_string());
  }
  for (const auto& word : Words{"dev", measurement.egress.interface, "mtu", std::to_string(mtu_bytes)})
    words.push_back(word);
  return {on_linux(std::move(words))};
}

std::vector<Command> flush_cache_commands(Family family) {
  return {on_linux({"ip", family == Family::kInet ? "-4" : "-6", "route", "flush", "cache"})};
}

}  // namespace vpndoctor
