// SPDX-License-Identifier: Apache-2.0
// Kill switches of the shapes that VPN clients make, loaded into the kernel and read back, on a machine built by hand:
// what the checks say of them.
#include "kill_switch.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <utility>

#include "in_namespace.h"
#include "loaded_ruleset.h"
#include "machine.h"
#include "vpndoctor/leak_checks.h"

namespace vpndoctor {
namespace {

using testing_support::feed;
using testing_support::Machine;
using testing_support::with_ruleset;

/// `not fwmark 51820 lookup TABLE`.
Rule of_all_but_wireguard(Family family, std::uint32_t priority, std::uint32_t table) {
  Rule rule;
  rule.family = family;
  rule.priority = priority;
  rule.inverted = true;
  rule.mark = 51820;
  rule.mark_mask = 0xffffffff;
  rule.table = table;
  return rule;
}

/// wg0 carries everything of both families, as wg-quick does it.
Machine with_wireguard() {
  Machine machine = Machine::ordinary();
  machine.link("wg0", "wireguard", kLinkUp | kLinkRunning | kLinkLowerUp | kLinkPointToPoint | kLinkNoArp);
  machine.address("wg0", "10.7.0.2/32").address("wg0", "fd07::2/128");
  machine.tunnel("wg0", "198.51.100.9", 51820);
  machine.route({.destination = "default", .interface = "wg0", .table = 51820});
  machine.route({.destination = "::/0", .interface = "wg0", .table = 51820});
  for (const Family family : {Family::kInet, Family::kInet6}) {
    machine.rule(of_all_but_wireguard(family, 100, 51820));
  }
  return machine;
}

/// wg0 carries one private network.
Machine with_split_wireguard() {
  Machine machine = Machine::ordinary();
  machine.link("wg0", "wireguard", kLinkUp | kLinkRunning | kLinkLowerUp | kLinkPointToPoint | kLinkNoArp);
  machine.address("wg0", "10.7.0.2/24").tunnel("wg0", "198.51.100.9", 51820);
  machine.route({.destination = "10.0.0.0/8", .interface = "wg0"});
  return machine;
}

Coverage split_coverage() {
  Coverage coverage;
  coverage.inet.mode = CoverageMode::kSplit;
  return coverage;
}

Coverage full_coverage() {
  Coverage coverage;
  coverage.inet.mode = coverage.inet6.mode = CoverageMode::kFull;
  return coverage;
}

struct Checked {
  std::map<std::string, Finding> findings;
  std::map<std::string, std::string> skipped;
  bool has(const std::string& code) const { return findings.contains(code); }
};

Checked check(const Snapshot& snapshot, const Coverage& coverage = full_coverage()) {
  const Fib fib(snapshot);
  const std::vector<TunnelReport> tunnels;
  const LeakFacts facts{
      .snapshot = snapshot, .fib = fib, .uid = 1000, .tunnels = tunnels, .coverage = coverage, .expectation = {}};
  Checked checked;
  const CheckResults results = check_leaks(facts);
  for (const Finding& each : results.findings) {
    if (each.code.starts_with("FWL")) checked.findings.emplace(each.code, each);
  }
  for (const Skipped& each : results.skipped) {
    if (each.code.starts_with("FWL")) checked.skipped.emplace(each.code, each.reason);
  }
  return checked;
}

KillSwitch stops_of(const Snapshot& snapshot) {
  const Fib fib(snapshot);
  const Coverage coverage = full_coverage();
  return judge_kill_switch(
      {.snapshot = snapshot, .fib = fib, .uid = 1000, .tunnels = {}, .coverage = coverage, .expectation = {}});
}

/// The machine without a packet filter.
Snapshot with_nothing(Machine machine) {
  Snapshot snapshot = machine.snapshot();
  snapshot.firewall = Observed<Firewall>(Firewall{}, "netlink");
  return snapshot;
}

constexpr const char* kPolicyDrop = R"(table inet mullvad {
  chain output { type filter hook output priority 0; policy drop;
    oifname "lo" accept
    meta mark 0x6d6f6c65 accept
    udp sport 68 ip daddr 255.255.255.255 udp dport 67 accept
    oifname "wg0" accept
    ip daddr { 10.0.0.0/8, 192.168.0.0/16 } accept
    reject
  }
  chain forward { type filter hook forward priority 0; policy drop;
    oifname "wg0" accept
    ct state established,related accept
  }
})";
constexpr const char* kConnectionMark = R"(table inet nordvpn {
  chain prerouting { type filter hook prerouting priority mangle; policy accept;
    ct mark 0xe1f1 meta mark set ct mark
  }
  chain output { type filter hook output priority filter; policy drop;
    oifname "lo" accept
    ct mark 0xe1f1 accept
    meta mark 0xe1f1 ct mark set meta mark accept
    oifname "wg0" accept
  }
  chain forward { type filter hook forward priority filter; policy drop;
    ct state established,related accept
    oifname "wg0" accept
  }
})";
constexpr const char* kAllowedServer = R"(table inet cloudflare-warp {
  set servers { type ipv4_addr . inet_service; elements = { 162.159.193.1 . 2408 } }
  chain tun { type filter hook output priority 10; policy accept;
    oif "lo" accept
    oifname "wg0" accept
    ip daddr . udp dport @servers accept
    ip daddr { 127.0.0.0/8, 224.0.0.0/4 } accept
    icmpv6 type { nd-router-solicit, nd-neighbor-solicit } accept
    drop
  }
})";
constexpr const char* kSpoofGuard = R"(table ip wg-quick-wg0 {
  chain preraw { type filter hook prerouting priority -300; policy accept;
    iifname != "wg0" ip daddr 10.7.0.2 fib saddr type != local drop
  }
  chain premangle { type filter hook prerouting priority -150; policy accept; meta l4proto udp meta mark set ct mark; }
  chain postmangle { type filter hook postrouting priority -150; policy accept;
    meta l4proto udp meta mark 0x0000ca6c ct mark set meta mark
  }
})";
constexpr const char* kOneFamily = R"(table ip filter {
  chain output { type filter hook output priority 0; policy accept;
    oifname != "wg0" meta mark != 51820 fib daddr type != local reject
  }
})";

