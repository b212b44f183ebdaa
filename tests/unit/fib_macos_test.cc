// SPDX-License-Identifier: Apache-2.0
// The route lookup of macOS, each rule of rt_lookup_common() by itself, over captures that are made up.
#include <gtest/gtest.h>

#include <algorithm>

#include "macos_machine.h"
#include "vpndoctor/fib.h"

namespace vpndoctor {
namespace {

constexpr const char* kInterfaces = R"(lo0: flags=8049<UP,LOOPBACK,RUNNING,MULTICAST> mtu 16384
	inet 127.0.0.1 netmask 0xff000000
	inet6 ::1 prefixlen 128
	inet6 fe80::1%lo0 prefixlen 64 scopeid 0x1
en0: flags=8863<UP,BROADCAST,SMART,RUNNING,SIMPLEX,MULTICAST> mtu 1500
	inet6 fe80::5%en0 prefixlen 64 scopeid 0x6
	inet6 2001:db8::5 prefixlen 64 autoconf
	inet6 2001:db8::6 prefixlen 64 autoconf temporary
	inet 192.0.2.5 netmask 0xffffff00 broadcast 192.0.2.255
	status: active
en1: flags=8822<BROADCAST,SMART,SIMPLEX,MULTICAST> mtu 1500
utun4: flags=8051<UP,POINTOPOINT,RUNNING,MULTICAST> mtu 1420
	inet 10.8.0.2 --> 10.8.0.1 netmask 0xffffffff
)";

constexpr const char* kSplitDefault = R"(0/1 10.8.0.1 UGSc utun4
128.0/1 10.8.0.1 UGSc utun4
default 192.0.2.1 UGScg en0
default 192.0.2.1 UGScIg en0
10.8.0.1 10.8.0.2 UH utun4
127 127.0.0.1 UCS lo0
127.0.0.1 127.0.0.1 UH lo0
192.0.2 link#6 UCS en0 !
192.0.2.5/32 link#6 UCS en0 !
224.0.0/4 link#6 UmCS en0 !
255.255.255.255/32 link#6 UCS en0 !
)";

Snapshot mac(const std::string& inet, const std::string& inet6 = "") {
  return testing_support::macos_machine(kInterfaces, inet, inet6);
}

/// "unicast utun4 via 10.8.0.1 from 10.8.0.2", with a question mark when it is not certain.
std::string way(const Snapshot& snapshot, const char* flow) {
  const Fib fib(snapshot);
  const FlowAnswer answer = fib.lookup(parse_flow(flow).value());
  std::string text = flow_fate_name(answer.fate);
  if (!answer.interface.empty()) text += fmt::format(" {}", answer.interface);
  if (answer.gateway) text += fmt::format(" via {}", *answer.gateway);
  if (answer.source) text += fmt::format(" from {}", *answer.source);
  return answer.uncertain.empty() ? text : text + " ?";
}

std::string way(const char* inet, const char* flow) { return way(mac(inet), flow); }

TEST(MacosRouteLookup, HalvesOfTheTunnelBeatTheScopedDefault) {
  EXPECT_EQ(way(kSplitDefault, "8.8.8.8"), "unicast utun4 via 10.8.0.1 from 10.8.0.2");
  EXPECT_EQ(way(kSplitDefault, "203.0.113.9"), "unicast utun4 via 10.8.0.1 from 10.8.0.2");
}

TEST(MacosRouteLookup, ASocketBoundToTheInterfaceBypassesTheTunnel) {
  EXPECT_EQ(way(kSplitDefault, "8.8.8.8 oif en0"), "unicast en0 via 192.0.2.1 from 192.0.2.5");
  EXPECT_EQ(way(kSplitDefault, "203.0.113.9 oif utun4"), "unicast utun4 via 10.8.0.1 from 10.8.0.2");
}

TEST(MacosRouteLookup, ABoundSocketWithoutAScopedRouteTakesTheDefaultOfItsInterface) {
  EXPECT_EQ(way("128.0/1 10.8.0.1 UGSc utun4\ndefault 192.0.2.1 UGScg en0\n", "203.0.113.9 oif en0"),
            "unicast en0 via 192.0.2.1 from 192.0.2.5");
  // The system looks for the default at the address zero, which 0/1 covers.
  EXPECT_EQ(way("0/1 10.8.0.1 UGSc utun4\ndefault 192.0.2.1 UGScg en0\n", "8.8.8.8 oif en0"),
            "unicast en0 via 192.0.2.1 from 192.0.2.5 ?");
  EXPECT_EQ(way("default 10.8.0.1 UGScg utun4\n", "8.8.8.8 oif en0"), "none");
}

