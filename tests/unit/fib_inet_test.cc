// SPDX-License-Identifier: Apache-2.0
// The IPv4 lookup on machines built by hand, each for one rule of the kernel. That it is the kernel's as a whole, the
// differential test in tests/fib shows.
#include <gtest/gtest.h>

#include <algorithm>

#include "machine.h"
#include "vpndoctor/fib.h"

namespace vpndoctor {
namespace {

using testing_support::Machine;

IpAddress address(const char* text) { return IpAddress::parse(text).value(); }

Flow flow(const char* words) { return parse_flow(words).value(); }

/// The answer in one line: "unicast tun0 10.8.0.1 10.8.0.2", "-" for what there is none of.
std::string answer_text(const FlowAnswer& answer) {
  const auto text = [](const std::optional<IpAddress>& maybe) { return maybe ? maybe->to_string() : "-"; };
  const std::string interface = answer.interface.empty() ? "-" : std::string(answer.interface);
  return std::string(flow_fate_name(answer.fate)) + " " + interface + " " + text(answer.gateway) + " " +
         text(answer.source);
}

std::string answer_of(const Snapshot& snapshot, const char* words) {
  return answer_text(Fib(snapshot).lookup(flow(words)));
}

std::string outcome_of(const Snapshot& snapshot, const char* words, std::uint32_t priority) {
  const FlowExplanation explanation = Fib(snapshot).explain(flow(words));
  const auto step = std::ranges::find(explanation.steps, std::optional(priority), &FlowStep::priority);
  return step == explanation.steps.end() ? "not tried" : step->outcome;
}

Rule to_table(std::uint32_t priority, std::uint32_t table) {
  Rule rule;
  rule.priority = priority;
  rule.table = table;
  return rule;
}

/// eth0 and its default, tun0 10.8.0.2/24 with a default in table 100.
Machine with_tunnel() {
  Machine machine = Machine::ordinary();
  machine.tun("tun0").address("tun0", "10.8.0.2/24");
  machine.route({.destination = "default", .interface = "tun0", .gateway = "10.8.0.1", .table = 100});
  return machine;
}

Snapshot with(Snapshot snapshot, const char* route) { return with_route(snapshot, route).value(); }

TEST(FibInet, TheLongestPrefixOfMainDecides) {
  const Snapshot snapshot = with(with_tunnel().snapshot(), "203.0.113.0/24 via 10.8.0.1");
  EXPECT_EQ(answer_of(snapshot, "203.0.113.7"), "unicast tun0 10.8.0.1 10.8.0.2");
  EXPECT_EQ(answer_of(snapshot, "203.0.114.7"), "unicast eth0 192.0.2.1 192.0.2.2");
  EXPECT_EQ(answer_of(snapshot, "192.0.2.2"), "local lo - 192.0.2.2");
}

TEST(FibInet, AnInvertedMarkRuleSendsUnmarkedPacketsIntoTheTunnel) {
  Rule rule = to_table(32765, 100);
  rule.inverted = true;
  rule.mark = 0xca6c;
  rule.mark_mask = 0xffffffff;
  const Snapshot snapshot = with_tunnel().rule(rule).snapshot();
  EXPECT_EQ(answer_of(snapshot, "1.2.3.4"), "unicast tun0 10.8.0.1 10.8.0.2");
  EXPECT_EQ(answer_of(snapshot, "1.2.3.4 mark 0xca6c"), "unicast eth0 192.0.2.1 192.0.2.2");
}

TEST(FibInet, SuppressionPassesOverTheDefaultButNotOverARefusal) {
  Rule suppressing = to_table(100, kTableMain);
  suppressing.suppress_prefix_length = 0;
  const Snapshot snapshot = with_tunnel().rule(suppressing).rule(to_table(101, 100)).snapshot();
  EXPECT_EQ(answer_of(snapshot, "1.2.3.4"), "unicast tun0 10.8.0.1 10.8.0.2");
  EXPECT_EQ(answer_of(snapshot, "192.0.2.9"), "unicast eth0 - 192.0.2.2");
  EXPECT_NE(outcome_of(snapshot, "1.2.3.4", 100).find("suppress_prefixlength"), std::string::npos);
  const Snapshot refusing = with(without_interface(snapshot, "eth0"), "blackhole default");
  EXPECT_EQ(answer_of(refusing, "1.2.3.4"), "blackhole - - -");
}

TEST(FibInet, AThrowRouteEndsItsTableOnly) {
  const Snapshot snapshot = with(with_tunnel().rule(to_table(100, 100)).snapshot(), "throw 10.0.0.0/8 table 100");
  EXPECT_EQ(answer_of(snapshot, "10.1.1.1"), "unicast eth0 192.0.2.1 192.0.2.2");
  EXPECT_EQ(answer_of(snapshot, "11.1.1.1"), "unicast tun0 10.8.0.1 10.8.0.2");
}

TEST(FibInet, ADeadNextHopFallsBackToAShorterPrefix) {
  Snapshot snapshot = with(with_tunnel().snapshot(), "203.0.113.0/24 via 10.8.0.1");
  snapshot.routes->next_hop_sets.back().hops[0].flags |= kNextHopDead;
  EXPECT_EQ(answer_of(snapshot, "203.0.113.7"), "unicast eth0 192.0.2.1 192.0.2.2");
}

TEST(FibInet, ARouteWithoutCarrierIsTakenUnlessItsInterfaceIgnoresSuch) {
  Snapshot snapshot = with(with_tunnel().snapshot(), "203.0.113.0/24 via 10.8.0.1");
  snapshot.routes->next_hop_sets.back().hops[0].flags |= kNextHopLinkDown;
  EXPECT_EQ(answer_of(snapshot, "203.0.113.7"), "unicast tun0 10.8.0.1 10.8.0.2");
  snapshot.settings->inet["tun0"].ignore_routes_with_linkdown = 1;
  EXPECT_EQ(answer_of(snapshot, "203.0.113.7"), "unicast eth0 192.0.2.1 192.0.2.2");
}

TEST(FibInet, ABoundSocketNeedsNoRoute) {
  const Snapshot snapshot = with_tunnel().snapshot();
  EXPECT_EQ(answer_of(snapshot, "1.2.3.4 oif tun0"), "unicast tun0 - 10.8.0.2");
  EXPECT_EQ(answer_of(snapshot, "1.2.3.4 oif eth0"), "unicast eth0 192.0.2.1 192.0.2.2");
  EXPECT_EQ(answer_of(snapshot, "1.2.3.4 oif wg9"), "no_such_interface - - -");
}

TEST(FibInet, ASourceMustBeThisMachines) {
  const Snapshot snapshot = with_tunnel().snapshot();
  EXPECT_EQ(answer_of(snapshot, "1.2.3.4 from 10.8.0.2"), "unicast eth0 192.0.2.1 10.8.0.2");
  EXPECT_EQ(answer_of(snapshot, "1.2.3.4 from 10.8.0.3"), "invalid_source - - 10.8.0.3");
}

TEST(FibInet, TosIsMatchedByThreeBits) {
  Rule rule = to_table(100, 100);
  rule.tos = 0x10;
  const Snapshot snapshot = with_tunnel().rule(rule).snapshot();
  EXPECT_EQ(answer_of(snapshot, "1.2.3.4 tos 0x10"), "unicast tun0 10.8.0.1 10.8.0.2");
  EXPECT_EQ(answer_of(snapshot, "1.2.3.4 tos 0xb0"), "unicast tun0 10.8.0.1 10.8.0.2");
  EXPECT_EQ(answer_of(snapshot, "1.2.3.4 tos 0x08"), "unicast eth0 192.0.2.1 192.0.2.2");
}

TEST(FibInet, AGotoJumpsAndAnUnresolvedOneDoesNot) {
  Rule jump = to_table(100, kTableUnspecified);
  jump.action = RuleAction::kGoto;
  jump.goto_priority = 200;
  Rule refuse = to_table(150, kTableUnspecified);
  refuse.action = RuleAction::kProhibit;
  const Snapshot jumps = with_tunnel().rule(jump).rule(refuse).rule(to_table(200, 100)).snapshot();
  EXPECT_EQ(answer_of(jumps, "1.2.3.4"), "unicast tun0 10.8.0.1 10.8.0.2");
  const Snapshot dangles = with_tunnel().rule(jump).rule(refuse).snapshot();
  EXPECT_EQ(answer_of(dangles, "1.2.3.4"), "prohibit - - -");
}

TEST(FibInet, AMultipathRouteDependsOnAHash) {
  const Snapshot snapshot =
      with(with_tunnel().snapshot(), "203.0.113.0/24 nexthop via 10.8.0.1 weight 3 nexthop via 192.0.2.1 dev eth0");
  const Fib fib(snapshot);
  const FlowAnswer answer = fib.lookup(flow("203.0.113.1"));
  EXPECT_EQ(answer.depends_on, DependsOn::kHash);
  ASSERT_EQ(answer.candidates.size(), 2U);
  EXPECT_EQ(answer.candidates[0].interface, "tun0");
  EXPECT_EQ(answer.candidates[0].weight, 3);
  EXPECT_EQ(answer.candidates[1].interface, "eth0");
  EXPECT_EQ(fib.lookup(flow("203.0.113.1 oif eth0")).depends_on, DependsOn::kNothing);
}

TEST(FibInet, EqualDefaultsDependOnTheirGateways) {
  Machine machine = with_tunnel();
  machine.route({.destination = "default", .interface = "tun0", .gateway = "10.8.0.1"});
  Snapshot snapshot = machine.snapshot();
  const FlowAnswer unknown = Fib(snapshot).lookup(flow("1.2.3.4"));
  EXPECT_EQ(unknown.depends_on, DependsOn::kNeighbour);
  EXPECT_EQ(unknown.candidates.size(), 2U);
  EXPECT_EQ(unknown.interface, "eth0");
  Neighbour failed;
  failed.interface = "eth0";
  failed.address = address("192.0.2.1");
  failed.state = kNeighbourFailed;
  snapshot.neighbours->push_back(failed);
  EXPECT_EQ(Fib(snapshot).lookup(flow("1.2.3.4")).interface, "tun0");
}

// fib_rule_requires_fldissect()
TEST(FibInet, TheWayBackHasAProtocolOnlyWhereARuleForArrivingPacketsAsksForIt) {
  Snapshot snapshot = with_tunnel().snapshot();
  Rule refuses = to_table(0, kTableUnspecified);
  refuses.action = RuleAction::kUnreachable;
  refuses.input_interface = "lo";
  refuses.ip_protocol = 6;
  snapshot.rules->insert(snapshot.rules->begin(), refuses);
  const char* from_itself = "192.0.2.2 from 10.8.0.2 iif eth0 ipproto 6";
  EXPECT_EQ(answer_of(snapshot, from_itself), "martian - - 10.8.0.2");
  Rule asks = to_table(40000, 77);
  asks.ip_protocol = 17;
  snapshot.rules->push_back(asks);
  EXPECT_EQ(answer_of(snapshot, from_itself), "local lo - 10.8.0.2");
}

TEST(FibInet, AnArrivingPacketNeedsForwardingAndARouteBack) {
  Machine machine = with_tunnel();
  Snapshot snapshot = machine.snapshot();
  EXPECT_EQ(answer_of(snapshot, "1.2.3.4 from 10.8.0.9 iif tun0"), "not_forwarding - - 10.8.0.9");
  snapshot.settings->inet["tun0"].forwarding = 1;
  EXPECT_EQ(answer_of(snapshot, "1.2.3.4 from 10.8.0.9 iif tun0"), "unicast eth0 192.0.2.1 10.8.0.9");
  EXPECT_EQ(answer_of(snapshot, "1.2.3.4 from 192.0.2.2 iif tun0"), "martian - - 192.0.2.2");
  snapshot.settings->inet["tun0"].reverse_path_filter = 1;
  EXPECT_EQ(answer_of(snapshot, "1.2.3.4 from 10.8.0.9 iif tun0"), "unicast eth0 192.0.2.1 10.8.0.9");
  EXPECT_EQ(answer_of(snapshot, "1.2.3.4 from 198.51.100.1 iif tun0"), "martian - - 198.51.100.1");
  EXPECT_EQ(answer_of(snapshot, "192.0.2.2 from 10.8.0.9 iif tun0"), "local lo - 10.8.0.9");
}

TEST(FibInet, LocalAndMainMayBeOneTable) {
  const Snapshot plain = with(with_tunnel().snapshot(), "127.0.0.5/32 via 10.8.0.1");
  const FlowAnswer merged = Fib(plain).lookup(flow("127.0.0.5"));
  EXPECT_EQ(merged.interface, "tun0");
  EXPECT_FALSE(merged.uncertain.empty());
  const Snapshot split = with(with_tunnel().rule(to_table(100, 100)).snapshot(), "127.0.0.5/32 via 10.8.0.1");
  const Fib fib(split);
  EXPECT_EQ(answer_text(fib.lookup(flow("127.0.0.5"))), "local lo - 127.0.0.5");
  EXPECT_TRUE(fib.lookup(flow("127.0.0.5")).uncertain.empty());
}

TEST(FibInet, WhatIsNotKnownMakesTheAnswerUncertain) {
  Snapshot snapshot = with_tunnel().snapshot();
  EXPECT_TRUE(Fib(snapshot).lookup(flow("1.2.3.4")).uncertain.empty());
  snapshot.rules->front().not_understood = {99};
  EXPECT_FALSE(Fib(snapshot).lookup(flow("1.2.3.4")).uncertain.empty());
  snapshot = with_tunnel().snapshot();
  snapshot.rules = Observed<std::vector<Rule>>::missing("the file has none");
  const Fib without_rules(snapshot);
  EXPECT_FALSE(without_rules.lookup(flow("1.2.3.4")).uncertain.empty());
  EXPECT_EQ(answer_of(snapshot, "1.2.3.4"), "unicast eth0 192.0.2.1 192.0.2.2");
}

TEST(FibInet, ExplainGivesTheLookupsAnswerAndEveryRuleTried) {
  Rule bound = to_table(50, 100);
  bound.input_interface = "tun0";
  const Snapshot snapshot = with_tunnel().rule(bound).snapshot();
  const Fib fib(snapshot);
  const FlowExplanation explanation = fib.explain(flow("1.2.3.4"));
  EXPECT_EQ(answer_text(explanation.answer), answer_text(fib.lookup(flow("1.2.3.4"))));
  ASSERT_EQ(explanation.steps.size(), 3U);
  EXPECT_EQ(explanation.steps[1].priority, 50U);
  EXPECT_FALSE(explanation.steps[1].table);
  EXPECT_EQ(explanation.steps[2].table, std::optional<std::uint32_t>(kTableMain));
  for (const FlowStep& step : explanation.steps) EXPECT_FALSE(step.outcome.empty());
}

TEST(FibInet, RangesCoverEverythingInOrderAndAgreeWithLookups) {
  const Snapshot snapshot = with(with_tunnel().snapshot(), "203.0.113.0/24 via 10.8.0.1");
  const Fib fib(snapshot);
  std::optional<IpAddress> last;
  std::size_t count = 0;
  fib.for_each_range({}, IpPrefix::everything(Family::kInet),
                     [&](const IpAddress& from, const IpAddress& to, const FlowAnswer& answer) {
                       EXPECT_TRUE(last ? *last < from : from.is_unspecified());
                       EXPECT_LE(from, to);
                       Flow at;
                       at.destination = to;
                       const FlowAnswer other = fib.lookup(at);
                       EXPECT_EQ(other.interface, answer.interface) << to.to_string();
                       EXPECT_EQ(other.fate, answer.fate) << to.to_string();
                       last = to;
                       ++count;
                     });
  EXPECT_EQ(last, address("255.255.255.255"));
  EXPECT_GT(count, 10U);
}

}  // namespace
}  // namespace vpndoctor