TEST(KillSwitch, MissingOneIsANoticeInFullModeOnly) {
  const Snapshot snapshot = with_nothing(with_wireguard());
  const Checked full = check(snapshot);
  ASSERT_TRUE(full.has("FWL004"));
  EXPECT_EQ(full.findings.at("FWL004").severity, Severity::kNotice);
  EXPECT_EQ(full.findings.size(), 1U);
  EXPECT_TRUE(check(snapshot, Coverage{}).findings.empty());
  EXPECT_TRUE(check(snapshot, Coverage{}).skipped.empty());
}

TEST(KillSwitch, OneThatStopsPacketsIsNoFinding) {
  testing_support::in_network_namespace([] {
    for (const char* ruleset : {kPolicyDrop, kConnectionMark, kAllowedServer}) {
      const Checked checked = check(with_ruleset(with_wireguard(), ruleset));
      EXPECT_TRUE(checked.findings.empty()) << ruleset << checked.findings.begin()->second.title;
      EXPECT_TRUE(checked.skipped.empty()) << ruleset << checked.skipped.begin()->second;
    }
  });
}

TEST(KillSwitch, GuardAgainstSpoofedPacketsIsNone) {
  testing_support::in_network_namespace([] {
    const Checked up = check(with_ruleset(with_wireguard(), kSpoofGuard));
    EXPECT_TRUE(up.has("FWL004"));
    EXPECT_FALSE(up.has("FWL001"));
    const Checked left = check(with_ruleset(Machine::ordinary(), kSpoofGuard), Coverage{});
    EXPECT_TRUE(left.findings.empty()) << "TUN007 tells of it";
  });
}

TEST(KillSwitch, RulesThatMissThePhysicalLinkAreToldOf) {
  testing_support::in_network_namespace([] {
    const char* ruleset = R"(table inet guard {
      chain output { type filter hook output priority 0; policy accept;
        oifname "wg0" accept
        oifname "wlan0" drop
      }
    })";
    const Checked checked = check(with_ruleset(with_wireguard(), ruleset));
    EXPECT_TRUE(checked.has("FWL001"));
    EXPECT_FALSE(checked.has("FWL004"));
  });
}

TEST(KillSwitch, OneThatForgetsDnsIsToldOf) {
  testing_support::in_network_namespace([] {
    const char* ruleset = R"(table inet guard {
      chain output { type filter hook output priority 0; policy drop; oifname { "lo", "wg0" } accept; IP udp dport 53 accept; }
    })";
    const auto title = [&](const std::string& match) {
      std::string rules = ruleset;
      rules.replace(rules.find("IP"), 2, match);
      const Checked checked = check(with_ruleset(with_wireguard(), rules));
      return checked.has("FWL001") ? checked.findings.at("FWL001").title : "";
    };
    EXPECT_TRUE(title("").contains("lets IPv4 (DNS) and IPv6 (DNS) packets out by eth0")) << title("");
    EXPECT_TRUE(title("meta nfproto ipv6").contains("lets IPv6 (DNS) packets out by eth0"));
    EXPECT_EQ(title("ip daddr 10.7.0.1"), "") << "the tunnel's own resolver";
  });
}

