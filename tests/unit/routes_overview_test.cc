// SPDX-License-Identifier: Apache-2.0
// Where everything goes, of machines as VPN clients leave them.
#include "vpndoctor/routes_overview.h"

#include <gtest/gtest.h>

#include "machine.h"

namespace vpndoctor {
namespace {

using testing_support::Machine;

RoutesOverview overview_of(const Snapshot& snapshot) { return routes_overview(snapshot, Fib(snapshot)); }

TEST(RoutesOverview, AnOrdinaryMachineLeavesByItsDefault) {
  const Snapshot snapshot = Machine::ordinary().snapshot();
  const RoutesOverview overview = overview_of(snapshot);
  ASSERT_FALSE(overview.inet.ways.empty());
  EXPECT_EQ(overview.inet.ways.front().interface, "eth0");
  EXPECT_EQ(overview.inet.ways.front().gateway, IpAddress::parse("192.0.2.1"));
  EXPECT_GT(overview.inet.ways.front().share_ratio, 0.999);
  EXPECT_EQ(overview.inet6.ways.front().interface, "eth0");
  EXPECT_TRUE(overview.tunnels.empty());
}

TEST(RoutesOverview, TwoHalvesThroughATunnelAreEverything) {
  Machine machine = Machine::ordinary();
  machine.tun("tun0");
  machine.route({.destination = "0.0.0.0/1", .interface = "tun0"})
      .route({.destination = "128.0.0.0/1", .interface = "tun0"});
  const Snapshot snapshot = machine.snapshot();
  const RoutesOverview overview = overview_of(snapshot);
  EXPECT_EQ(overview.inet.ways.front().interface, "tun0");
  EXPECT_TRUE(overview.inet.ways.front().is_tunnel);
  EXPECT_GT(overview.inet.ways.front().share_ratio, 0.999);
  EXPECT_EQ(overview.inet6.ways.front().interface, "eth0");
  ASSERT_EQ(overview.tunnels.size(), 1U);
  EXPECT_EQ(overview.tunnels[0].state, "up");
  EXPECT_EQ(overview.tunnels[0].routes_inet, 2U);
  EXPECT_EQ(overview.tunnels[0].routes_inet6, 0U);
}

TEST(RoutesOverview, ASplitTunnelHasItsShare) {
  Machine machine = Machine::ordinary();
  machine.tun("tun0", false);
  machine.route({.destination = "64.0.0.0/2", .interface = "tun0"});
  const Snapshot snapshot = machine.snapshot();
  const RoutesOverview overview = overview_of(snapshot);
  ASSERT_GE(overview.inet.ways.size(), 2U);
  EXPECT_EQ(overview.inet.ways[1].interface, "tun0");
  // Of the unicast addresses: a quarter of all, which are all but 224.0.0.0/4 and what is local.
  EXPECT_NEAR(overview.inet.ways[1].share_ratio, 0.25 / (1 - 1.0 / 16 - 1.0 / 256), 0.005);
  EXPECT_EQ(overview.tunnels[0].state, "no carrier");
}

/// What `redirect-gateway ipv6` of OpenVPN sets beside the default route.
TEST(RoutesOverview, TheSlicesOfGlobalUnicastAreAllOfIPv6) {
  Machine machine = Machine::ordinary();
  machine.tun("tun0", false);
  for (const char* slice : {"::/3", "2000::/4", "3000::/4", "fc00::/7"}) {
    machine.route({.destination = slice, .interface = "tun0", .metric = 200});
  }
  const Snapshot snapshot = machine.snapshot();
  const FamilyOverview overview = overview_of(snapshot).inet6;
  EXPECT_EQ(overview.base, IpPrefix::parse("2000::/3").value());
  EXPECT_EQ(overview.ways.front().interface, "tun0");
  EXPECT_EQ(overview.ways.front().dead, "no carrier");
  EXPECT_GT(overview.ways.front().share_ratio, 0.999);
  ASSERT_EQ(overview.beyond.size(), 2U);
  EXPECT_EQ(overview.beyond.front().interface, "eth0");
}

TEST(RoutesOverview, WhatCouldNotBeReadOfATunnelIsSaid) {
  Snapshot snapshot = Machine::ordinary().tun("tun0").tunnel("tun0", "").snapshot();
  snapshot.tunnels->front().not_seen = "only root may see it";
  EXPECT_EQ(overview_of(snapshot).tunnels[0].not_seen, "only root may see it");
}

TEST(RoutesOverview, ANamespaceWithNothingButLoopbackIsWithoutANetwork) {
  EXPECT_TRUE(overview_of(Machine().snapshot()).is_without_network);
  EXPECT_FALSE(overview_of(Machine().link("eth0", "", 0).snapshot()).is_without_network);
  EXPECT_FALSE(overview_of(Machine().tun("tun0").snapshot()).is_without_network);
}

TEST(RoutesOverview, AMachineWithoutADefaultGoesNowhere) {
  const Snapshot snapshot = Machine().link("eth0").address("eth0", "192.0.2.2/24").snapshot();
  const RoutesOverview overview = overview_of(snapshot);
  EXPECT_EQ(overview.inet.ways.front().fate, FlowFate::kNone);
  EXPECT_TRUE(overview.inet.ways.front().interface.empty());
}

TEST(RoutesOverview, RoutesThatAreNotKnownGoNowhereKnown) {
  Snapshot snapshot = Machine::ordinary().snapshot();
  snapshot.routes = Observed<RouteTable>::missing("a test");
  EXPECT_TRUE(overview_of(snapshot).inet.ways.empty());
}

}  // namespace
}  // namespace vpndoctor
