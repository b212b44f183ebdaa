// SPDX-License-Identifier: Apache-2.0
// Draws packet filters; see the header.
#include "random_ruleset.h"

#include <fmt/format.h>

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "draw.h"

namespace vpndoctor::testing_support {
namespace {

using Words = std::span<const std::string_view>;

std::string_view any_of(Draw& draw, Words words) { return words[draw.below(words.size())]; }

constexpr std::array<std::string_view, 54> kBoth = {
    "oifname \"out0\"",
    "oifname != \"out0\"",
    "oifname \"o*\"",
    "oifname { \"lo\", \"alt0\" }",
    "oif out0",
    "oif != lo",
    "iifname \"in0\"",
    "iifname != \"in0\"",
    "iif lo",
    "meta mark 0",
    "meta mark 7",
    "meta mark != 7",
    "meta mark and 0x3 == 0x3",
    "meta mark < 5",
    "meta mark { 0, 1-5 }",
    "meta skuid 1000",
    "meta skuid != 1000",
    "meta skuid 0-999",
    "meta skuid { 0, 1000 }",
    "meta l4proto tcp",
    "meta l4proto { tcp, udp }",
    "meta l4proto != udp",
    "tcp dport 443",
    "tcp dport { 53, 80-90, 443 }",
    "udp dport 50-60",
    "udp dport != 53",
    "th dport { 53, 123 }",
    "th sport > 1024",
    "tcp flags syn",
    "tcp flags & (syn|ack) == syn",
    "tcp flags & (fin|ack) != 0",
    "icmp type echo-request",
    "icmp type { echo-reply, destination-unreachable }",
    "icmpv6 type echo-request",
    "ct state new",
    "ct state established,related",
    "ct state invalid,untracked",
    "ct state != new",
    "ct mark 3",
    "ct mark != 3",
    "ct direction original",
    "ct status dnat",
    "ct protocol 17",
    "fib daddr type local",
    "fib daddr type != local",
    "fib saddr type local",
    "meta nfproto ipv4",
    "meta pkttype host",
    "meta oiftype ether",
    "meta cpu 0-63",
    "meta length < 100",
    "limit rate 1/second",
    "numgen random mod 2 0",
    "tcp dport . meta mark { 443 . 0, 53 . 7 }",
};
constexpr std::array<std::string_view, 11> kInetOnly = {
    "ip daddr 9.9.9.9",
    "ip daddr != 9.9.9.9",
    "ip daddr 9.0.0.0/8",
    "ip daddr { 8.8.8.8, 9.9.0.0/16 }",
    "ip daddr 8.0.0.0-9.255.255.255",
    "ip saddr 192.168.50.0/24",
    "ip protocol udp",
    "ip dscp 0",
    "ip ttl < 200",
    "ip daddr . tcp dport { 9.9.9.9 . 443, 8.0.0.0/8 . 1-100 }",
    "ip frag-off & 0x1fff != 0",
};
constexpr std::array<std::string_view, 7> kInet6Only = {
    "ip6 daddr 2620:fe::9",
    "ip6 daddr 2620:fe::/32",
    "ip6 daddr { 2001:db8::/32, 2620:fe::9 }",
    "ip6 saddr 2a0e:50::/64",
    "ip6 nexthdr tcp",
    "exthdr frag exists",
    "ip6 daddr != { fe80::/10, ff00::/8 }",
};
constexpr std::array<std::string_view, 16> kVerdicts = {
    "accept",
    "accept",
    "drop",
    "drop",
    "drop",
    "reject",
    "return",
    "continue",
    "jump first",
    "jump second",
    "goto second",
    "th dport vmap { 53 : accept, 443 : drop, 60-99 : jump second }",
    "meta mark vmap { 0 : continue, 7 : drop, 2-5 : accept }",
    "meta l4proto vmap @verdicts",
    "accept",
    "drop"};
constexpr std::array<std::string_view, 9> kActions = {"counter",
                                                      "meta mark set 7",
                                                      "meta mark set 3",
                                                      "meta mark set meta mark or 0x2",
                                                      "meta mark set meta mark and 0xfe xor 0x1",
                                                      "ct mark set 3",
                                                      "ct mark set meta mark",
                                                      "meta mark set ct mark",
                                                      "meta mark set th dport map { 53 : 7, 443 : 3 }"};

/// What the chains of the netdev family do not know: connections, sockets, routes.
bool suits_netdev(std::string_view words) {
  for (const std::string_view word : {"ct ", "fib", "reject", "skuid", "iif"}) {
    if (words.contains(word)) return false;
  }
  return true;
}

std::string condition(Draw& draw, std::string_view family) {
  const auto kind = draw.below(4);
  if (kind == 0 && family != "ip6") return std::string(any_of(draw, kInetOnly));
  if (kind == 1 && family != "ip") return std::string(any_of(draw, kInet6Only));
  return std::string(any_of(draw, kBoth));
}

std::string rule(Draw& draw, std::string_view family, std::string_view chain) {
  while (true) {
    std::string words;
    for (auto left = 1 + draw.below(2); left > 0; --left) words += condition(draw, family) + " ";
    if (draw.chance(4)) words += std::string(any_of(draw, kActions)) + " ";
    if (!draw.chance(6)) words += any_of(draw, kVerdicts);
    const bool is_loop =
        (chain == "second" && words.contains("second")) || (!chain.starts_with("base") && words.contains("first"));
    if (!is_loop && (family != "netdev" || suits_netdev(words))) return words;
  }
}

/// The words after `chain NAME` of a base chain.
std::string hook_words(Draw& draw, std::string_view family, RulesetWords words) {
  constexpr std::array<int, 7> kPriorities = {-300, -250, -150, -50, 0, 0, 10};
  std::string hook = words.forwards ? "forward" : "output";
  if (draw.chance(4)) hook = "postrouting";
  if (words.forwards && draw.chance(4)) hook = "prerouting";
  if (family == "netdev") hook = "egress device \"out0\"";
  const bool is_route = hook == "output" && draw.chance(4);
  return fmt::format("{{ type {} hook {} priority {}; policy {}; }}", is_route ? "route" : "filter", hook,
                     kPriorities[draw.below(kPriorities.size())], draw.chance(3) ? "drop" : "accept");
}

std::string table(Draw& draw, RulesetWords words, unsigned number) {
  constexpr std::array<std::string_view, 7> kFamilies = {"ip", "ip6", "inet", "inet", "inet", "netdev", "ip"};
  const std::string_view family = any_of(draw, kFamilies);
  const std::string name = fmt::format("{} table{}", family, number);
  const bool is_dormant = draw.chance(12) && family != "netdev";
  std::string text = fmt::format("add table {} {}\n", name, is_dormant ? "{ flags dormant; }" : "");
  text += fmt::format("add chain {0} first\nadd chain {0} second\n", name);
  text += fmt::format(
      "add map {} verdicts {{ type inet_proto : verdict; elements = {{ tcp : accept, icmp : drop, "
      "ipv6-icmp : drop }}; }}\n",
      name);
  std::vector<std::string> chains = {"first", "second"};
  for (unsigned i = 0; i <= draw.below(2); ++i) {
    chains.push_back(fmt::format("base{}", i));
    text += fmt::format("add chain {} {} {}\n", name, chains.back(), hook_words(draw, family, words));
  }
  for (const std::string& chain : chains) {
    for (auto left = 1 + draw.below(6); left > 0; --left) {
      text += fmt::format("add rule {} {} {}\n", name, chain, rule(draw, family, chain));
    }
  }
  return text;
}

constexpr std::array<std::string_view, 50> kMatches = {
    "-o out0",
    "! -o out0",
    "-o o+",
    "! -o lo",
    "-m mark --mark 7",
    "-m mark ! --mark 7",
    "-m mark --mark 0x1/0x1",
    "-m connmark --mark 3",
    "-m connmark ! --mark 3",
    "-m addrtype --dst-type LOCAL",
    "-m addrtype ! --dst-type LOCAL",
    "-m addrtype --dst-type MULTICAST",
    "-m addrtype --src-type LOCAL",
    "-m conntrack --ctstate NEW",
    "-m conntrack --ctstate RELATED,ESTABLISHED",
    "-m conntrack ! --ctstate NEW,INVALID",
    "-m conntrack --ctstate UNTRACKED,SNAT,DNAT",
    "-m conntrack --ctdir ORIGINAL",
    "-m conntrack --ctdir REPLY",
    "-m conntrack --ctproto udp",
    "-p udp -m conntrack --ctorigdstport 50:60",
    "-m state --state NEW",
    "-m comment --comment \"a comment\"",
    "-p tcp",
    "! -p tcp",
    "-p udp",
    "-p tcp --dport 443",
    "-p tcp ! --dport 443",
    "-p tcp --dport 80:500",
    "-p tcp --syn",
    "-p tcp --tcp-flags ALL FIN",
    "-p tcp ! --tcp-flags SYN,ACK ACK",
    "-p udp --dport 53",
    "-p udp --sport 1024:",
    "-p tcp -m multiport --dports 53,80:90,443",
    "-p udp -m multiport ! --dports 53,443",
    "-p tcp -m multiport --ports 443,444",
    "-p udp -m multiport --sports 1:1023",
    "-m limit --limit 1/second",
    "-m statistic --mode random --probability 0.5",
    "-m pkttype --pkt-type unicast",
    "-m pkttype ! --pkt-type broadcast",
    "-m devgroup --dst-group 0",
    "-m devgroup ! --dst-group 0x1/0x1",
    "-m length --length 0:200",
    "-p udp -m length --length 1:50",
    "-m helper --helper ftp",
    "-m cpu --cpu 0",
    "-m conntrack --ctstatus NONE",
    "-m mark ! --mark 0",
};
constexpr std::array<std::string_view, 9> kMatchesOfInet = {"-d 9.9.9.9",
                                                            "! -d 9.9.9.9",
                                                            "-d 9.0.0.0/8",
                                                            "-s 192.168.50.0/24",
                                                            "-m iprange --dst-range 9.9.9.0-9.9.9.20",
                                                            "-p icmp --icmp-type 8",
                                                            "-p icmp ! --icmp-type echo-request",
                                                            "-m iprange ! --src-range 10.0.0.0-10.0.0.9",
                                                            "-m conntrack --ctorigdst 9.9.0.0/16"};
constexpr std::array<std::string_view, 7> kMatchesOfInet6 = {"-d 2620:fe::9",
                                                             "! -d 2620:fe::9",
                                                             "-d 2620:fe::/32",
                                                             "-m iprange --dst-range 2620:fe::1-2620:fe::20",
                                                             "-p icmpv6 --icmpv6-type 128",
                                                             "-p icmpv6 ! --icmpv6-type echo-reply",
                                                             "-m conntrack --ctorigdst 2620::/16"};
constexpr std::array<std::string_view, 5> kOwners = {"-m owner --uid-owner 1000", "-m owner ! --uid-owner 1000",
                                                     "-m owner --uid-owner 0-999", "-m owner --socket-exists",
                                                     "-m owner ! --uid-owner 0"};
constexpr std::array<std::string_view, 11> kTargets = {"ACCEPT", "ACCEPT", "DROP", "DROP",   "REJECT", "RETURN",
                                                       "FIRST",  "REJECT", "DROP", "ACCEPT", "FIRST"};
constexpr std::array<std::string_view, 8> kMangleTargets = {"MARK --set-mark 7",
                                                            "MARK --set-xmark 0x3/0xf",
                                                            "MARK --or-mark 2",
                                                            "CONNMARK --set-mark 3",
                                                            "CONNMARK --save-mark",
                                                            "CONNMARK --restore-mark",
                                                            "CONNMARK --save-mark --nfmask 0x3 --ctmask 0x7",
                                                            "RETURN"};

/// No option but -m may be given twice.
bool can_follow(std::string_view first, std::string_view second) {
  for (const std::string_view option : {"-p ", "-o ", "-d ", "-s "}) {
    if (first.contains(option) && second.contains(option)) return false;
  }
  return true;
}

std::string iptables_rule(Draw& draw, std::string_view chain, bool is_inet6, bool is_mangle) {
  std::string words = fmt::format("-A {} ", chain);
  const bool has_owner = chain == "OUTPUT" && draw.chance(4);
  const Words matches = draw.chance(4) ? (is_inet6 ? Words(kMatchesOfInet6) : Words(kMatchesOfInet)) : Words(kMatches);
  words += has_owner ? any_of(draw, kOwners) : any_of(draw, matches);
  const std::string_view second = any_of(draw, matches);
  if (draw.chance(2) && can_follow(words, second)) words += fmt::format(" {}", second);
  while (true) {
    const std::string_view target = is_mangle ? any_of(draw, kMangleTargets) : any_of(draw, kTargets);
    if (chain == "FIRST" && target == "FIRST") continue;
    return words + fmt::format(" -j {}\n", target);
  }
}

}  // namespace

std::string random_nft_ruleset(std::mt19937_64& random, RulesetWords words) {
  Draw draw(random);
  std::string text = "flush ruleset\n";
  for (unsigned i = 0; i <= draw.below(3); ++i) text += table(draw, words, i);
  return text;
}

std::string random_iptables_ruleset(std::mt19937_64& random, RulesetWords words, bool is_inet6) {
  Draw draw(random);
  const std::string_view hook = words.forwards ? "FORWARD" : "OUTPUT";
  std::string text = "*mangle\n";
  for (auto left = draw.below(4); left > 0; --left) text += iptables_rule(draw, hook, is_inet6, true);
  text += "COMMIT\n*filter\n";
  text += fmt::format(":{} {} [0:0]\n:FIRST - [0:0]\n", hook, draw.chance(3) ? "DROP" : "ACCEPT");
  for (auto left = 1 + draw.below(4); left > 0; --left) text += iptables_rule(draw, hook, is_inet6, false);
  for (auto left = draw.below(3); left > 0; --left) text += iptables_rule(draw, "FIRST", is_inet6, false);
  return text + "COMMIT\n";
}

}  // namespace vpndoctor::testing_support
