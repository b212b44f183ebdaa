// SPDX-License-Identifier: Apache-2.0
// Each routing check fires on the state that it is about, and stays silent on the same state without the fault.
#include "vpndoctor/routing_checks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "machine.h"
#include "vpndoctor/codes.h"

namespace vpndoctor {
namespace {

using testing_support::Machine;

CheckResults check(const Snapshot& snapshot) { return check_routing(snapshot, Fib(snapshot)); }
CheckResults check(Machine machine) { return check(machine.snapshot()); }

std::optional<Finding> finding(const Snapshot& snapshot, const std::string& code) {
  const CheckResults results = check(snapshot);
  const auto found = std::ranges::find(results.findings, code, &Finding::code);
  return found == results.findings.end() ? std::nullopt : std::optional(*found);
}

std::optional<Finding> finding(Machine machine, const std::string& code) { return finding(machine.snapshot(), code); }

bool fires(const Snapshot& snapshot, const std::string& code) { return finding(snapshot, code).has_value(); }
bool fires(Machine machine, const std::string& code) { return finding(std::move(machine), code).has_value(); }

/// eth0 and a tun0 with 10.8.0.2, as a connected VPN.
Machine with_vpn() {
  Machine machine = Machine::ordinary();
  machine.tun("tun0").address("tun0", "10.8.0.2/24").tunnel("tun0", "198.51.100.9");
  return machine;
}

/// The commands of a finding's remedy, one a line.
std::string commands_of(const Finding& finding) {
  std::string text;
  for (const Command& command : finding.remedy.commands) {
    for (const std::string& word : command.argv) text += word + " ";
    text += "\n";
  }
  return text;
}

/// All skipped checks, by code with their reasons.
std::map<std::string, std::string> skipped_of(const Snapshot& snapshot) {
  std::map<std::string, std::string> skipped;
  for (const Skipped& each : check(snapshot).skipped) skipped[each.code] = each.reason;
  return skipped;
}

void set_flags(Snapshot& snapshot, const std::string& interface, std::uint32_t flags) {
  std::ranges::find(*snapshot.links, interface, &Link::name)->flags = flags;
}

Rule rule_to(std::uint32_t table, std::uint32_t priority, Family family = Family::kInet) {
  Rule rule;
  rule.family = family;
  rule.priority = priority;
  rule.table = table;
  return rule;
}

Rule marked_rule(std::uint32_t table) {
  Rule rule;
  rule.priority = 32765;
  rule.inverted = true;
  rule.mark = table;
  rule.mark_mask = 0xffffffff;
  rule.table = table;
  return rule;
}

TEST(RoutingChecks, AnOrdinaryMachineHasNoFinding) {
  const CheckResults results = check(Machine::ordinary());
  EXPECT_TRUE(results.findings.empty()) << results.findings.front().title;
  EXPECT_TRUE(results.skipped.empty()) << results.skipped.front().reason;
}

TEST(RoutingChecks, AConnectedFullTunnelHasNoFinding) {
  Machine machine = with_vpn();
  machine.route({.destination = "198.51.100.9/32", .interface = "eth0", .gateway = "192.0.2.1"});
  machine.route({.destination = "0.0.0.0/1", .interface = "tun0", .gateway = "10.8.0.1"});
  machine.route({.destination = "128.0.0.0/1", .interface = "tun0", .gateway = "10.8.0.1"});
  const CheckResults results = check(std::move(machine));
  EXPECT_TRUE(results.findings.empty()) << results.findings.front().title;
}

TEST(RoutingChecks, EveryFindingHasACodeOfTheRegistryProofAndCommands) {
  Machine machine;
  machine.link("eth0").address("eth0", "192.0.2.2/24").address("eth0", "100.64.3.4/24");
  machine.link("docker0", "bridge").address("docker0", "172.17.0.1/16");
  machine.tun("tun0").tun("tun1").tun("tun2", false).tunnel("tun0", "198.51.100.9").filter("eth0", 1);
  machine.route({.destination = "198.51.100.0/24", .interface = "tun0"});
  machine.route({.destination = "192.0.2.0/25", .interface = "tun0"});
  machine.route({.destination = "172.16.0.0/12", .interface = "tun0"});
  machine.route({.destination = "172.16.0.0/12", .interface = "tun1", .metric = 5});
  machine.route({.destination = "100.64.0.0/10", .interface = "tun1"});
  machine.route({.destination = "10.0.0.0/8", .interface = "tun2"});
  machine.rule(marked_rule(51820));
  const CheckResults results = check(std::move(machine));
  EXPECT_GE(results.findings.size(), 7U);
  for (const Finding& each : results.findings) {
    EXPECT_NE(find_code(each.code), nullptr) << each.code;
    EXPECT_FALSE(each.title.empty()) << each.code;
    EXPECT_FALSE(each.detail.empty()) << each.code;
    EXPECT_FALSE(each.evidence.empty()) << each.code;
    EXPECT_FALSE(each.remedy.commands.empty()) << each.code;
  }
  EXPECT_TRUE(std::ranges::is_sorted(results.findings, std::greater{}, &Finding::severity));
}

TEST(RoutingChecks, AMissingFacetSkipsTheChecksThatNeedIt) {
  Snapshot snapshot = Machine::ordinary().snapshot();
  snapshot.tunnels = Observed<std::vector<Tunnel>>::missing("no right to look");
  const Fib fib(snapshot);
  const CheckResults results = check_routing(snapshot, fib);
  std::set<std::string> skipped;
  for (const Skipped& each : results.skipped) skipped.insert(each.code);
  EXPECT_EQ(skipped, (std::set<std::string>{"RTE004", "RTE005", "RTE013"}));
  EXPECT_NE(results.skipped[0].reason.find("no right to look"), std::string::npos);
}

TEST(RoutingChecks, CutTablesProveNoAbsence) {
  Snapshot snapshot = Machine::ordinary().tun("tun0", false).snapshot();
  snapshot.routes.add_limit("a test cut it");
  std::string codes;
  for (const auto& [code, reason] : skipped_of(snapshot)) codes += code + " ";
  EXPECT_EQ(codes, "RTE001 RTE002 RTE006 RTE008 RTE009 ");
}

TEST(RoutingChecks, TheRulesOfAUserAreThatUsers) {
  Machine machine = Machine::ordinary();
  Rule rule = rule_to(77, 100);
  rule.uids = NumberRange{1000, 1000};
  rule.action = RuleAction::kToTable;
  machine.rule(rule).tun("tun0", false).route({.destination = "default", .interface = "tun0", .table = 77});
  const Snapshot snapshot = machine.snapshot();
  const Fib fib(snapshot);
  for (const std::uint32_t uid : {0U, 1000U}) {
    const auto findings = check_routing(snapshot, fib, uid).findings;
    EXPECT_EQ(std::ranges::count(findings, "RTE002", &Finding::code), uid == 1000 ? 1 : 0);
  }
}

TEST(RoutingChecks, ACaptureOfAnotherMachineIsNotCalledNetlink) {
  Snapshot other =
      Machine::ordinary().tun("tun0", false).route({.destination = "10.0.0.0/8", .interface = "tun0"}).snapshot();
  EXPECT_EQ(finding(other, "RTE003")->evidence[0].kind, "netlink");
  other.routes = {std::move(*other.routes), "netstat -rn"};
  EXPECT_EQ(finding(other, "RTE003")->evidence[0].kind, "capture");
}

TEST(DefaultMissing, WithoutATraceOfOneItIsAWarning) {
  const auto internal = [] {
    Machine machine;
    machine.link("eth0").address("eth0", "192.0.2.2/24");
    return machine;
  };
  EXPECT_EQ(finding(internal(), "RTE001")->severity, Severity::kWarning);
  Machine server_route = internal();
  server_route.route({.destination = "198.51.100.9/32", .interface = "eth0", .gateway = "192.0.2.1"});
  EXPECT_EQ(finding(std::move(server_route), "RTE001")->severity, Severity::kError);
  Machine crashed = internal();
  EXPECT_EQ(finding(crashed.rule(marked_rule(51820)).snapshot(), "RTE001")->severity, Severity::kError);
  Snapshot leased = internal().snapshot();
  leased.addresses->back().valid_seconds = 3600;
  EXPECT_EQ(finding(leased, "RTE001")->severity, Severity::kError);
}

TEST(DefaultMissing, NoInterfaceThatIsUpIsAnErrorOfItsOwn) {
  for (const std::uint32_t flags : {0U, std::uint32_t{kLinkUp}}) {
    Machine machine;
    machine.link("eth0", "", flags).tun("tun0", false);
    const auto found = finding(std::move(machine), "RTE001");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->severity, Severity::kError);
    EXPECT_NE(found->title.find("No interface is up: eth0"), std::string::npos) << found->title;
    EXPECT_EQ(commands_of(*found), flags == 0 ? "ip link set dev eth0 up \n" : "");
  }
}

TEST(DefaultMissing, ANamespaceWithNothingButLoopbackIsANotice) {
  Machine machine;
  EXPECT_EQ(finding(machine.link("sit0", "sit", 0).snapshot(), "RTE001")->severity, Severity::kNotice);
  Machine with_bridge;
  with_bridge.link("docker0", "bridge").address("docker0", "172.17.0.1/16");
  EXPECT_FALSE(fires(std::move(with_bridge), "RTE001"));
}

TEST(DefaultMissing, GlobalUnicastIsAllThatIPv6Needs) {
  for (const std::string destination : {"2000::/3", "2000::/5"}) {
    Machine machine;
    machine.link("eth0").address("eth0", "2001:db8:1::2/64").link("eth1", "", kLinkUp);
    machine.route({.destination = destination, .interface = "eth0", .gateway = "fe80::1", .metric = 1024});
    EXPECT_EQ(fires(std::move(machine), "RTE001"), destination == "2000::/5") << destination;
  }
}

TEST(DefaultDead, GlobalUnicastThroughADeadInterfaceIsADeadDefault) {
  Machine machine = Machine::ordinary();
  machine.tun("tun0", false).route({.destination = "2000::/3", .interface = "tun0", .metric = 1});
  EXPECT_TRUE(fires(std::move(machine), "RTE002"));
}

TEST(DefaultMissing, IsAnErrorOnlyWhenNoFamilyHasOne) {
  Machine neither;
  neither.link("eth0").address("eth0", "192.0.2.2/24");
  neither.route({.destination = "198.51.100.9/32", .interface = "eth0", .gateway = "192.0.2.1"});
  Machine one;
  one.link("eth0").address("eth0", "192.0.2.2/24").address("eth0", "2001:db8:1::2/64");
  one.route({.destination = "::/0", .interface = "eth0", .gateway = "2001:db8:1::1"});
  EXPECT_EQ(finding(std::move(neither), "RTE001")->severity, Severity::kError);
  EXPECT_EQ(finding(std::move(one), "RTE001")->severity, Severity::kWarning);
}

TEST(DefaultMissing, AnUnreachableDefaultIsADecision) {
  Machine machine;
  machine.link("eth0").address("eth0", "192.0.2.2/24");
  machine.route({.destination = "default", .interface = "", .type = RouteType::kUnreachable});
  EXPECT_FALSE(fires(std::move(machine), "RTE001"));
}

TEST(DefaultMissing, TwoHalvesAreADefault) {
  Machine machine;
  machine.link("eth0").address("eth0", "192.0.2.2/24");
  machine.route({.destination = "0.0.0.0/1", .interface = "eth0", .gateway = "192.0.2.1"});
  machine.route({.destination = "128.0.0.0/1", .interface = "eth0", .gateway = "192.0.2.1"});
  EXPECT_FALSE(fires(std::move(machine), "RTE001"));
}

TEST(DefaultDead, FiresForATunnelWithoutCarrierAlone) {
  for (const bool running : {true, false}) {
    Machine machine = Machine::ordinary();
    machine.tun("tun0", running);
    machine.route({.destination = "0.0.0.0/1", .interface = "tun0"});
    machine.route({.destination = "128.0.0.0/1", .interface = "tun0"});
    EXPECT_EQ(fires(std::move(machine), "RTE002"), !running);
  }
}

TEST(StaleRoute, OfATunnelIsAnError) {
  Machine machine = Machine::ordinary();
  machine.tun("tun0", false);
  machine.route({.destination = "10.0.0.0/8", .interface = "tun0"});
  EXPECT_EQ(finding(std::move(machine), "RTE003")->severity, Severity::kError);
}

TEST(StaleRoute, TheConnectedRouteOfAnUnpluggedInterfaceIsNone) {
  Machine machine = Machine::ordinary();
  machine.link("eth1", "", kLinkUp | kLinkBroadcast).address("eth1", "203.0.113.2/24");
  machine.link("docker0", "bridge", kLinkUp | kLinkBroadcast).address("docker0", "172.17.0.1/16");
  EXPECT_FALSE(fires(std::move(machine), "RTE003"));
}

TEST(StaleRoute, ThatCameWithALeaseIsNoneUnlessItHasAGateway) {
  for (const std::string gateway : {"", "203.0.113.1"}) {
    Machine machine = Machine::ordinary();
    machine.link("eth1", "", kLinkUp | kLinkBroadcast);
    machine.route(
        {.destination = "203.0.113.0/24", .interface = "eth1", .gateway = gateway, .protocol = kProtocolDhcp});
    EXPECT_EQ(fires(std::move(machine), "RTE003"), !gateway.empty());
  }
}

TEST(StaleRoute, AReserveBehindAWorkingRouteIsNone) {
  for (const std::uint32_t metric : {600U, 0U}) {
    Machine machine;
    machine.link("eth0").address("eth0", "192.0.2.2/24").link("eth1", "", kLinkUp | kLinkBroadcast);
    machine.route({.destination = "10.0.0.0/8", .interface = "eth0", .gateway = "192.0.2.1", .metric = 100});
    machine.route({.destination = "10.0.0.0/8", .interface = "eth1", .gateway = "203.0.113.1", .metric = metric});
    EXPECT_EQ(fires(std::move(machine), "RTE003"), metric == 0);
  }
}

TEST(StaleRoute, OneWorkingLegIsEnough) {
  Machine machine = Machine::ordinary();
  machine.tun("tun0", false);
  Snapshot snapshot = machine.snapshot();
  RouteTable& table = *snapshot.routes;
  NextHop dead;
  dead.interface = "tun0";
  NextHop alive;
  alive.interface = "eth0";
  table.next_hop_sets.push_back({{dead, alive}, std::nullopt});
  Route route = table.routes.back();
  route.destination = IpPrefix::parse("2001:db8:77::/48").value();
  route.next_hops = static_cast<std::uint32_t>(table.next_hop_sets.size() - 1);
  table.routes.push_back(route);
  const Fib fib(snapshot);
  const auto results = check_routing(snapshot, fib);
  EXPECT_EQ(std::ranges::count(results.findings, "RTE003", &Finding::code), 0);
}

TEST(ServerRouteLeft, FiresWhenNoTunnelUsesIt) {
  const auto with_host_route = [](Machine machine) {
    machine.route({.destination = "198.51.100.9/32", .interface = "eth0", .gateway = "192.0.2.1"});
    return machine;
  };
  EXPECT_EQ(finding(with_host_route(Machine::ordinary()), "RTE004")->confidence, Confidence::kLikely);
  EXPECT_FALSE(fires(with_host_route(with_vpn()), "RTE004"));
}

TEST(ServerRouteLeft, AListOfHostsIsNone) {
  Machine machine = Machine::ordinary();
  for (int i = 1; i < 100; ++i) {
    machine.route({.destination = "198.51.100." + std::to_string(i), .interface = "eth0", .gateway = "192.0.2.1"});
  }
  EXPECT_FALSE(fires(std::move(machine), "RTE004"));
}

TEST(ServerRouteLeft, TheAddressOfOneLinkAndAnotherRouterOfTheNetworkAreNone) {
  const auto with_host = [](const std::string& host, const std::string& gateway) {
    Machine machine = Machine::ordinary();
    machine.route({.destination = host, .interface = "eth0", .gateway = gateway});
    return machine;
  };
  EXPECT_FALSE(fires(with_host("169.254.169.254/32", "192.0.2.1"), "RTE004"));
  EXPECT_FALSE(fires(with_host("198.51.100.9/32", "192.0.2.77"), "RTE004"));
  EXPECT_TRUE(fires(with_host("198.51.100.9/32", "203.0.113.1"), "RTE004"));  // of the network before
}

TEST(ServerRouteLeft, AnEndpointThatCannotBeSeenLeavesItOpen) {
  const auto state = [](bool with_route) {
    Machine machine = Machine::ordinary();
    machine.tun("tun0").tunnel("tun0", "");
    if (with_route) machine.route({.destination = "198.51.100.9/32", .interface = "eth0", .gateway = "192.0.2.1"});
    return machine.snapshot();
  };
  Snapshot snapshot = state(true);
  EXPECT_TRUE(fires(snapshot, "RTE004"));  // it was read, and has none
  snapshot.tunnels->front().not_seen = "only root may see it";
  EXPECT_FALSE(fires(snapshot, "RTE004"));
  EXPECT_NE(skipped_of(snapshot)["RTE004"].find("only root may see it"), std::string::npos);
  set_flags(snapshot, "tun0", kLinkUp | kLinkPointToPoint);  // nobody holds it
  EXPECT_TRUE(fires(snapshot, "RTE004"));
  Snapshot nothing_left = state(false);
  nothing_left.tunnels->front().not_seen = "only root may see it";
  EXPECT_TRUE(skipped_of(nothing_left).empty());
}

TEST(EndpointLoop, FiresWithoutTheHostRoute) {
  for (const bool pinned : {false, true}) {
    Machine machine = with_vpn();
    machine.route({.destination = "0.0.0.0/1", .interface = "tun0"})
        .route({.destination = "128.0.0.0/1", .interface = "tun0"});
    if (pinned) machine.route({.destination = "198.51.100.9/32", .interface = "eth0", .gateway = "192.0.2.1"});
    EXPECT_EQ(fires(std::move(machine), "RTE005"), !pinned);
  }
}

TEST(RuleToEmptyTable, OfWgQuickIsAnErrorAndFillingTheTableEndsIt) {
  Machine empty = Machine::ordinary();
  empty.rule(marked_rule(51820));
  EXPECT_EQ(finding(std::move(empty), "RTE006")->severity, Severity::kError);
  Machine filled = Machine::ordinary();
  filled.tun("wg0").rule(marked_rule(51820));
  filled.route({.destination = "default", .interface = "wg0", .table = 51820});
  EXPECT_FALSE(fires(std::move(filled), "RTE006"));
}

/// NetBird without an exit node: its rules are there in both families, IPv6 has no route.
Machine with_netbird_rules() {
  Machine machine = Machine::ordinary();
  for (const Family family : {Family::kInet, Family::kInet6}) {
    Rule rule = rule_to(7120, 110, family);
    rule.inverted = true;
    rule.mark = 0x1bd00;
    rule.mark_mask = 0xffffffff;
    machine.rule(rule);
  }
  return machine;
}

TEST(RuleToEmptyTable, OfAClientThatIsHereIsANoticeWithoutCommands) {
  Machine netbird = with_netbird_rules();
  netbird.link("wt0", "wireguard").route({.destination = "100.64.0.0/16", .interface = "wt0", .table = 7120});
  const auto found = finding(std::move(netbird), "RTE006");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->severity, Severity::kNotice);
  EXPECT_EQ(commands_of(*found), "");
  EXPECT_EQ(finding(with_netbird_rules(), "RTE006")->severity, Severity::kError);
}