TEST(KillSwitch, OneFamilyAloneIsToldOf) {
  testing_support::in_network_namespace([] {
    const Checked checked = check(with_ruleset(with_wireguard(), kOneFamily));
    ASSERT_TRUE(checked.has("FWL002"));
    EXPECT_EQ(checked.findings.size(), 1U);
    const std::string both = std::string(kOneFamily) + R"(
table ip6 filter { chain output { type filter hook output priority 0; policy drop; oifname "wg0" accept; }; })";
    EXPECT_TRUE(check(with_ruleset(with_wireguard(), both)).findings.empty());
  });
}

constexpr const char* kInet6Blocked = R"(table ip6 filter {
  chain output { type filter hook output priority 0; policy accept; oifname "eth0" drop; }
})";

TEST(KillSwitch, ToBlockAFamilyThatNoTunnelCarriesIsHealthy) {
  testing_support::in_network_namespace([] {
    Coverage of_inet = full_coverage();
    of_inet.inet6.mode = CoverageMode::kNone;
    const Snapshot full = with_ruleset(with_wireguard(), kInet6Blocked);
    const Checked checked = check(full, of_inet);
    EXPECT_FALSE(checked.has("FWL002"));
    EXPECT_TRUE(checked.has("FWL004"));
    EXPECT_TRUE(check(with_ruleset(with_split_wireguard(), kInet6Blocked), split_coverage()).findings.empty());
    EXPECT_TRUE(check(with_ruleset(Machine::ordinary(), kInet6Blocked), Coverage{}).findings.empty());
    const std::string named = R"(table ip6 filter {
      chain output { type filter hook output priority 0; policy accept; oifname != "wg0" drop; }
    })";
    EXPECT_FALSE(check(with_ruleset(with_wireguard(), named), of_inet).has("FWL002"));
    EXPECT_TRUE(check(with_ruleset(with_wireguard(), named)).has("FWL002"));
  });
}

/// Of a WireGuard server whose PostUp lets in what Docker's policy drops.
constexpr const char* kForwardDrop = R"(table ip filter {
  chain FORWARD { type filter hook forward priority 0; policy drop; iifname "wg0" accept; oifname "wg0" accept; }
})";
constexpr const char* kNoMailThroughTunnel = R"(table ip filter {
  chain output { type filter hook output priority 0; oifname "wg0" tcp dport 25 drop; }
})";
constexpr const char* kStrictFirewall = R"(table ip filter {
  chain output { type filter hook output priority 0; policy drop; oifname { "lo", "wg0" } accept
    tcp dport { 80, 443 } accept
  }
})";
constexpr const char* kNoInvalid = R"(table ip filter {
  chain output { type filter hook output priority 0; oifname "wg0" accept; ct state invalid drop; }
})";
constexpr const char* kOneNetworkInside = R"(table ip filter {
  chain output { type filter hook output priority 0; oifname != "wg0" ip daddr 10.0.0.0/8 drop; }
})";

TEST(KillSwitch, OrdinaryFilterIsNone) {
  testing_support::in_network_namespace([] {
    for (const char* ruleset : {kForwardDrop, kNoMailThroughTunnel, kStrictFirewall, kNoInvalid, kOneNetworkInside}) {
      const Checked split = check(with_ruleset(with_split_wireguard(), ruleset), split_coverage());
      EXPECT_TRUE(split.findings.empty()) << ruleset << split.findings.begin()->second.title;
      EXPECT_TRUE(check(with_ruleset(Machine::ordinary(), kForwardDrop), Coverage{}).findings.empty());
    }
    for (const char* ruleset : {kForwardDrop, kNoMailThroughTunnel, kNoInvalid, kOneNetworkInside}) {
      const Checked full = check(with_ruleset(with_wireguard(), ruleset));
      EXPECT_EQ(full.findings.size(), 1U) << ruleset;
      EXPECT_TRUE(full.has("FWL004")) << ruleset;
    }
    EXPECT_TRUE(check(with_ruleset(with_wireguard(), kStrictFirewall)).has("FWL001"));
  });
}

TEST(KillSwitch, OneWhoseTunnelIsGoneStaysOne) {
  testing_support::in_network_namespace([] {
    for (const char* tunnel : {R"("wg1")", R"("wg*")"}) {
      const std::string ruleset = fmt::format(R"(table inet guard {{
        chain output {{ type filter hook output priority 0; oifname {} accept; oifname "wlan0" drop; }}
      }})",
                                              tunnel);
      EXPECT_TRUE(check(with_ruleset(Machine::ordinary(), ruleset), Coverage{}).has("FWL001")) << tunnel;
    }
  });
}

