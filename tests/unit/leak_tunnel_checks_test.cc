// SPDX-License-Identifier: Apache-2.0
// Each check of tunnels fires on the state that it is about, and stays silent on the same state without the fault.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "leak_judgement.h"
#include "machine.h"
#include "vpndoctor/codes.h"

namespace vpndoctor {
namespace {

using namespace std::chrono_literals;
using testing_support::judge_leaks;
using testing_support::Machine;

/// A DNS server.
DnsServer server(const char* address) {
  DnsServer made;
  made.address = IpAddress::parse(address).value();
  return made;
}

/// A snapshot with what is to be asked about it.
struct Case {
  Snapshot snapshot;
  Coverage coverage;
  VpnExpectation expectation;
  const Snapshot* before = nullptr;

  explicit Case(Snapshot its_snapshot) : snapshot(std::move(its_snapshot)) {
    coverage.inet.mode = coverage.inet6.mode = CoverageMode::kNone;
    snapshot.firewall = {Firewall{}, "netlink"};
    snapshot.vpn_signs = {std::vector<VpnSign>{}, "/proc"};
    snapshot.leases = {std::vector<InterfaceConfiguration>{}, "files"};
  }
  explicit Case(Machine machine) : Case(machine.snapshot()) {}

  CheckResults check() const { return judge_leaks(snapshot, coverage, expectation, before); }
  /// Why a check was not made, or not decided; empty when it was.
  std::string why_skipped(const std::string& code) const {
    const CheckResults results = check();
    const auto found = std::ranges::find(results.skipped, code, &Skipped::code);
    return found == results.skipped.end() ? "" : found->reason;
  }
  std::optional<Finding> finding(const std::string& code) const {
    const CheckResults results = check();
    const auto found = std::ranges::find(results.findings, code, &Finding::code);
    return found == results.findings.end() ? std::nullopt : std::optional(*found);
  }
  bool fires(const std::string& code) const { return finding(code).has_value(); }
  bool skips(const std::string& code) const { return !why_skipped(code).empty(); }
  /// The codes of tunnels that fire.
  std::string tunnel_codes() const {
    std::string codes;
    for (const Finding& each : check().findings) {
      if (each.code.starts_with("TUN")) codes += (codes.empty() ? "" : " ") + each.code;
    }
    return codes;
  }
  Tunnel& tunnel(std::size_t at = 0) { return (*snapshot.tunnels)[at]; }
  Link& link(const std::string& name) { return *std::ranges::find(*snapshot.links, name, &Link::name); }
  void moved(const std::string& interface, std::uint64_t received, std::uint64_t sent, std::uint64_t queued) {
    InterfaceActivity activity{.interface = interface, .first = {}, .last = {}};
    activity.first.queued_packets = 0;
    activity.last.received_packets = received;
    activity.last.sent_packets = sent;
    activity.last.queued_packets = queued;
    if (snapshot.tunnels && snapshot.find_tunnel(interface)->peers)
      activity.first_peers = activity.last_peers = *snapshot.find_tunnel(interface)->peers;
    snapshot.activity = {TunnelActivity{.interval = 6s, .ended_at = snapshot.taken_at, .interfaces = {activity}},
                         "netlink"};
  }
  void hold(char state) {
    tunnel().holder_pid = 42;
    tunnel().holder_name = "openvpn";
    tunnel().holder_state = state;
  }
};

/// The commands of a finding's remedy, one a line.
std::string commands_of(const Finding& finding) {
  std::string text;
  for (const Command& command : finding.remedy.commands) {
    for (const std::string& word : command.argv) text += (&word == &command.argv.front() ? "" : " ") + word;
    text += "\n";
  }
  return text;
}

/// eth0 and tun0 with the two halves of IPv4; the tun is persistent.
Case openvpn(bool has_carrier = true) {
  Machine machine = Machine::ordinary();
  machine.tun("tun0", has_carrier).address("tun0", "10.8.0.2/24").tunnel("tun0", "198.51.100.9");
  for (const char* half : {"0.0.0.0/1", "128.0.0.0/1"})
    machine.route({.destination = half, .interface = "tun0", .gateway = "10.8.0.1"});
  Case made(std::move(machine));
  made.link("tun0").tun_persistent = true;
  if (has_carrier) made.hold('S');
  return made;
}

Rule wg_quick_rule(Family family, std::uint32_t priority) {
  Rule rule;
  rule.family = family;
  rule.priority = priority;
  rule.inverted = true;
  rule.mark = rule.table = 51820;
  rule.mark_mask = 0xffffffff;
  return rule;
}

Rule suppressing_rule(Family family, std::uint32_t priority) {
  Rule rule;
  rule.family = family;
  rule.priority = priority;
  rule.table = kTableMain;
  rule.suppress_prefix_length = 0;
  return rule;
}

/// What wg-quick leaves when its program is killed, after so many crashes.
Case crashed_wg_quick(std::uint32_t crashes = 1) {
  Machine machine = Machine::ordinary();
  for (std::uint32_t i = 0; i < crashes; ++i) {
    for (const Family family : {Family::kInet, Family::kInet6}) {
      machine.rule(wg_quick_rule(family, 32765 - 2 * i)).rule(suppressing_rule(family, 32764 - 2 * i));
    }
  }
  Case made(std::move(machine));
  made.snapshot.firewall->tables = {{"ip", "wg-quick-wg0"}, {"ip6", "wg-quick-wg0"}, {"inet", "filter"}};
  VpnSign sign;
  sign.kind = VpnSignKind::kAbandonedSocket;
  sign.name = "/run/wireguard/wg0.sock";
  sign.text = "nobody listens on it";
  made.snapshot.vpn_signs->push_back(sign);
  return made;
}

TEST(TunnelChecks, AHealthyTunnelAndAMachineWithoutOneAreQuiet) {
  Case vpn = openvpn();
  vpn.moved("tun0", 5, 5, 5);
  EXPECT_EQ(vpn.tunnel_codes(), "");
  EXPECT_EQ(Case(Machine::ordinary()).tunnel_codes(), "");
}

TEST(TunnelChecks, ADeadTunnelWithRoutesIsAnError) {
  const Case orphan = openvpn(false);
  EXPECT_EQ(orphan.tunnel_codes(), "TUN001");
  const Finding finding = orphan.finding("TUN001").value();
  EXPECT_EQ(finding.severity, Severity::kError);
  EXPECT_EQ(finding.subject.id, "tun0");
  const std::string commands = commands_of(finding);
  EXPECT_NE(commands.find("ip -4 route del 0.0.0.0/1 via 10.8.0.1 dev tun0\n"), std::string::npos) << commands;
  EXPECT_TRUE(commands.ends_with("ip link del dev tun0\n")) << commands;
}

TEST(TunnelChecks, ACarrierThatIsGoneCountsWhoeverHoldsTheTunnel) {
  Case orphan = openvpn(false);
  ASSERT_EQ(judge_tunnels(orphan.snapshot).at(0).state, TunnelState::kOrphan);
  EXPECT_EQ(orphan.finding("TUN001")->confidence, Confidence::kProven);
  EXPECT_EQ(orphan.finding("TUN001")->title, "tun0 is dead and still holds 3 routes");
  orphan.tunnel().holder_not_seen = "/proc is not readable";
  ASSERT_EQ(judge_tunnels(orphan.snapshot).at(0).state, TunnelState::kUnknown);
  EXPECT_EQ(orphan.tunnel_codes(), "TUN001");
  EXPECT_EQ(orphan.finding("TUN001")->severity, Severity::kError);
  EXPECT_EQ(orphan.finding("TUN001")->confidence, Confidence::kLikely);
  EXPECT_EQ(orphan.finding("TUN001")->title, "tun0 has no carrier and still holds 3 routes");
}

TEST(TunnelChecks, ACarrierThatWentWhileItWasWatchedIsAnError) {
  Case crashed = openvpn();
  crashed.moved("tun0", 5, 5, 5);
  crashed.snapshot.activity->interfaces.front().last_carrier = true;
  EXPECT_EQ(crashed.tunnel_codes(), "");
  crashed.snapshot.activity->interfaces.front().last_carrier = false;
  EXPECT_EQ(crashed.tunnel_codes(), "TUN001");
  EXPECT_EQ(crashed.finding("TUN001")->confidence, Confidence::kLikely);
}

TEST(TunnelChecks, TheFlagsFollowTheCarrierAndAreNotWaitedFor) {
  Case crashed = openvpn();
  crashed.tunnel().holder_pid.reset();
  crashed.link("tun0").carrier = false;
  EXPECT_EQ(crashed.tunnel_codes(), "TUN001");
  EXPECT_EQ(crashed.finding("TUN001")->confidence, Confidence::kProven);
}

TEST(TunnelChecks, ATunnelThatNothingUsesIsOnlyLeftOver) {
  Machine machine = Machine::ordinary();
  machine.tun("tun0", false).tunnel("tun0", "");
  Case unused(std::move(machine));
  unused.link("tun0").tun_persistent = true;
  EXPECT_EQ(unused.tunnel_codes(), "TUN004");
  EXPECT_EQ(unused.finding("TUN004")->severity, Severity::kWarning);
  unused.tunnel().holder_not_seen = "/proc is not readable";
  EXPECT_EQ(unused.tunnel_codes(), "");
}

TEST(TunnelChecks, NamesAloneKeepADeadTunnelInUse) {
  Machine machine = Machine::ordinary();
  machine.tun("tun0", false).tunnel("tun0", "");
  Case named(std::move(machine));
  named.link("tun0").tun_persistent = true;
  ResolvedState resolved;
  resolved.runs = true;
  resolved.resolv_conf_mode = "stub";
  ResolvedScope scope;
  scope.kind = ResolvedScope::Kind::kLink;
  scope.interface = "tun0";
  scope.servers = {server("10.8.0.1")};
  resolved.scopes = {scope};
  named.snapshot.dns.resolved = {resolved, "D-Bus"};
  ResolvConf file;
  file.exists = true;
  file.used_servers = file.nameservers = {server("127.0.0.53")};
  named.snapshot.dns.resolv_conf = {file, "/etc/resolv.conf"};
  ASSERT_EQ(named.tunnel_codes(), "TUN001");
  EXPECT_NE(commands_of(*named.finding("TUN001")).find("resolvectl revert tun0\n"), std::string::npos);
}

TEST(TunnelChecks, AStoppedHolderIsLetGoOn) {
  Case hung = openvpn();
  hung.hold('T');
  hung.moved("tun0", 0, 0, 4);
  EXPECT_EQ(hung.tunnel_codes(), "TUN002");
  EXPECT_TRUE(commands_of(*hung.finding("TUN002")).starts_with("kill -CONT 42\n"));
  EXPECT_EQ(hung.finding("TUN002")->confidence, Confidence::kProven);
  hung.hold('S');
  EXPECT_EQ(hung.finding("TUN002")->confidence, Confidence::kLikely) << "it may only pause";
  EXPECT_TRUE(commands_of(*hung.finding("TUN002")).starts_with("kill 42\n"));
  hung.hold('T');
  hung.moved("tun0", 0, 0, 0);
  EXPECT_EQ(hung.tunnel_codes(), "TUN009");
}

TEST(TunnelChecks, ASessionThatIsGoneIsAnErrorWhereRoutesLeadThere) {
  Machine machine = Machine::ordinary();
  machine.link("wg0", "wireguard").tunnel("wg0", "198.51.100.9");
  machine.route({.destination = "10.1.0.0/16", .interface = "wg0"});
  Case dead(std::move(machine));
  WireguardPeer peer;
  peer.public_key = "key";
  peer.last_handshake = dead.snapshot.taken_at - 500s;
  dead.tunnel().peers = {peer};
  dead.moved("wg0", 0, 7, 7);
  EXPECT_EQ(dead.tunnel_codes(), "TUN003");
  EXPECT_EQ(dead.finding("TUN003")->severity, Severity::kError);
  dead.moved("wg0", 0, 0, 0);
  EXPECT_EQ(dead.tunnel_codes(), "");
}

TEST(TunnelChecks, WhatWgQuickLeavesIsOneFindingInOrder) {
  const Case crashed = crashed_wg_quick();
  EXPECT_EQ(crashed.tunnel_codes(), "TUN007");
  const Finding finding = crashed.finding("TUN007").value();
  EXPECT_EQ(finding.severity, Severity::kError);
  EXPECT_EQ(finding.title, "wg-quick left 4 rules, 2 tables of the packet filter and 1 control socket behind");
  EXPECT_EQ(commands_of(finding),
            "ip -4 rule del from all lookup main suppress_prefixlength 0 pref 32764\n"
            "ip -4 rule del not from all fwmark 0xca6c lookup 51820 pref 32765\n"
            "ip -6 rule del from all lookup main suppress_prefixlength 0 pref 32764\n"
            "ip -6 rule del not from all fwmark 0xca6c lookup 51820 pref 32765\n"
            "nft delete table ip wg-quick-wg0\nnft delete table ip6 wg-quick-wg0\n"
            "rm /run/wireguard/wg0.sock\nwg-quick up wg0\n");
}

/// Without nft(8), wg-quick marks rules of iptables.
TEST(TunnelChecks, RulesOfIptablesThatWgQuickMarkedAreNamed) {
  Case crashed(Machine::ordinary());
  const FirewallRule rule{.handle = 7, .comment = "wg-quick(8) rule for wg0"};
  const FirewallRule other{.handle = 8, .comment = "rule for wg0"};
  crashed.snapshot.firewall->tables = {
      {.family = "ip", .name = "raw", .chains = {{.name = "PREROUTING", .rules = {other, rule}}}}};
  const Finding finding = crashed.finding("TUN007").value();
  EXPECT_EQ(finding.title, "wg-quick left 1 rule of iptables behind");
  EXPECT_EQ(finding.severity, Severity::kError);
  ASSERT_EQ(finding.evidence.size(), 1U);
  EXPECT_EQ(finding.evidence.front().text, "table ip raw, chain PREROUTING: wg-quick(8) rule for wg0");
  EXPECT_NE(finding.remedy.steps.at(0).summary.find("\"wg-quick(8) rule for wg0\""), std::string::npos);
  EXPECT_EQ(commands_of(finding), "iptables-save\nwg-quick up wg0\n");
  Machine machine = Machine::ordinary();
  machine.link("wg0", "wireguard").tunnel("wg0", "198.51.100.9", 51820);
  Case alive(std::move(machine));
  alive.snapshot.firewall = crashed.snapshot.firewall;
  EXPECT_FALSE(alive.fires("TUN007"));
}

TEST(TunnelChecks, WhatALiveWgQuickHasIsNoRemains) {
  Machine machine = Machine::ordinary();
  machine.link("wg0", "wireguard")
      .rule(wg_quick_rule(Family::kInet, 32765))
      .rule(suppressing_rule(Family::kInet, 32764));
  machine.route({.destination = "default", .interface = "wg0", .table = 51820});
  machine.tunnel("wg0", "198.51.100.9", 51820);
  Case alive(std::move(machine));
  alive.snapshot.firewall->tables = {{"ip", "wg-quick-wg0"}};
  EXPECT_EQ(alive.tunnel_codes(), "");
}

TEST(TunnelChecks, ASocketAloneIsAWarning) {
  Case left(Machine::ordinary());
  VpnSign sign;
  sign.kind = VpnSignKind::kAbandonedSocket;
  sign.name = "/run/wireguard/wg7.sock";
  left.snapshot.vpn_signs->push_back(sign);
  EXPECT_EQ(left.tunnel_codes(), "TUN007");
  EXPECT_EQ(left.finding("TUN007")->severity, Severity::kWarning);
  left.snapshot.vpn_signs->front().kind = VpnSignKind::kUserspaceClient;
  EXPECT_EQ(left.tunnel_codes(), "");
}

/// A host route to a server, which OpenVPN leaves when it is killed.
Case crashed_openvpn(std::uint8_t protocol = kProtocolBoot) {
  Machine machine = Machine::ordinary();
  machine.route({.destination = "198.51.100.9/32", .interface = "eth0", .gateway = "192.0.2.1", .protocol = protocol});
  return Case(std::move(machine));
}

TEST(TunnelChecks, AServerRouteThatNoTunnelUsesIsAnErrorUnlessItIsConfigured) {
  EXPECT_EQ(crashed_openvpn().finding("TUN007")->severity, Severity::kError);
  EXPECT_EQ(crashed_openvpn().finding("TUN007")->confidence, Confidence::kLikely);
  EXPECT_EQ(crashed_openvpn(kProtocolStatic).tunnel_codes(), "");
  EXPECT_EQ(crashed_openvpn(kProtocolDhcp).tunnel_codes(), "");
  Case unread = crashed_openvpn();
  unread.snapshot.leases = Observed<std::vector<InterfaceConfiguration>>::missing("the files are not readable");
  EXPECT_EQ(unread.finding("TUN007")->severity, Severity::kWarning);
}

/// A persistent tun whose OpenVPN was killed: its routes are left, and the one to its server.
Case crashed_on_a_persistent_tun(bool has_default = true) {
  Machine machine;
  machine.link("eth0").address("eth0", "192.0.2.2/24");
  machine.route(has_default
                    ? testing_support::RouteSpec{.destination = "default", .interface = "eth0", .gateway = "192.0.2.1"}
                    : testing_support::RouteSpec{.destination = "default", .interface = "tun0"});
  machine.tun("tun0", false).address("tun0", "10.8.0.2/24").tunnel("tun0", "");
  for (const char* half : {"0.0.0.0/1", "128.0.0.0/1"})
    machine.route({.destination = half, .interface = "tun0", .gateway = "10.8.0.1"});
  machine.route({.destination = "198.51.100.9/32", .interface = "eth0", .gateway = "192.0.2.1"});
  Case made(std::move(machine));
  made.link("tun0").tun_persistent = true;
  return made;
}

/// Whoever starts the VPN again by the first step must not take away by a later one what it needs.
TEST(TunnelChecks, WhatADeadTunnelsClientLeftIsTakenAwayWithTheTunnelOrNotAtAll) {
  const Case crashed = crashed_on_a_persistent_tun();
  ASSERT_EQ(crashed.tunnel_codes(), "TUN001 TUN007");
  const Finding dead = crashed.finding("TUN001").value();
  ASSERT_EQ(dead.remedy.steps.size(), 2U);
  EXPECT_TRUE(dead.remedy.steps[0].summary.starts_with("Start"));
  EXPECT_TRUE(dead.remedy.steps[1].summary.starts_with("Or take away"));
  EXPECT_NE(commands_of(dead).find("ip -4 route del 198.51.100.9 via 192.0.2.1 dev eth0\n"), std::string::npos);
  const Finding remains = crashed.finding("TUN007").value();
  EXPECT_EQ(remains.caused_by, std::vector<std::string>{"TUN001"});
  EXPECT_TRUE(remains.remedy.steps.empty());
}

TEST(TunnelChecks, WithoutADefaultRouteTheVpnIsStartedAfterItIsBack) {
  const Case crashed = crashed_on_a_persistent_tun(false);
  ASSERT_EQ(crashed.tunnel_codes(), "TUN001 TUN007");
  const Finding dead = crashed.finding("TUN001").value();
  ASSERT_EQ(dead.remedy.steps.size(), 4U);
  EXPECT_TRUE(dead.remedy.steps[1].summary.starts_with("Bring the default route back"));
  EXPECT_TRUE(dead.remedy.steps[3].summary.starts_with("Start"));
}

TEST(TunnelChecks, AnotherClientsRemainsHaveTheirOwnStepsBesideADeadTunnel) {
  Case crashed = crashed_wg_quick();
  const Case orphan = openvpn(false);
  crashed.snapshot.links->push_back(*orphan.snapshot.find_link("tun0"));
  crashed.snapshot.tunnels = orphan.snapshot.tunnels;
  crashed.snapshot.routes = orphan.snapshot.routes;
  EXPECT_EQ(crashed.tunnel_codes(), "TUN001 TUN007");
  EXPECT_TRUE(crashed.finding("TUN007")->caused_by.empty());
  EXPECT_TRUE(commands_of(*crashed.finding("TUN007")).ends_with("wg-quick up wg0\n"));
}

/// What TUN007 says of a machine with this route alone; eth1 is a second link with the gateway 203.0.113.1.
std::optional<Severity> severity_of(const testing_support::RouteSpec& spec, bool has_default = true) {
  Machine machine;
  machine.link("eth0").address("eth0", "192.0.2.2/24").address("eth0", "2001:db8:1::2/64");
  machine.link("eth1").address("eth1", "203.0.113.2/24");
  if (has_default) {
    machine.route({.destination = "default", .interface = "eth0", .gateway = "192.0.2.1"});
    machine.route({.destination = "::/0", .interface = "eth0", .gateway = "2001:db8:1::1", .metric = 1024});
  }
  machine.route(spec);
  const auto found = Case(std::move(machine)).finding("TUN007");
  return found ? std::optional(found->severity) : std::nullopt;
}

TEST(TunnelChecks, OnlyAHostRouteOfTheMeasuredShapeIsAServersRoute) {
  const testing_support::RouteSpec left{.destination = "45.45.45.45/32", .interface = "eth0", .gateway = "192.0.2.1"};
  EXPECT_EQ(severity_of(left), Severity::kError);
  EXPECT_EQ(severity_of(left, false), Severity::kError);
  const testing_support::RouteSpec left6{
      .destination = "2606:4700::1/128", .interface = "eth0", .gateway = "2001:db8:1::1", .metric = 1024};
  EXPECT_EQ(severity_of(left6), Severity::kError);
  for (const char* elsewhere : {"10.20.30.40/32", "172.20.1.1/32", "192.168.9.9/32", "100.64.0.9/32"}) {
    auto private_route = left;
    private_route.destination = elsewhere;
    EXPECT_EQ(severity_of(private_route), std::nullopt) << elsewhere;
    EXPECT_EQ(severity_of(private_route, false), std::nullopt) << elsewhere;
  }
  auto other = left;
  other.gateway = "192.0.2.7";
  EXPECT_EQ(severity_of(other), std::nullopt);
  EXPECT_EQ(severity_of(other, false), Severity::kError) << "nothing tells that it was not the default's";
  other = {.destination = "45.45.45.45/32", .interface = "eth1", .gateway = "203.0.113.1"};
  EXPECT_EQ(severity_of(other), std::nullopt);
  other.gateway = "198.51.100.77";  // on no link: of a network that is gone
  EXPECT_EQ(severity_of(other), std::nullopt);
  other = left;
  other.metric = 50;
  EXPECT_EQ(severity_of(other), std::nullopt);
  other = left6;
  other.metric = 50;
  EXPECT_EQ(severity_of(other), std::nullopt);
  other = left;
  other.table = 7;
  EXPECT_EQ(severity_of(other), std::nullopt);
  for (const std::uint8_t protocol : {kProtocolStatic, kProtocolUnspecified, kProtocolDhcp}) {
    other = left;
    other.protocol = protocol;
    EXPECT_EQ(severity_of(other), std::nullopt) << int{protocol};
  }
}

TEST(TunnelChecks, ManyHostRoutesAreNoRemainsAndThatIsSaid) {
  const auto with_routes = [](int count) {
    Machine machine = Machine::ordinary();
    for (int i = 1; i <= count; ++i) {
      machine.route(
          {.destination = "45.0.0." + std::to_string(i) + "/32", .interface = "eth0", .gateway = "192.0.2.1"});
    }
    return Case(std::move(machine));
  };
  EXPECT_EQ(with_routes(16).finding("TUN007")->severity, Severity::kError);
  EXPECT_FALSE(with_routes(17).fires("TUN007"));
  EXPECT_NE(with_routes(17).why_skipped("TUN007").find("more than 16 host routes"), std::string::npos);
}

TEST(TunnelChecks, TheRouteToACloudsOwnServiceIsNoRemains) {
  Machine machine = Machine::ordinary();
  machine.route({.destination = "168.63.129.16/32", .interface = "eth0", .gateway = "192.0.2.1"});
  machine.route({.destination = "169.254.169.254/32", .interface = "eth0", .gateway = "192.0.2.1"});
  EXPECT_EQ(Case(std::move(machine)).tunnel_codes(), "");
}

TEST(TunnelChecks, ARouteOfALeaseIsNoRemains) {
  Case leased = crashed_openvpn();
  InterfaceConfiguration lease;
  lease.manager = ConfigurationManager::kDhclient;
  lease.interface = "eth0";
  lease.is_lease = true;
  lease.never_expires = true;
  lease.addresses = {{.address = IpAddress::parse("192.0.2.2").value(), .prefix_length = 24}};
  lease.ways = {{.destination = IpPrefix::parse("198.51.100.9/32").value(),
                 .gateway = IpAddress::parse("192.0.2.1"),
                 .place = "option 121"}};
  leased.snapshot.leases = {std::vector{lease}, "files"};
  EXPECT_EQ(leased.tunnel_codes(), "");
}

TEST(TunnelChecks, AServerRouteOfALiveTunnelIsNoRemains) {
  Machine machine = Machine::ordinary();
  machine.tun("tun0").tunnel("tun0", "198.51.100.9");
  machine.route({.destination = "198.51.100.9/32", .interface = "eth0", .gateway = "192.0.2.1"});
  EXPECT_EQ(Case(std::move(machine)).tunnel_codes(), "");
}

TEST(TunnelChecks, AKillSwitchWithoutAVpnIsRemains) {
  Machine machine = Machine::ordinary();
  machine.link("pvpnksintrf0", "dummy").link("dummy0", "dummy");
  EXPECT_EQ(Case(std::move(machine)).finding("TUN007")->subject.id, "Proton VPN");
  Machine connected = Machine::ordinary();
  connected.link("pvpnksintrf0", "dummy").tun("tun0").tunnel("tun0", "198.51.100.9");
  EXPECT_FALSE(Case(std::move(connected)).fires("TUN007"));
}

TEST(TunnelChecks, NothingFoundIsNoAnswerWithoutThePacketFilter) {
  Case unread(Machine::ordinary());
  unread.snapshot.firewall = Observed<Firewall>::missing("CAP_NET_ADMIN is needed");
  EXPECT_TRUE(unread.skips("TUN007"));
  Case crashed = crashed_wg_quick();
  crashed.snapshot.firewall = Observed<Firewall>::missing("CAP_NET_ADMIN is needed");
  EXPECT_TRUE(crashed.fires("TUN007"));
}

TEST(TunnelChecks, GrowthIsMeasuredAgainstASavedState) {
  const Case once = crashed_wg_quick(1);
  Case twice = crashed_wg_quick(2);
  EXPECT_FALSE(twice.fires("TUN008"));
  twice.before = &once.snapshot;
  EXPECT_EQ(twice.finding("TUN008")->title, "8 leftover rules, 4 before");
  Case same = crashed_wg_quick(1);
  same.before = &once.snapshot;
  EXPECT_FALSE(same.fires("TUN008"));
  Case orphan = openvpn(false);
  const Snapshot clean = Machine::ordinary().snapshot();
  orphan.before = &clean;
  EXPECT_EQ(orphan.finding("TUN008")->title, "1 dead tunnel, 0 before");
}

Snapshot mac_with(int utuns, std::uint32_t mtu) {
  Machine machine;
  for (int i = 0; i < utuns; ++i) machine.link("utun" + std::to_string(i));
  Snapshot snapshot = machine.snapshot();
  snapshot.platform = Platform::kMacos;
  snapshot.dns.macos = {MacosDns{}, "scutil --dns"};
  for (Link& link : *snapshot.links) link.mtu_bytes = mtu;
  return snapshot;
}

TEST(TunnelChecks, OfAMacOnlyForeignUtunsThatGrowCount) {
  const Snapshot before = mac_with(3, 1280);
  Case grown(mac_with(9, 1280));
  EXPECT_FALSE(grown.fires("TUN008"));
  grown.before = &before;
  EXPECT_EQ(grown.finding("TUN008")->title, "9 unused utun interfaces, 3 before");
  Case systems(mac_with(9, 1380));
  const Snapshot systems_before = mac_with(3, 1380);
  systems.before = &systems_before;
  EXPECT_FALSE(systems.fires("TUN008"));
}

/// A full tunnel tun0 in IPv4, and no way out in IPv6.
Case full_tunnel() {
  Case vpn = openvpn();
  vpn.moved("tun0", 5, 5, 5);
  vpn.coverage.inet.mode = CoverageMode::kFull;
  vpn.coverage.inet.tunnels = {"tun0"};
  vpn.coverage.inet.parts["tun0"] = {.has_global = true, .has_beyond_own = true};
  return vpn;
}

/// The only prefix that leaves outside.
void let_out(FamilyCoverage& coverage, const char* prefix, AddressClass address_class) {
  coverage.outside = {{.prefix = IpPrefix::parse(prefix).value(),
                       .address_class = address_class,
                       .interface = "eth0",
                       .gateway = {},
                       .protocol = {}}};
  coverage.outside_ways = {{.largest = coverage.outside.front(), .prefixes_count = 1}};
}

TEST(TunnelChecks, WhatIsExpectedAndThereIsQuiet) {
  Case vpn = full_tunnel();
  vpn.expectation = {.mode = CoverageMode::kFull, .interface = "tun0"};
  EXPECT_EQ(vpn.tunnel_codes(), "");
  let_out(vpn.coverage.inet6, "fe80::/10", AddressClass::kLinkLocal);
  EXPECT_EQ(vpn.tunnel_codes(), "");
  vpn.expectation = {.mode = {}, .interface = "tun0"};
  EXPECT_EQ(vpn.tunnel_codes(), "");
  vpn.coverage.inet.mode = CoverageMode::kSplit;
  vpn.expectation = {.mode = CoverageMode::kSplit, .interface = {}};
  EXPECT_EQ(vpn.tunnel_codes(), "");
  EXPECT_FALSE(vpn.skips("TUN005") || vpn.skips("TUN006"));
}

TEST(TunnelChecks, AnExpectedTunnelThatIsNotThereIsAnError) {
  for (const auto& expectation :
       {VpnExpectation{CoverageMode::kFull, ""}, VpnExpectation{CoverageMode::kSplit, ""}, VpnExpectation{{}, "wg0"}}) {
    Case none(Machine::ordinary());
    none.expectation = expectation;
    EXPECT_EQ(none.tunnel_codes(), "TUN005");
    EXPECT_EQ(none.finding("TUN005")->severity, Severity::kError);
    EXPECT_FALSE(none.skips("TUN005") || none.skips("TUN006"));
  }
}

TEST(TunnelChecks, TheRemainsOfAnExpectedTunnelAreTakenAwayBeforeItIsStarted) {
  Case crashed = crashed_wg_quick();
  for (const char* named : {"", "wg0", "wg7"}) {
    crashed.expectation = {.mode = CoverageMode::kFull, .interface = named};
    const Finding missing = crashed.finding("TUN005").value();
    const bool is_it = std::string(named) != "wg7";
    EXPECT_EQ(missing.caused_by.empty(), !is_it) << named;
    EXPECT_EQ(missing.remedy.steps.empty(), is_it) << named;
  }
}

/// Starting the VPN of another tunnel is another act, and does not read the same.
TEST(TunnelChecks, TheVpnToStartIsNamedByItsInterface) {
  Case crashed = openvpn(false);
  crashed.expectation = {.mode = {}, .interface = "wg0"};
  const auto first_step = [&](const char* code) { return crashed.finding(code)->remedy.steps.at(0).summary; };
  EXPECT_EQ(first_step("TUN005"), "Start the VPN that makes wg0 again.");
  EXPECT_EQ(first_step("TUN001"), "Start the VPN that makes tun0 again.");
}

TEST(TunnelChecks, AnExpectedTunnelThatHangsOrIsDeadIsAnError) {
  Case hung = full_tunnel();
  hung.moved("tun0", 0, 0, 5);
  for (const char* name : {"", "tun0"}) {
    hung.expectation = {.mode = CoverageMode::kFull, .interface = name};
    EXPECT_TRUE(hung.fires("TUN005"));
    EXPECT_EQ(hung.finding("TUN005")->caused_by, std::vector<std::string>{"TUN002"});
  }
  Case dead = openvpn(false);
  dead.coverage = full_tunnel().coverage;
  dead.expectation = {.mode = CoverageMode::kFull, .interface = {}};
  EXPECT_EQ(dead.finding("TUN005")->caused_by, std::vector<std::string>{"TUN001"});
  for (const char* named : {"", "tun0"}) {
    Case stopped = openvpn();
    stopped.coverage = full_tunnel().coverage;
    stopped.hold('T');
    stopped.moved("tun0", 0, 0, 0);
    EXPECT_EQ(stopped.tunnel_codes(), "TUN009");
    stopped.expectation = {CoverageMode::kFull, named};
    EXPECT_EQ(stopped.finding("TUN005").value().caused_by, std::vector<std::string>{"TUN009"}) << named;
    stopped.moved("tun0", 1, 1, 1);
    EXPECT_FALSE(stopped.fires("TUN005")) << "it has gone on";
  }
}

TEST(TunnelChecks, AnotherCoverageThanExpectedIsAnError) {
  Case vpn = full_tunnel();
  vpn.expectation = {.mode = CoverageMode::kFull, .interface = {}};
  let_out(vpn.coverage.inet6, "2000::/3", AddressClass::kPublic);
  EXPECT_EQ(vpn.tunnel_codes(), "TUN006");
  EXPECT_EQ(vpn.finding("TUN006")->title, "IPv6 goes through a tunnel not at all");
  vpn.coverage.inet6 = {};
  vpn.coverage.inet.mode = CoverageMode::kSplit;
  let_out(vpn.coverage.inet, "8.0.0.0/7", AddressClass::kPublic);
  EXPECT_EQ(vpn.finding("TUN006")->title, "IPv4 goes through a tunnel in part only");
  vpn.expectation.mode = CoverageMode::kSplit;
  EXPECT_EQ(vpn.tunnel_codes(), "");
  vpn.coverage.inet.mode = CoverageMode::kFull;
  EXPECT_EQ(vpn.tunnel_codes(), "TUN006");
}

TEST(TunnelChecks, AnotherTunnelThanExpectedIsAnError) {
  Machine machine = Machine::ordinary();
  machine.tun("tun0").tun("tun1").tunnel("tun0", "198.51.100.9").tunnel("tun1", "198.51.100.8");
  Case other(std::move(machine));
  other.coverage = full_tunnel().coverage;
  other.expectation = {.mode = CoverageMode::kFull, .interface = "tun1"};
  EXPECT_EQ(other.finding("TUN006")->title, "IPv4 goes through tun0, a different tunnel than tun1");
  other.expectation.interface = "tun0";
  EXPECT_EQ(other.tunnel_codes(), "");
}

TEST(TunnelChecks, AnUnknownCoverageIsNoAnswer) {
  Case unknown = full_tunnel();
  unknown.expectation = {.mode = CoverageMode::kFull, .interface = "tun0"};
  unknown.coverage.inet6 = {};
  unknown.coverage.inet6.why_unknown = "IPsec policies cannot be read";
  EXPECT_NE(unknown.why_skipped("TUN006").find("IPsec"), std::string::npos);
  unknown.coverage.inet.mode = CoverageMode::kSplit;  // wrong whatever IPv6 is
  let_out(unknown.coverage.inet, "8.0.0.0/7", AddressClass::kPublic);
  EXPECT_TRUE(unknown.fires("TUN006"));
  Case without(Machine::ordinary());
  without.coverage = {};
  without.expectation = {.mode = CoverageMode::kFull, .interface = {}};
  EXPECT_TRUE(without.skips("TUN005"));
  without.expectation = {};
  EXPECT_FALSE(without.skips("TUN005") || without.skips("TUN006"));
}

TEST(TunnelChecks, UsersOfAStoppedServiceAreToldHowToStartIt) {
  Machine machine = Machine::ordinary();
  machine.tun("tailscale0", false).address("tailscale0", "100.64.0.1/32").tunnel("tailscale0", "");
  Case dead(std::move(machine));
  dead.link("tailscale0").tun_persistent = true;
  EXPECT_TRUE(commands_of(*dead.finding("TUN001")).starts_with("systemctl restart tailscaled\n"));
}

}  // namespace
}  // namespace vpndoctor