TEST(RuleToEmptyTable, AfterTailscaleDownIsANotice) {
  Machine machine = Machine::ordinary();
  machine.tun("tailscale0").rule(rule_to(52, 5270)).rule(rule_to(52, 5270, Family::kInet6));
  for (const Finding& each : check(std::move(machine)).findings) EXPECT_EQ(each.severity, Severity::kNotice);
}

TEST(RuleToEmptyTable, ThatMayBeOfAClientThatIsHereIsAWarning) {
  Snapshot unknown_links = with_netbird_rules().snapshot();
  unknown_links.links.add_limit("a test cut it");
  Snapshot unknown_program = with_netbird_rules().tun("ts9").snapshot();
  for (const Snapshot* each : {&unknown_links, &unknown_program}) {
    const auto found = finding(*each, "RTE006");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->severity, Severity::kWarning);
    EXPECT_EQ(found->confidence, Confidence::kLikely);
  }
}

TEST(RuleToEmptyTable, ForAFewPacketsIsNoLeak) {
  for (const bool few : {true, false}) {
    Rule rule = rule_to(52, 5270);
    if (few) rule.destination_ports = NumberRange{53, 53};
    EXPECT_EQ(finding(Machine::ordinary().rule(rule).snapshot(), "RTE006")->severity,
              few ? Severity::kWarning : Severity::kError);
  }
}

