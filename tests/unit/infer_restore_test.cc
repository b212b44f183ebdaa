// SPDX-License-Identifier: Apache-2.0
// The plan without a baseline: what is taken away, what stays, what comes back, and what is said of it. The states that
// real programs leave are in tests/crash.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "machine.h"
#include "vpndoctor/configured_state.h"
#include "vpndoctor/route_words.h"

namespace vpndoctor {
namespace {

using testing_support::Machine;

constexpr std::uint32_t kTable = 51820;

Rule wg_quick_rule(std::uint32_t priority, std::uint32_t table = kTable, Family family = Family::kInet) {
  Rule rule;
  rule.family = family;
  rule.priority = priority;
  rule.inverted = true;
  rule.mark = table;
  rule.mark_mask = 0xffffffff;
  rule.table = table;
  return rule;
}

Rule suppressing_rule(std::uint32_t priority, Family family = Family::kInet) {
  Rule rule;
  rule.family = family;
  rule.priority = priority;
  rule.table = kTableMain;
  rule.suppress_prefix_length = 0;
  return rule;
}

/// eth0 with an address and a default route.
Machine host() {
  Machine machine;
  machine.link("eth0").address("eth0", "192.0.2.5/24");
  machine.route({.destination = "default", .interface = "eth0", .gateway = "192.0.2.1"});
  return machine;
}

ConfiguredState wish(const std::string& destination, const std::string& gateway, std::uint32_t metric = 0) {
  ConfiguredRoute route;
  route.route.route.destination =
      destination == "default" ? IpPrefix::everything(Family::kInet) : *IpPrefix::parse(destination);
  route.route.route.protocol = kProtocolBoot;
  route.route.route.metric = metric;
  NextHop hop;
  hop.gateway = IpAddress::parse(gateway);
  hop.interface = "eth0";
  route.route.next_hops.hops = {hop};
  route.source = "lease of eth0";
  route.confidence = Confidence::kProven;
  return {{route}, {}};
}

/// The commands of a plan that would be carried out, a line each.
std::string commands(const RestorePlan& plan) {
  std::string text;
  for (const RestoreOperation& operation : plan.operations) {
    EXPECT_FALSE(operation.reason.empty());
    EXPECT_FALSE(operation.source.empty());
    EXPECT_NE(operation.source, "baseline");
    if (operation.applicable && !operation.optional) text += joined(operation.argv) + "\n";
  }
  return text;
}

std::string commands(Machine machine, const ConfiguredState& configured = {}) {
  return commands(infer_restore(machine.snapshot(), configured));
}

TEST(InferRestore, WhatNobodyAsksForAndNoVpnLeftStays) {
  Machine machine = host();
  machine.route({.destination = "10.0.0.0/8", .interface = "eth0", .gateway = "192.0.2.9"});
  machine.route({.destination = "203.0.113.7/32", .interface = "eth0", .gateway = "192.0.2.9"});
  EXPECT_EQ(commands(std::move(machine), wish("default", "192.0.2.1")), "");
}

TEST(InferRestore, RulesOfWgQuickToAnEmptyTableGo) {
  Machine machine = host();
  for (const std::uint32_t priority : {32763U, 32765U}) {
    machine.rule(suppressing_rule(priority - 1)).rule(wg_quick_rule(priority));
  }
  const RestorePlan plan = infer_restore(machine.snapshot(), {});
  EXPECT_EQ(plan.pending(), 4U);
  EXPECT_TRUE(std::ranges::all_of(plan.operations, [](const RestoreOperation& operation) {
    return operation.action == RestoreAction::kDelete && operation.confidence == Confidence::kProven;
  }));
}

TEST(InferRestore, RulesToATableWithARouteStay) {
  Machine machine = host();
  machine.link("wg0", "wireguard");
  machine.rule(suppressing_rule(32764)).rule(wg_quick_rule(32765));
  machine.route({.destination = "default", .interface = "wg0", .table = kTable});
  EXPECT_EQ(commands(std::move(machine)), "");
}

TEST(InferRestore, ARouteOfTheOtherFamilyKeepsNoRule) {
  Machine machine = host();
  machine.link("wg0", "wireguard");
  machine.rule(wg_quick_rule(32765, kTable, Family::kInet6));
  machine.route({.destination = "default", .interface = "wg0", .table = kTable});
  EXPECT_NE(commands(std::move(machine)), "");
}

TEST(InferRestore, RulesOfALiveTunnelStayThoughTheirTableIsEmpty) {
  Machine machine = host();
  machine.link("wg0", "wireguard").tunnel("wg0", "198.51.100.9", kTable);
  machine.rule(suppressing_rule(32764)).rule(wg_quick_rule(32765));
  EXPECT_EQ(commands(std::move(machine)), "");
}

TEST(InferRestore, RulesOfAnotherShapeStay) {
  Rule narrow = wg_quick_rule(32765);
  narrow.source = *IpPrefix::parse("10.0.0.0/8");
  Rule other_mark = wg_quick_rule(32765);
  other_mark.mark = 7;
  Rule straight = wg_quick_rule(32765);
  straight.inverted = false;
  for (const Rule& rule : {narrow, other_mark, straight}) {
    Machine machine = host();
    machine.rule(suppressing_rule(32764)).rule(rule);
    EXPECT_EQ(commands(std::move(machine)), "") << joined(rule_words(rule));
  }
}

TEST(InferRestore, ASuppressingRuleThatStandsAloneStays) {
  Machine machine = host();
  machine.rule(suppressing_rule(100)).rule(wg_quick_rule(32765));
  EXPECT_EQ(commands(std::move(machine)), "ip -4 rule del not from all fwmark 0xca6c lookup 51820 pref 32765\n");
}

TEST(InferRestore, RoutesIntoATunThatNobodyHoldsGo) {
  Machine machine = host();
  machine.tun("tun0", false).address("tun0", "10.8.0.2/24");
  machine.route({.destination = "0.0.0.0/1", .interface = "tun0", .gateway = "10.8.0.1"});
  machine.route({.destination = "203.0.113.0/24", .interface = "tun0", .gateway = "10.8.0.1", .table = 100});
  const RestorePlan plan = infer_restore(machine.snapshot(), {});
  EXPECT_EQ(plan.pending(), 2U);
  EXPECT_EQ(std::ranges::count(plan.operations, true, &RestoreOperation::optional), 1)
      << "the tunnel's address is offered";
}

TEST(InferRestore, RoutesIntoALiveTunnelStay) {
  Machine machine = host();
  machine.tun("tun0").address("tun0", "10.8.0.2/24");
  machine.route({.destination = "0.0.0.0/1", .interface = "tun0", .gateway = "10.8.0.1"});
  machine.route({.destination = "198.51.100.9/32", .interface = "eth0", .gateway = "192.0.2.1"});
  EXPECT_EQ(commands(std::move(machine)), "");
}

TEST(InferRestore, ATunWithoutCarrierThatSomebodyHoldsIsNotDead) {
  Machine machine = host();
  machine.tun("tun0", false).address("tun0", "10.8.0.2/24").tunnel("tun0", "198.51.100.9");
  machine.route({.destination = "0.0.0.0/1", .interface = "tun0", .gateway = "10.8.0.1"});
  Snapshot now = machine.snapshot();
  EXPECT_EQ(infer_restore(now, {}).pending(), 1U);
  now.tunnels->back().holder_pid = 4711;
  EXPECT_EQ(infer_restore(now, {}).pending(), 0U);
  now.tunnels->back().holder_pid.reset();
  now.tunnels->back().holder_not_seen = "only root may see who holds it";
  EXPECT_EQ(infer_restore(now, {}).pending(), 0U) << "somebody may hold it";
  now.tunnels->back().holder_not_seen.clear();
  now.links->back().tun_persistent = false;
  EXPECT_EQ(infer_restore(now, {}).pending(), 0U) << "it would be gone without a holder";
}

TEST(InferRestore, TheRouteToAServerThatNoTunnelNeedsGoes) {
  Machine machine = host();
  machine.route({.destination = "198.51.100.9/32", .interface = "eth0", .gateway = "192.0.2.1"});
  const RestorePlan plan = infer_restore(machine.snapshot(), {});
  EXPECT_EQ(commands(plan), "ip -4 route del 198.51.100.9 via 192.0.2.1 dev eth0\n");
  EXPECT_EQ(plan.operations.at(0).confidence, Confidence::kLikely);
}

TEST(InferRestore, AHostRouteThatDecidesSomethingStays) {
  Machine by_another_router = host();
  by_another_router.route({.destination = "198.51.100.9/32", .interface = "eth0", .gateway = "192.0.2.9"});
  EXPECT_EQ(commands(std::move(by_another_router)), "");
  Machine below_another_route = host();
  below_another_route.route({.destination = "198.51.100.0/24", .interface = "eth0", .gateway = "192.0.2.9"});
  below_another_route.route({.destination = "198.51.100.9/32", .interface = "eth0", .gateway = "192.0.2.1"});
  EXPECT_EQ(commands(std::move(below_another_route)), "");
  Machine of_a_manager = host();
  of_a_manager.route(
      {.destination = "198.51.100.9/32", .interface = "eth0", .gateway = "192.0.2.1", .protocol = kProtocolStatic});
  EXPECT_EQ(commands(std::move(of_a_manager)), "");
}

TEST(InferRestore, AHostRouteThatTheConfigurationAsksForStays) {
  Machine machine = host();
  machine.route({.destination = "198.51.100.9/32", .interface = "eth0", .gateway = "192.0.2.1"});
  EXPECT_EQ(commands(std::move(machine), wish("198.51.100.9/32", "192.0.2.1")), "");
}

TEST(InferRestore, ManyHostRoutesAreNoServersAndAreSaid) {
  Machine machine = host();
  for (int i = 1; i <= 17; ++i) {
    machine.route({.destination = fmt::format("198.51.100.{}/32", i), .interface = "eth0", .gateway = "192.0.2.1"});
  }
  const RestorePlan plan = infer_restore(machine.snapshot(), {});
  EXPECT_EQ(plan.pending(), 0U);
  EXPECT_EQ(plan.notes.size(), 1U);
}

TEST(InferRestore, AMissingRouteComesBackWithItsSource) {
  Machine machine;
  machine.link("eth0").address("eth0", "192.0.2.5/24");
  const RestorePlan plan = infer_restore(machine.snapshot(), wish("default", "192.0.2.1"));
  EXPECT_EQ(commands(plan), "ip -4 route add default via 192.0.2.1 dev eth0\n");
  EXPECT_EQ(plan.operations.at(0).source, "lease of eth0");
  EXPECT_EQ(plan.operations.at(0).confidence, Confidence::kProven);
}

TEST(InferRestore, ADefaultThatNothingSpeaksForIsNotAnswered) {
  Machine machine;
  machine.link("eth0").address("eth0", "192.0.2.5/24");
  Snapshot now = machine.snapshot();
  const RestorePlan plan = infer_restore(now, {});
  EXPECT_EQ(plan.pending(), 0U);
  ASSERT_EQ(plan.unanswered.size(), 1U);
  EXPECT_NE(plan.unanswered[0].find("IPv4"), std::string::npos);
  ConfiguredState managed;
  managed.managers["eth0"] = ConfigurationManager::kNetworkManager;
  EXPECT_NE(infer_restore(now, managed).unanswered.at(0).find("nmcli device reapply eth0"), std::string::npos);
  EXPECT_TRUE(infer_restore(now, wish("default", "192.0.2.1")).unanswered.empty());
  EXPECT_EQ(infer_restore(now, wish("default", "198.51.100.1")).unanswered.size(), 1U) << "its gateway is not on link";
  EXPECT_TRUE(infer_restore(host().snapshot(), {}).unanswered.empty());
  now.addresses->push_back(now.addresses->back());
  now.addresses->back().address = *IpAddress::parse("2001:db8::5");
  EXPECT_EQ(infer_restore(now, wish("default", "192.0.2.1")).unanswered.size(), 1U) << "there are addresses of IPv6";
}

TEST(InferRestore, AnAddressThatNeedsNoRouterAsksForNoDefault) {
  Machine machine;
  machine.link("eth0").address("eth0", "fd00::5/64").address("eth0", "169.254.1.5/16");
  machine.link("docker0", "bridge").address("docker0", "172.17.0.1/16");
  machine.tun("tun0").address("tun0", "10.8.0.2/24");
  EXPECT_TRUE(infer_restore(machine.snapshot(), {}).unanswered.empty());
}

TEST(InferRestore, ABridgeIsOfferedAndAnswersNothing) {
  Machine machine = host();
  machine.address("eth0", "2001:db8::5/64");
  ConfiguredState configured;
  ConfiguredRoute bridge = wish("::/0", "fe80::1", 1025).routes.front();
  bridge.is_bridge = true;
  bridge.route.attributes.expires_seconds = 1800;
  configured.routes = {bridge};
  const RestorePlan plan = infer_restore(machine.snapshot(), configured);
  EXPECT_EQ(plan.pending(), 0U);
  ASSERT_EQ(plan.operations.size(), 1U);
  EXPECT_TRUE(plan.operations[0].optional);
  EXPECT_EQ(joined(plan.operations[0].argv), "ip -6 route add default via fe80::1 dev eth0 metric 1025 expires 1800");
  EXPECT_EQ(plan.unanswered.size(), 1U);
}

TEST(InferRestore, ARouteThatIsThereWithAnotherMetricIsNotAddedAgain) {
  EXPECT_EQ(commands(host(), wish("default", "192.0.2.1", 100)), "");
}

TEST(InferRestore, AnotherRouteInItsPlaceIsLeftAndSaid) {
  const RestorePlan plan = infer_restore(host().snapshot(), wish("default", "192.0.2.254"));
  EXPECT_EQ(plan.pending(), 0U);
  EXPECT_EQ(plan.notes.size(), 1U);
}

TEST(InferRestore, ALiveTunnelKeepsTheDefaultThatItTook) {
  Machine machine;
  machine.link("eth0").address("eth0", "192.0.2.5/24").tun("tun0").address("tun0", "10.8.0.2/24");
  machine.route({.destination = "default", .interface = "tun0", .gateway = "10.8.0.1"});
  const RestorePlan plan = infer_restore(machine.snapshot(), wish("default", "192.0.2.1", 1024));
  EXPECT_EQ(plan.pending(), 0U);
  EXPECT_EQ(plan.notes.size(), 1U);
}

TEST(InferRestore, ADefaultIntoADeadTunnelMakesWay) {
  Machine machine;
  machine.link("eth0").address("eth0", "192.0.2.5/24").tun("tun0", false).address("tun0", "10.8.0.2/24");
  machine.route({.destination = "default", .interface = "tun0", .gateway = "10.8.0.1"});
  const Snapshot now = machine.snapshot();
  const RestorePlan plan = infer_restore(now, wish("default", "192.0.2.1"));
  EXPECT_GE(plan.pending(), 1U);
  EXPECT_EQ(plan.operations.at(0).source, "lease of eth0");
}

TEST(InferRestore, WhatCouldNotBeReadIsSaid) {
  ConfiguredState configured;
  configured.not_read = {"lease /x: it has expired"};
  const RestorePlan plan = infer_restore(host().snapshot(), configured);
  EXPECT_EQ(plan.notes, configured.not_read);
}

TEST(InferRestore, NothingIsTakenAwayWhereRoutesAreNotKnown) {
  Machine machine = host();
  machine.rule(suppressing_rule(32764)).rule(wg_quick_rule(32765));
  Snapshot now = machine.snapshot();
  now.routes = Observed<RouteTable>::missing("netlink is not allowed");
  EXPECT_EQ(infer_restore(now, wish("default", "192.0.2.1")).pending(), 0U);
  Snapshot cut = machine.snapshot();
  cut.routes.add_limit("the dump was cut");
  EXPECT_EQ(infer_restore(cut, {}).pending(), 0U);
}

TEST(InferRestore, RulesOfAClientWhoseInterfaceIsGoneGo) {
  Rule to_table;
  to_table.priority = 110;
  to_table.inverted = true;
  to_table.mark = 0x1bd00;
  to_table.mark_mask = 0xffffffff;
  to_table.table = 7120;
  Machine machine = host();
  machine.rule(suppressing_rule(105)).rule(to_table);
  EXPECT_EQ(infer_restore(machine.snapshot(), {}).pending(), 2U);
  machine.link("wt0", "wireguard");
  EXPECT_EQ(infer_restore(machine.snapshot(), {}).pending(), 0U);
}

}  // namespace
}  // namespace vpndoctor
