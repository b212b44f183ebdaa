// SPDX-License-Identifier: Apache-2.0
// Each routing check fires on the state that it is about, and stays silent on the same state without the fault.
#include "vpndoctor/routing_checks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "machine.h"
#include "vpndoctor/codes.h"

namespace vpndoctor {
namespace {

using testing_support::Machine;

CheckResults check(Machine machine) {
  const Snapshot snapshot = machine.snapshot();
  const Fib fib(snapshot);
  return check_routing(snapshot, fib);
}

std::optional<Finding> finding(Machine machine, const std::string& code) {
  const CheckResults results = check(std::move(machine));
  const auto found = std::ranges::find(results.findings, code, &Finding::code);
  return found == results.findings.end() ? std::nullopt : std::optional(*found);
}

bool fires(Machine machine, const std::string& code) { return finding(std::move(machine), code).has_value(); }

/// eth0 and a tun0 with 10.8.0.2, as a connected VPN.
Machine with_vpn() {
  Machine machine = Machine::ordinary();
  machine.tun("tun0").address("tun0", "10.8.0.2/24").tunnel("tun0", "198.51.100.9");
  return machine;
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

TEST(DefaultMissing, IsAnErrorOnlyWhenNoFamilyHasOne) {
  Machine neither;
  neither.link("eth0").address("eth0", "192.0.2.2/24");
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

TEST(LanCaptured, NamesTheShareAndIsAnErrorWithTheGateway) {
  Machine half = Machine::ordinary();
  half.tun("tun0").route({.destination = "192.0.2.128/25", .interface = "tun0"});
  const auto found = finding(std::move(half), "RTE009");
  EXPECT_EQ(found->severity, Severity::kWarning);
  EXPECT_NE(found->title.find("50 %"), std::string::npos) << found->title;
  Machine gateway = Machine::ordinary();
  gateway.tun("tun0").route({.destination = "192.0.2.0/25", .interface = "tun0"});
  EXPECT_EQ(finding(std::move(gateway), "RTE009")->severity, Severity::kError);
}

TEST(TunnelsOverlap, FiresForTheSamePrefixInTwoTunnels) {
  for (const std::string second : {"10.0.0.0/8", "10.0.0.0/9"}) {
    Machine machine = Machine::ordinary();
    machine.tun("tun0").tun("tun1").route({.destination = "10.0.0.0/8", .interface = "tun0"});
    machine.route({.destination = second, .interface = "tun1", .metric = 7});
    EXPECT_EQ(fires(std::move(machine), "RTE010"), second == "10.0.0.0/8");
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