TEST(EqualDefaults, TheMetricStandsBeforeTheLegs) {
  Machine machine = Machine::ordinary();
  machine.link("eth1").address("eth1", "203.0.113.2/24");
  machine.route({.destination = "default", .interface = "eth1", .gateway = "203.0.113.1"});
  Snapshot snapshot = machine.snapshot();
  const NextHopSet first = snapshot.routes->next_hop_sets[snapshot.routes->routes.back().next_hops];
  NextHop other = first.hops[0];
  other.gateway = IpAddress::parse("203.0.113.3");
  snapshot.routes->next_hop_sets[snapshot.routes->routes.back().next_hops].hops.push_back(other);
  const std::string commands = commands_of(*finding(snapshot, "RTE007"));
  EXPECT_LT(commands.find(" metric 100 "), commands.find(" nexthop ")) << commands;
}

TEST(EqualDefaults, FiresForOneMetricAlone) {
  for (const std::uint32_t metric : {0U, 100U}) {
    Machine machine = Machine::ordinary();
    machine.link("eth1").address("eth1", "203.0.113.2/24");
    machine.route({.destination = "default", .interface = "eth1", .gateway = "203.0.113.1", .metric = metric});
    EXPECT_EQ(fires(std::move(machine), "RTE007"), metric == 0);
  }
}