TEST(MacosRouteLookup, TheLongerScopedMatchIsTakenOnTheSameInterface) {
  const char* routes = "default 192.0.2.1 UGScg en0\n198.51/16 192.0.2.8 UGSc en0\n198.51.100 192.0.2.9 UGScI en0\n";
  EXPECT_EQ(way(routes, "198.51.100.1"), "unicast en0 via 192.0.2.9 from 192.0.2.5");
  EXPECT_EQ(way(routes, "198.51.1.1"), "unicast en0 via 192.0.2.8 from 192.0.2.5");
  // What is scoped to another interface than that of the unscoped match does not count.
  EXPECT_EQ(way("default 192.0.2.1 UGScg en0\n198.51.100 10.8.0.1 UGScI utun4\n", "198.51.100.1"),
            "unicast en0 via 192.0.2.1 from 192.0.2.5");
}

TEST(MacosRouteLookup, AScopedDefaultDoesNotReplaceAMoreSpecificRoute) {
  EXPECT_EQ(way("198.51.100 192.0.2.8 UGSc en0\ndefault 192.0.2.9 UGScIg en0\n", "198.51.100.1"),
            "unicast en0 via 192.0.2.8 from 192.0.2.5");
  // To the system a route to 0.0.0.0/1 is a default too: its address is zero.
  EXPECT_EQ(way("0/1 192.0.2.8 UGSc en0\ndefault 192.0.2.9 UGScIg en0\n", "8.8.8.8"),
            "unicast en0 via 192.0.2.9 from 192.0.2.5");
}

TEST(MacosRouteLookup, AHostRouteIsKeptBeforeAScopedNetwork) {
  const char* routes = "198.51.100.1 192.0.2.8 UGHS en0\n198.51.100.1/32 192.0.2.9 UGScI en0\n";
  EXPECT_EQ(way(routes, "198.51.100.1"), "unicast en0 via 192.0.2.8 from 192.0.2.5");
  const char* both_networks = "198.51.100.1/32 192.0.2.8 UGSc en0\n198.51.100.1/32 192.0.2.9 UGScI en0\n";
  EXPECT_EQ(way(both_networks, "198.51.100.1"), "unicast en0 via 192.0.2.9 from 192.0.2.5");
}

TEST(MacosRouteLookup, AClonedHostRouteDecides) {
  const std::string table = std::string(kSplitDefault) + "198.51.100.1 192.0.2.1 UGHW3I en0\n";
  EXPECT_EQ(way(mac(table), "198.51.100.1"), "unicast utun4 via 10.8.0.1 from 10.8.0.2");
  const std::string unscoped = std::string(kSplitDefault) + "198.51.100.1 192.0.2.1 UGHWS en0\n";
  EXPECT_EQ(way(mac(unscoped), "198.51.100.1"), "unicast en0 via 192.0.2.1 from 192.0.2.5");
}

TEST(MacosRouteLookup, TheLoopbackInterfaceNeedsNoScope) {
  EXPECT_EQ(way(kSplitDefault, "127.0.0.1"), "local lo0 from 127.0.0.1");
  EXPECT_EQ(way(kSplitDefault, "192.0.2.5"), "local lo0 from 192.0.2.5");
  EXPECT_EQ(way(kSplitDefault, "0.0.0.0"), "local lo0 from 127.0.0.1");
  // A socket bound to the loopback interface reaches the machine's own addresses alone.
  EXPECT_EQ(way(kSplitDefault, "192.0.2.5 oif lo0"), "local lo0 from 192.0.2.5");
  EXPECT_EQ(way(kSplitDefault, "8.8.8.8 oif lo0"), "none");
}

TEST(MacosRouteLookup, WithoutAnUnscopedRouteNothingIsFoundUnlessBound) {
  EXPECT_EQ(way("default 192.0.2.1 UGScIg en0\n", "8.8.8.8"), "none");
  EXPECT_EQ(way("default 192.0.2.1 UGScIg en0\n", "8.8.8.8 oif en0"), "unicast en0 via 192.0.2.1 from 192.0.2.5");
  EXPECT_EQ(way("0/1 10.8.0.1 UGSc utun4\ndefault 192.0.2.1 UGScIg en0\n", "203.0.113.9"), "none ?");
}