/// wg-quick(8) documents this; nft prints its matches without their arguments.
TEST(KillSwitch, OneOfIptablesIsUnderstood) {
  if (::system("command -v iptables-nft-restore >/dev/null") != 0) GTEST_SKIP() << "iptables is not installed";
  testing_support::in_network_namespace([] {
    const std::string rules =
        "*filter\n:OUTPUT ACCEPT [0:0]\n"
        "-I OUTPUT ! -o wg0 -m mark ! --mark 51820 -m addrtype ! --dst-type LOCAL -j REJECT\nCOMMIT\n";
    feed("iptables-nft-restore", rules);
    feed("ip6tables-nft-restore", rules);
    Snapshot snapshot = with_wireguard().snapshot();
    snapshot.firewall = read_firewall({});
    const Checked checked = check(snapshot);
    EXPECT_TRUE(checked.findings.empty());
    EXPECT_TRUE(checked.skipped.empty());
  });
}

/// A machine that forwards for containers.
Snapshot forwarding(Snapshot snapshot) {
  RoutingSettings settings = *snapshot.settings;
  for (const char* name : {"all", "docker0", "cali1", "eth0"}) {
    settings.inet[name].forwarding = 1;
    settings.inet[name].reverse_path_filter = 0;
    settings.inet[name].source_valid_mark = 0;
    settings.inet6[name].forwarding = 0;
  }
  snapshot.settings = Observed<RoutingSettings>(settings, "netlink");
  return snapshot;
}

Machine with_containers() {
  Machine machine = with_wireguard();
  machine.link("docker0", "bridge").address("docker0", "172.17.0.1/16");
  return machine;
}

TEST(KillSwitch, ForwardedPacketsThatPassAreToldOf) {
  testing_support::in_network_namespace([] {
    const std::string output = R"(table inet guard {
      chain output { type filter hook output priority 0; policy drop; oifname { "lo", "wg0" } accept; }
    })";
    const Snapshot open = with_ruleset(with_containers(), output);
    EXPECT_TRUE(check(forwarding(open)).has("FWL003"));
    EXPECT_FALSE(check(open).has("FWL003"));
    const std::string both = output + R"(
table inet more { chain forward { type filter hook forward priority 0; policy drop; oifname "wg0" accept; }; })";
    EXPECT_FALSE(check(forwarding(with_ruleset(with_containers(), both))).has("FWL003"));
  });
}

TEST(KillSwitch, GuestBehindAnInterfaceWithoutAddressIsForwardedAsWell) {
  testing_support::in_network_namespace([] {
    const std::string output = R"(table inet guard {
      chain output { type filter hook output priority 0; policy drop; oifname { "lo", "wg0" } accept; }
    })";
    Machine machine = with_wireguard();
    machine.link("cali1", "veth").route({.destination = "10.77.0.2/32", .interface = "cali1"});
    const Checked checked = check(forwarding(with_ruleset(std::move(machine), output)));
    ASSERT_TRUE(checked.has("FWL003"));
    EXPECT_EQ(checked.findings.at("FWL003").subject.id, "cali1");
  });
}

TEST(KillSwitch, FilterOfAMachineWithoutVpnNeedNotStopWhatIsForwarded) {
  testing_support::in_network_namespace([] {
    const char* output = "table inet f { chain o { type filter hook output priority 0; policy drop; }; }";
    Machine machine = Machine::ordinary();
    machine.link("docker0", "bridge").address("docker0", "172.17.0.1/16");
    EXPECT_TRUE(check(forwarding(with_ruleset(std::move(machine), output)), Coverage{}).findings.empty());
    EXPECT_TRUE(check(forwarding(with_ruleset(with_containers(), output))).has("FWL003"));
  });
}

TEST(KillSwitch, UnreachableDefaultIsOne) {
  Machine machine = with_wireguard();
  machine.route({.destination = "default", .table = 51821, .type = RouteType::kUnreachable});
  // The kernel gives such a route of IPv6 the loopback interface (net/ipv6/route.c ip6_route_info_create()).
  machine.route({.destination = "::/0", .interface = "lo", .table = 51821, .type = RouteType::kUnreachable});
  for (const Family family : {Family::kInet, Family::kInet6}) {
    machine.rule(of_all_but_wireguard(family, 200, 51821));
  }
  const Checked checked = check(with_nothing(std::move(machine)));
  EXPECT_TRUE(checked.findings.empty());
  EXPECT_TRUE(checked.skipped.empty());
}