TEST(LoopbackCaptured, FiresWhenTheLocalTableIsNotAskedFirst) {
  Machine machine = Machine::ordinary();
  Rule rule;
  rule.table = 77;
  rule.destination = IpPrefix::parse("127.0.0.0/8").value();
  Snapshot snapshot =
      machine.route({.destination = "127.0.0.0/8", .interface = "eth0", .gateway = "192.0.2.1", .table = 77})
          .snapshot();
  snapshot.rules->insert(snapshot.rules->begin(), rule);
  const Fib fib(snapshot);
  const auto results = check_routing(snapshot, fib);
  EXPECT_EQ(std::ranges::count(results.findings, "RTE008", &Finding::code), 1);
}

TEST(LoopbackCaptured, WithLoDownTheDefaultRouteIsNoCulprit) {
  Snapshot snapshot = Machine::ordinary().snapshot();
  set_flags(snapshot, "lo", kLinkLoopback);
  std::erase_if(snapshot.routes->routes, [&](const Route& route) {
    return route.destination.address.is_loopback() || route.destination.contains(*IpAddress::parse("::1"));
  });
  const auto found = finding(snapshot, "RTE008");
  ASSERT_TRUE(found);
  EXPECT_EQ(commands_of(*found), "ip link set lo up \n");
}