TEST(MacosRouteLookup, RefusalsAndInterfacesThatAreNotThere) {
  EXPECT_EQ(way("198.51.100 127.0.0.1 UGRS lo0\n", "198.51.100.1"), "unreachable");
  EXPECT_EQ(way("198.51.100 127.0.0.1 UGBS lo0\n", "198.51.100.1"), "blackhole");
  EXPECT_EQ(way(kSplitDefault, "8.8.8.8 oif en9"), "no_such_interface");
  EXPECT_EQ(way(kSplitDefault, "8.8.8.8 oif en1"), "no_such_interface");
  EXPECT_EQ(way("198.51.100 link#9 UCS bridge100\n", "198.51.100.1"), "unicast bridge100 ?");
  EXPECT_EQ(way("198.51.100 192.0.2.1 GS en0\n", "198.51.100.1"), "none");
}

TEST(MacosRouteLookup, BroadcastsAndGroups) {
  EXPECT_EQ(way(kSplitDefault, "192.0.2.255"), "broadcast en0 from 192.0.2.5");
  EXPECT_EQ(way(kSplitDefault, "255.255.255.255"), "broadcast en0 from 192.0.2.5");
  EXPECT_EQ(way(kSplitDefault, "224.0.0.251"), "multicast en0 from 192.0.2.5");
}

TEST(MacosRouteLookup, LinkLocalAddressesBelongToTheirZone) {
  const Snapshot snapshot = mac("",
                                "default fe80::1%en0 UGcg en0\n"
                                "fe80::%en0/64 link#6 UCI en0\nfe80::%utun4/64 fe80::9%utun4 UcI utun4\n"
                                "fe80::5%en0 link#6 UHLI lo0\nff02::%en0/32 link#6 UmCI en0\n");
  EXPECT_EQ(way(snapshot, "fe80::77 oif en0"), "unicast en0 from fe80::5");
  EXPECT_EQ(way(snapshot, "fe80::77 oif utun4"), "unicast utun4");
  EXPECT_EQ(way(snapshot, "fe80::5 oif en0"), "local lo0 from fe80::5");
  EXPECT_TRUE(way(snapshot, "fe80::77").ends_with("?"));
  EXPECT_TRUE(way(snapshot, "ff02::fb oif en0").starts_with("multicast en0"));
}

TEST(MacosRouteLookup, ASourceIsNeverGuessed) {
  const Snapshot snapshot = mac(kSplitDefault, "default fe80::1%en0 UGcg en0\n");
  EXPECT_EQ(way(snapshot, "2001:db8:9::1"), "unicast en0 via fe80::1");
  EXPECT_EQ(way(snapshot, "8.8.8.8 from 192.0.2.5"), "unicast utun4 via 10.8.0.1 from 192.0.2.5 ?");
  EXPECT_EQ(way(snapshot, "8.8.8.8 from 10.8.0.2"), "unicast utun4 via 10.8.0.1 from 10.8.0.2");
  EXPECT_EQ(way(snapshot, "8.8.8.8 from 198.51.100.99"), "invalid_source");
  EXPECT_TRUE(way(snapshot, "8.8.8.8 iif en0").ends_with("?"));
}

TEST(MacosRouteLookup, EveryStepIsToldInOrder) {
  const Snapshot snapshot = mac(kSplitDefault);
  const Fib fib(snapshot);
  std::vector<std::string> steps;
  for (const FlowStep& step : fib.explain(parse_flow("8.8.8.8 oif en0").value()).steps) {
    EXPECT_FALSE(step.priority || step.table || step.outcome.empty());
    steps.push_back(step.rule);
  }
  EXPECT_EQ(steps, (std::vector<std::string>{"unscoped", "scope", "scoped", "choice", "source", "not seen"}));
}

TEST(MacosRouteLookup, RangesAgreeWithLookupsOfTheirAddresses) {
  const Snapshot snapshot = mac(kSplitDefault);
  const Fib fib(snapshot);
  Flow flow;
  IpAddress expected{};
  std::size_t ranges = 0;
  fib.for_each_range(flow, IpPrefix::everything(Family::kInet),
                     [&](const IpAddress& first, const IpAddress& last, const FlowAnswer& answer) {
                       EXPECT_EQ(first, expected);
                       flow.destination = last;
                       const FlowAnswer at_end = fib.lookup(flow);
                       EXPECT_EQ(at_end.route, answer.route) << last.to_string();
                       EXPECT_EQ(at_end.fate, answer.fate) << last.to_string();
                       expected = last;
                       for (std::size_t at = 4; at-- > 0 && ++expected.bytes[at] == 0;) continue;
                       ++ranges;
                     });
  EXPECT_GT(ranges, 10U);
  EXPECT_EQ(expected, IpAddress{});
}

}  // namespace
}  // namespace vpndoctor