/// Proton VPN's, which a dummy interface swallows.
TEST(KillSwitch, DefaultIntoADummyIsOne) {
  Machine machine = with_wireguard();
  machine.link("pvpnksintrf0", "dummy").address("pvpnksintrf0", "100.85.0.1/24");
  machine.link("ipv6leakintrf0", "dummy").address("ipv6leakintrf0", "fdeb:446c:912d:8da::1/64");
  for (const Family family : {Family::kInet, Family::kInet6}) {
    machine.rule(of_all_but_wireguard(family, 200, 98));
  }
  machine.route({.destination = "default", .interface = "pvpnksintrf0", .table = 98});
  machine.route({.destination = "::/0", .interface = "ipv6leakintrf0", .table = 98});
  EXPECT_TRUE(check(with_nothing(std::move(machine))).findings.empty());
}

TEST(KillSwitch, WhatIsNotModelledIsSkippedWithItsReason) {
  Snapshot snapshot = with_nothing(with_wireguard());
  snapshot.firewall->others = {"iptables-legacy has the table filter (/proc/net/ip_tables_names)"};
  const Checked checked = check(snapshot);
  EXPECT_TRUE(checked.findings.empty());
  ASSERT_TRUE(checked.skipped.contains("FWL004"));
  EXPECT_TRUE(checked.skipped.at("FWL004").contains("iptables-legacy"));
  snapshot.firewall = Observed<Firewall>::missing("only root may read it");
  EXPECT_TRUE(check(snapshot).skipped.at("FWL004").contains("only root"));
}

TEST(KillSwitch, ProgramOnAnotherInterfaceDoesNotMatter) {
  Snapshot snapshot = with_nothing(with_wireguard());
  snapshot.firewall->device_filters = {{"docker0", "an eBPF program is attached to docker0 (tcx)"}};
  EXPECT_TRUE(check(snapshot).has("FWL004"));
  snapshot.firewall->device_filters = {{"eth0", "an eBPF program is attached to eth0 (tcx)"}};
  EXPECT_FALSE(check(snapshot).has("FWL004"));
  EXPECT_TRUE(check(snapshot).skipped.contains("FWL004"));
}

/// The machine with this one chain of type filter.
Snapshot with_chain(Machine machine, const FirewallChain& chain) {
  Snapshot snapshot = with_nothing(std::move(machine));
  snapshot.firewall->tables = {{.family = "inet", .name = "t", .chains = {chain}}};
  return snapshot;
}

std::vector<FirewallExpression> of_protocol(char protocol) {
  return {{.name = "meta", .destination = 4, .key = 16},
          {.name = "cmp", .source = 4, .data = std::string(1, protocol)}};
}

TEST(KillSwitch, WhatIsUnknownOfOneKindIsNotStopped) {
  FirewallChain chain{
      .name = "o", .type = "filter", .hook = FirewallHook::kOutput, .drops_by_default = true, .rules = {}};
  std::vector<FirewallExpression> steps = of_protocol(6);
  steps.push_back({.name = "match", .subject = "recent"});
  steps.push_back({.name = "immediate", .decision = {FirewallAction::kAccept}});
  chain.rules = {{.handle = 1, .expressions = steps}};
  const KillSwitch judged = stops_of(with_chain(with_wireguard(), chain));
  EXPECT_EQ(judged.families[0].local.state, StopState::kUnknown);
}

TEST(KillSwitch, OneKindThatLeavesIsOpenWhateverIsUnknownOfOthers) {
  FirewallChain chain{.name = "o", .type = "filter", .hook = FirewallHook::kOutput, .rules = {}};
  std::vector<FirewallExpression> steps = of_protocol(1);
  steps.push_back({.name = "match", .subject = "recent"});
  steps.push_back({.name = "immediate", .decision = {FirewallAction::kDrop}});
  chain.rules = {{.handle = 1, .expressions = steps}};
  const KillSwitch judged = stops_of(with_chain(with_wireguard(), chain));
  EXPECT_EQ(judged.families[0].local.state, StopState::kOpen);
}

TEST(KillSwitch, Inet6IsForwardedForAllInterfacesOrNone) {
  Machine machine = with_containers();
  machine.address("docker0", "2001:db8:77::1/64");
  Snapshot snapshot = forwarding(with_nothing(std::move(machine)));
  EXPECT_EQ(stops_of(snapshot).families[1].forwarded.state, StopState::kNoWay);
  snapshot.settings->inet6["all"].forwarding = 1;
  EXPECT_EQ(stops_of(snapshot).families[1].forwarded.state, StopState::kOpen);
}

}  // namespace
}  // namespace vpndoctor