TEST(LanCaptured, NamesTheShareAndTheGateway) {
  Machine half = Machine::ordinary();
  half.tun("tun0").route({.destination = "192.0.2.128/25", .interface = "tun0"});
  const auto found = finding(std::move(half), "RTE009");
  EXPECT_EQ(found->severity, Severity::kWarning);
  EXPECT_NE(found->title.find("50 %"), std::string::npos) << found->title;
  EXPECT_EQ(found->detail.find("gateway"), std::string::npos) << found->detail;
  Machine gateway = Machine::ordinary();
  gateway.tun("tun0").route({.destination = "192.0.2.0/25", .interface = "tun0"});
  const auto with_gateway = finding(std::move(gateway), "RTE009");
  EXPECT_EQ(with_gateway->severity, Severity::kWarning);  // what it forwards still gets through
  EXPECT_NE(with_gateway->detail.find("gateway"), std::string::npos) << with_gateway->detail;
}

TEST(LanCaptured, ARuleToMainIsOfferedUnlessMainItselfTakesIt) {
  for (const std::uint32_t table : {std::uint32_t{kTableMain}, 51820U}) {
    Machine machine = Machine::ordinary();
    machine.tun("tun0").rule(marked_rule(51820));
    machine.route({.destination = "192.0.2.128/25", .interface = "tun0", .table = table});
    const std::string commands = commands_of(*finding(std::move(machine), "RTE009"));
    EXPECT_EQ(commands.find("rule add") == std::string::npos, table == kTableMain) << commands;
    EXPECT_EQ(commands.find("route del") != std::string::npos, table == kTableMain) << commands;
  }
}

