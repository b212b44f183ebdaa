// SPDX-License-Identifier: Apache-2.0
// Hypotheses: a machine without an interface, a machine with one more route, and the words that say it.
#include <gtest/gtest.h>

#include "machine.h"
#include "vpndoctor/fib.h"

namespace vpndoctor {
namespace {

using testing_support::Machine;

Machine with_tunnel() {
  Machine machine = Machine::ordinary();
  machine.tun("tun0").address("tun0", "10.8.0.2/24");
  machine.route({.destination = "0.0.0.0/1", .interface = "tun0", .gateway = "10.8.0.1"});
  return machine;
}

std::string way(const Snapshot& snapshot, const char* flow) {
  return std::string(Fib(snapshot).lookup(parse_flow(flow).value()).interface);
}

ErrorKind refusal(const char* route) {
  const auto changed = with_route(with_tunnel().snapshot(), route);
  return changed ? ErrorKind::kInternal : changed.error().kind;
}

TEST(FibChange, WithoutTheTunnelItsTrafficTakesTheDefault) {
  const Snapshot before = with_tunnel().snapshot();
  EXPECT_EQ(way(before, "1.2.3.4"), "tun0");
  const Snapshot after = without_interface(before, "tun0");
  EXPECT_EQ(way(after, "1.2.3.4"), "eth0");
  EXPECT_EQ(after.find_link("tun0"), nullptr);
  EXPECT_EQ(Fib(after).lookup(parse_flow("10.8.0.2").value()).fate, FlowFate::kUnicast);
}

TEST(FibChange, ARuleOnTheInterfaceStaysAndMatchesNothing) {
  Rule rule;
  rule.priority = 10;
  rule.output_interface = "tun0";
  rule.action = RuleAction::kProhibit;
  const Snapshot after = without_interface(with_tunnel().rule(rule).snapshot(), "tun0");
  ASSERT_EQ(after.rules->size(), 6U);
  EXPECT_EQ(way(after, "1.2.3.4 oif eth0"), "eth0");
}

TEST(FibChange, AMultipathRouteGoesWithItsFirstLegThatGoes) {
  const auto before =
      with_route(with_tunnel().snapshot(), "203.0.113.0/24 nexthop via 10.8.0.1 nexthop via 192.0.2.1 dev eth0");
  ASSERT_TRUE(before);
  EXPECT_EQ(way(without_interface(*before, "tun0"), "203.0.113.9"), "eth0");
  EXPECT_EQ(without_interface(*before, "tun0").routes->routes.size() + 4, before->routes->routes.size());
}

TEST(FibChange, ARouteFindsItsInterfaceThroughItsGateway) {
  const auto changed = with_route(with_tunnel().snapshot(), "203.0.113.0/24 via 192.0.2.77 metric 5");
  ASSERT_TRUE(changed);
  EXPECT_EQ(way(*changed, "203.0.113.9"), "eth0");
  const auto inet6 = with_route(with_tunnel().snapshot(), "2001:db8:9::/48 via fe80::1 dev eth0");
  ASSERT_TRUE(inet6);
  EXPECT_EQ(inet6->routes->routes.back().metric, 1024U);
}

TEST(FibChange, ARouteThatRefusesDoesSoInBothFamilies) {
  Machine machine = Machine::ordinary();
  machine.address("eth0", "2001:db8::2/64");
  machine.route({.destination = "::/0", .interface = "eth0", .gateway = "fe80::1", .metric = 1024});
  const Snapshot before = machine.snapshot();
  const auto fate = [&](const char* route, const char* flow) {
    const auto changed = with_route(before, route);
    return changed ? Fib(*changed).lookup(parse_flow(flow).value()).fate : FlowFate::kUnicast;
  };
  EXPECT_EQ(fate("unreachable ::/0 metric 1", "2620:fe::9"), FlowFate::kUnreachable);
  EXPECT_EQ(fate("blackhole 2620:fe::/32", "2620:fe::9"), FlowFate::kBlackhole);
  EXPECT_EQ(fate("unreachable ::/0 metric 2000", "2620:fe::9"), FlowFate::kUnicast);
  EXPECT_EQ(fate("unreachable 9.0.0.0/8", "9.9.9.9"), FlowFate::kUnreachable);
}

TEST(FibChange, WhatTheKernelWouldRefuseIsRefused) {
  EXPECT_EQ(refusal("203.0.113.0/24 via 198.51.100.1"), ErrorKind::kUsage);
  EXPECT_EQ(refusal("203.0.113.0/24 dev wg9"), ErrorKind::kUsage);
  EXPECT_EQ(refusal("203.0.113.0/24"), ErrorKind::kUsage);
  EXPECT_EQ(refusal("203.0.113.1/24 dev eth0"), ErrorKind::kUsage);
  EXPECT_EQ(refusal("default via 192.0.2.1"), ErrorKind::kUsage) << "there is one of that metric";
  EXPECT_EQ(refusal("203.0.113.0/24 via 192.0.2.1 colour blue"), ErrorKind::kUsage);
  EXPECT_EQ(refusal("203.0.113.0/24 via"), ErrorKind::kUsage);
  EXPECT_EQ(refusal(""), ErrorKind::kUsage);
  EXPECT_EQ(refusal("2001:db8:9::/48 via fe80::1"), ErrorKind::kUsage);
}

TEST(Flow, WordsAreReadAndWrittenAlike) {
  const char* words =
      "203.0.113.1 from 192.0.2.2 mark 0xca6c oif eth0 uid 1000 tos 0x10 ipproto 17 sport 53 dport 5353";
  const auto flow = parse_flow(words);
  ASSERT_TRUE(flow);
  EXPECT_EQ(flow_text(*flow), words);
  EXPECT_EQ(parse_flow("to 203.0.113.1 mark 51820 dev eth0 ipproto tcp tos 10")->ip_protocol, 6);
  EXPECT_EQ(parse_flow("203.0.113.1 tos 10")->tos, 0x10);
}

TEST(Flow, WhatIsWrongIsRefused) {
  for (const char* words : {"", "from 192.0.2.1", "203.0.113.1 mark", "203.0.113.1 mark x", "203.0.113.1 from ::1",
                            "203.0.113.1 192.0.2.1", "203.0.113.1 sport 65536", "203.0.113.1 tos 100",
                            "203.0.113.1 mark -1", "203.0.113.1 colour 5", "300.1.1.1", "to", "to x"}) {
    EXPECT_FALSE(parse_flow(words)) << words;
  }
}

TEST(Flow, WhatIsWrongIsSaidWithWhatIsRight) {
  const auto hint = [](const char* text) { return parse_flow(text, {}).error().hint; };
  EXPECT_NE(hint("example.org").find("not looked up"), std::string::npos);
  EXPECT_NE(hint("192.0.2.0/24").find("routes audit"), std::string::npos);
  EXPECT_NE(hint("fe80::1%eth0").find("--oif"), std::string::npos);
  for (const char* text : {"", "300.1.1.1", "192.0.2.1 mark x", "192.0.2.1 ipproto x", "192.0.2.1 nonsense 3",
                           "192.0.2.1 from ::1", "to"}) {
    EXPECT_FALSE(hint(text).empty()) << text;
  }
}

TEST(Flow, WhatIsMissingOrTooMuchIsNamed) {
  const auto message = [](const char* text) { return parse_flow(text, {}).error().message; };
  EXPECT_EQ(message("192.0.2.1 to"), "'to' has no value behind it");
  EXPECT_EQ(message("to"), "'to' has no value behind it");
  EXPECT_EQ(message("192.0.2.1 from"), "'from' has no value behind it");
  EXPECT_EQ(message("192.0.2.1 oif"), "'oif' has no value behind it");
  EXPECT_EQ(message("192.0.2.1 to 192.0.2.2"), "'192.0.2.2' is a second destination, and a flow has one");
  EXPECT_EQ(message("192.0.2.1 192.0.2.2"), "'192.0.2.2' is a second destination, and a flow has one");
  EXPECT_EQ(message("192.0.2.1 nonsense"), "'nonsense' is no word of a flow");
}

TEST(Flow, DefaultsGiveWhatIsNotSaid) {
  Flow defaults;
  defaults.uid = 1000;
  defaults.mark = 7;
  const auto flow = parse_flow("203.0.113.1 mark 8", defaults);
  ASSERT_TRUE(flow);
  EXPECT_EQ(flow->uid, 1000U);
  EXPECT_EQ(flow->mark, 8U);
}

}  // namespace
}  // namespace vpndoctor