TEST(LanCaptured, AnAddressWithoutARouteOfItsOwnCountsWhenSomebodyAddedIt) {
  for (const bool added : {true, false}) {
    Machine machine;
    machine.link("eth0").address("eth0", "192.0.2.2/24").tun("tun0");
    machine.route({.destination = "192.0.2.128/25", .interface = "tun0"});
    Snapshot snapshot = machine.snapshot();
    snapshot.addresses->back().flags |= kAddressNoPrefixRoute;
    const IpPrefix network = snapshot.addresses->back().on_link();
    if (!added) std::erase_if(snapshot.routes->routes, [&](const Route& each) { return each.destination == network; });
    EXPECT_EQ(fires(snapshot, "RTE009"), added);
  }
}

TEST(TunnelsOverlap, FiresForTheSamePrefixInTwoTunnels) {
  for (const std::string second : {"10.0.0.0/8", "10.0.0.0/9"}) {
    Machine machine = Machine::ordinary();
    machine.tun("tun0").tun("tun1").route({.destination = "10.0.0.0/8", .interface = "tun0"});
    machine.route({.destination = second, .interface = "tun1", .metric = 7});
    EXPECT_EQ(fires(std::move(machine), "RTE010"), second == "10.0.0.0/8");
  }
}

TEST(TunnelsOverlap, TablesOfDifferentPacketsDoNotCompete) {
  Machine by_source = Machine::ordinary();
  for (const std::uint32_t table : {101U, 102U}) {
    Rule rule = rule_to(table, table);
    rule.source = IpPrefix::parse(table == 101 ? "10.1.0.2" : "10.2.0.2").value();
    const std::string tunnel = table == 101 ? "tun0" : "tun1";
    by_source.tun(tunnel).rule(rule).route({.destination = "default", .interface = tunnel, .table = table});
  }
  EXPECT_FALSE(fires(std::move(by_source), "RTE010"));
  for (const std::string destination : {"default", "10.0.0.0/8"}) {
    Machine uplink;
    uplink.tun("ppp0").tun("wg0").rule(marked_rule(51820));
    uplink.route({.destination = destination, .interface = "ppp0"});
    uplink.route({.destination = destination, .interface = "wg0", .table = 51820});
    EXPECT_EQ(fires(std::move(uplink), "RTE010"), destination != "default");
  }
}

/// A PPP interface and a WireGuard one with a default each in main.
Machine two_defaults(Machine machine) {
  machine.tun("wg0").link("ppp0", "ppp").address("ppp0", "203.0.113.9/32");
  machine.route({.destination = "default", .interface = "wg0"});
  machine.route({.destination = "default", .interface = "ppp0", .metric = 700});
  return machine;
}

TEST(TunnelsOverlap, TheLineThatTheTunnelRunsOverIsNoSecondVpn) {
  // The only way out.
  EXPECT_FALSE(fires(two_defaults(Machine()), "RTE010"));
  // The outer packets leave there, though a second line has a default as well.
  Machine carrying = two_defaults(Machine::ordinary());
  carrying.tunnel("wg0", "198.51.100.7").route({.destination = "198.51.100.7/32", .interface = "ppp0"});
  EXPECT_FALSE(fires(std::move(carrying), "RTE010"));
  // A name is contested whatever the interface is.
  Machine named = two_defaults(Machine());
  named.route({.destination = "10.0.0.0/8", .interface = "wg0"});
  named.route({.destination = "10.0.0.0/8", .interface = "ppp0", .metric = 7});
  EXPECT_TRUE(fires(std::move(named), "RTE010"));
}

TEST(TunnelsOverlap, APppVpnBesideAnotherLineIsOne) {
  EXPECT_TRUE(fires(two_defaults(Machine::ordinary()), "RTE010"));
  // PPTP with the default of the line replaced: the way to its server is left.
  Machine replaced;
  replaced.link("eth0").address("eth0", "192.0.2.2/24");
  replaced.route({.destination = "198.51.100.3/32", .interface = "eth0", .gateway = "192.0.2.1"});
  EXPECT_TRUE(fires(two_defaults(std::move(replaced)), "RTE010"));
  // The outer packets of the other tunnel leave by the line.
  Machine carrying = Machine::ordinary();
  carrying.route({.destination = "198.51.100.7/32", .interface = "eth0", .gateway = "192.0.2.1"});
  Machine over_ethernet = two_defaults(std::move(carrying));
  over_ethernet.tunnel("wg0", "198.51.100.7");
  EXPECT_TRUE(fires(std::move(over_ethernet), "RTE010"));
  // Of two PPP interfaces one may be a VPN's.
  Machine two = two_defaults(Machine());
  two.link("ppp1", "ppp");
  EXPECT_TRUE(fires(std::move(two), "RTE010"));
}

TEST(TunnelsOverlap, ANamedAddressSaysWhoHasItAndEachTunnelHasAStep) {
  Machine machine = Machine::ordinary();
  machine.tun("wg0").tun("tailscale0").rule(marked_rule(51820)).rule(rule_to(52, 5270));
  machine.route({.destination = "default", .interface = "wg0", .table = 51820});
  machine.route({.destination = "default", .interface = "tailscale0", .table = 52});
  const auto found = finding(std::move(machine), "RTE010");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->detail, "1.1.1.1 goes through tailscale0 now.");
  ASSERT_EQ(found->remedy.steps.size(), 3U);
  for (const std::size_t step : {1U, 2U}) EXPECT_EQ(found->remedy.steps[step].commands.size(), 1U);
}

TEST(ContainerNetwork, SaysHowMuchOfItIsTaken) {
  Machine machine = Machine::ordinary();
  machine.link("cni0", "bridge").address("cni0", "10.244.0.1/16").tun("tun0");
  machine.route({.destination = "10.244.7.7/32", .interface = "tun0"});
  const auto found = finding(std::move(machine), "RTE011");
  ASSERT_TRUE(found);
  EXPECT_NE(found->detail.find("0.00153 %"), std::string::npos) << found->detail;
}

TEST(ContainerNetwork, OverACutTableIsNotProven) {
  for (const bool is_cut : {false, true}) {
    Machine machine = Machine::ordinary();
    machine.link("docker0", "bridge").address("docker0", "172.17.0.1/16").tun("tun0");
    Snapshot snapshot = machine.route({.destination = "172.16.0.0/12", .interface = "tun0"}).snapshot();
    if (is_cut) snapshot.routes.add_limit("a test cut it");
    EXPECT_EQ(finding(snapshot, "RTE011")->confidence, is_cut ? Confidence::kLikely : Confidence::kProven);
  }
}

TEST(ContainerNetwork, ASliceOfEverythingIsNoClaim) {
  for (const std::string slice : {"172.0.0.0/6", "172.0.0.0/8"}) {
    Machine machine = Machine::ordinary();
    machine.link("docker0", "bridge").address("docker0", "172.17.0.1/16").tun("tun0");
    machine.route({.destination = slice, .interface = "tun0"});
    EXPECT_EQ(fires(std::move(machine), "RTE011"), slice == "172.0.0.0/8");
  }
}

TEST(ContainerNetwork, FiresWhenATunnelClaimsItsAddresses) {
  for (const std::string claimed : {"172.16.0.0/12", "10.0.0.0/8"}) {
    Machine machine = Machine::ordinary();
    machine.link("docker0", "bridge").address("docker0", "172.17.0.1/16").tun("tun0");
    machine.route({.destination = claimed, .interface = "tun0"});
    EXPECT_EQ(fires(std::move(machine), "RTE011"), claimed == "172.16.0.0/12");
  }
}

TEST(SharedAddressSpace, FiresWhenProviderAndTunnelBothUseIt) {
  for (const std::string own : {"100.64.3.4/24", "203.0.113.4/24"}) {
    Machine machine = Machine::ordinary();
    machine.link("eth1").address("eth1", own).tun("tun0").route({.destination = "100.64.0.0/10", .interface = "tun0"});
    EXPECT_EQ(fires(std::move(machine), "RTE012"), own == "100.64.3.4/24");
  }
}

TEST(SharedAddressSpace, ARuleToMainIsOfferedUnlessTheClaimIsThere) {
  for (const std::uint32_t table : {std::uint32_t{kTableMain}, 52U}) {
    Machine machine = Machine::ordinary();
    machine.link("eth1").address("eth1", "100.64.3.4/24").tun("tailscale0").rule(rule_to(52, 5270));
    machine.route({.destination = "100.64.0.0/10", .interface = "tailscale0", .table = table});
    const std::string commands = commands_of(*finding(std::move(machine), "RTE012"));
    EXPECT_EQ(commands.find("rule add") == std::string::npos, table == kTableMain) << commands;
  }
}

TEST(ReversePathFilter, DropsTheAnswersOfAMarkedTunnelUnlessMarksAreBelieved) {
  for (const int believes : {0, 1}) {
    Machine machine = Machine::ordinary();
    machine.tun("wg0").tunnel("wg0", "198.51.100.9", 51820).rule(marked_rule(51820));
    machine.route({.destination = "default", .interface = "wg0", .table = 51820});
    machine.filter("eth0", 1, believes);
    EXPECT_EQ(fires(std::move(machine), "RTE013"), believes == 0);
  }
}

TEST(ReversePathFilter, LooseLetsEverythingIn) {
  Machine machine = Machine::ordinary();
  machine.tun("wg0").tunnel("wg0", "198.51.100.9", 51820).rule(marked_rule(51820));
  machine.route({.destination = "default", .interface = "wg0", .table = 51820}).filter("eth0", 2);
  EXPECT_FALSE(fires(std::move(machine), "RTE013"));
}

}  // namespace
}  // namespace vpndoctor
