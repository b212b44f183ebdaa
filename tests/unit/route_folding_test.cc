// SPDX-License-Identifier: Apache-2.0
// Folding loses no route, joins only what does the same, and names each group for what it is.
#include "vpndoctor/route_folding.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "machine.h"
#include "vpndoctor/prefix_set.h"

namespace vpndoctor {
namespace {

using testing_support::Machine;
using testing_support::RouteSpec;

const RouteGroup& group_with(const std::vector<RouteGroup>& groups, const Snapshot& snapshot, const std::string& text) {
  for (const RouteGroup& group : groups) {
    for (const std::uint32_t index : group.routes) {
      const Route& route = snapshot.routes->routes[index];
      if (route.destination.to_string() == text && route.table != kTableLocal) return group;
    }
  }
  ADD_FAILURE() << "no group has " << text;
  return groups.front();
}

TEST(RouteFolding, EightHundredSplitTunnelEntriesBecomeOneGroup) {
  Machine machine = Machine::ordinary();
  machine.tun("tun0");
  for (unsigned i = 0; i < 800; ++i) {
    machine.route({.destination = fmt::format("10.{}.{}.0/24", i / 256, i % 256), .interface = "tun0"});
  }
  const Snapshot snapshot = machine.snapshot();
  const std::vector<RouteGroup> groups = fold_routes(snapshot);
  const RouteGroup& group = group_with(groups, snapshot, "10.0.0.0/24");
  EXPECT_EQ(group.routes.size(), 800U);
  EXPECT_EQ(group.purpose, RoutePurpose::kTunnel);
  // 800 = 512 + 256 + 32.
  EXPECT_EQ(fmt::format("{}", fmt::join(group.aggregate, " ")), "10.0.0.0/15 10.2.0.0/16 10.3.0.0/19");
}

TEST(RouteFolding, GroupsAreNamedForWhatTheyAreFor) {
  Machine machine = Machine::ordinary();
  machine.tun("tun0");
  machine.route({.destination = "0.0.0.0/1", .interface = "tun0"})
      .route({.destination = "128.0.0.0/1", .interface = "tun0"});
  machine.route({.destination = "10.0.0.0/8", .interface = "tun0"});
  machine.route({.destination = "10.9.0.0/16", .interface = "eth0", .gateway = "192.0.2.7"});
  machine.route({.destination = "10.8.0.0/16", .type = RouteType::kBlackhole});
  machine.route({.destination = "2000::/3", .interface = "tun0"})
      .route({.destination = "fe80::/64", .interface = "eth0"});
  const Snapshot snapshot = machine.snapshot();
  const std::vector<RouteGroup> groups = fold_routes(snapshot);
  const auto purpose = [&](const char* text) { return group_with(groups, snapshot, text).purpose; };
  EXPECT_EQ(purpose("0.0.0.0/0"), RoutePurpose::kDefault);
  EXPECT_EQ(purpose("0.0.0.0/1"), RoutePurpose::kDefault);
  EXPECT_EQ(purpose("2000::/3"), RoutePurpose::kDefault);
  EXPECT_EQ(purpose("10.0.0.0/8"), RoutePurpose::kTunnel);
  EXPECT_EQ(purpose("10.9.0.0/16"), RoutePurpose::kOther);
  EXPECT_EQ(purpose("10.8.0.0/16"), RoutePurpose::kOther);
  EXPECT_EQ(purpose("192.0.2.0/24"), RoutePurpose::kLink);
  EXPECT_EQ(purpose("fe80::/64"), RoutePurpose::kLocal);
  EXPECT_EQ(group_with(groups, snapshot, "0.0.0.0/1").aggregate, std::vector{IpPrefix::everything(Family::kInet)});
}

TEST(RouteFolding, ThePinnedServerStandsAlone) {
  Machine machine = Machine::ordinary();
  machine.link("wg0", "wireguard").tunnel("wg0", "198.51.100.9");
  machine.route({.destination = "198.51.100.9/32", .interface = "eth0", .gateway = "192.0.2.1"});
  machine.route({.destination = "198.51.100.10/32", .interface = "eth0", .gateway = "192.0.2.1"});
  machine.route({.destination = "203.0.113.0/24", .interface = "eth0", .gateway = "192.0.2.1"});
  const Snapshot snapshot = machine.snapshot();
  const std::vector<RouteGroup> groups = fold_routes(snapshot);
  const RouteGroup& server = group_with(groups, snapshot, "198.51.100.9/32");
  EXPECT_EQ(server.routes.size(), 1U);
  EXPECT_EQ(server.owner.name, "WireGuard");
  const RouteGroup& users = group_with(groups, snapshot, "203.0.113.0/24");
  EXPECT_EQ(users.routes.size(), 2U);
  EXPECT_FALSE(users.owner.is_known());
}

Snapshot random_machine(unsigned seed) {
  std::mt19937 random(seed);
  const auto pick = [&random](unsigned below) { return static_cast<std::uint32_t>(random() % below); };
  Machine machine = Machine::ordinary();
  machine.tun("tun0").tun("tun1");
  for (int i = 0; i < 300; ++i) {
    RouteSpec spec;
    spec.destination =
        IpPrefix::of(*IpAddress::parse(fmt::format("{}.{}.0.0", pick(3), pick(256))), pick(17)).to_string();
    spec.interface = std::array{"eth0", "tun0", "tun1"}[pick(3)];
    if (pick(3) == 0) spec.gateway = "192.0.2.1";
    spec.metric = pick(2);
    spec.table = pick(2) == 0 ? std::uint32_t{kTableMain} : 100 + pick(2);
    machine.route(spec);
  }
  return machine.snapshot();
}

TEST(RouteFolding, EveryRouteIsInExactlyOneGroup) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    const Snapshot snapshot = random_machine(seed);
    std::vector<std::uint32_t> seen;
    for (const RouteGroup& group : fold_routes(snapshot)) {
      EXPECT_TRUE(std::is_sorted(group.routes.begin(), group.routes.end()));
      seen.insert(seen.end(), group.routes.begin(), group.routes.end());
    }
    std::ranges::sort(seen);
    ASSERT_EQ(seen.size(), snapshot.routes->routes.size());
    for (std::uint32_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], i);
  }
}

TEST(RouteFolding, RoutesOfAGroupDifferInTheirDestinationAlone) {
  const Snapshot snapshot = random_machine(77);
  for (const RouteGroup& group : fold_routes(snapshot)) {
    std::vector<IpPrefix> destinations;
    for (const std::uint32_t index : group.routes) {
      Route route = snapshot.routes->routes[index];
      const Route& first = snapshot.routes->routes[group.routes.front()];
      destinations.push_back(route.destination);
      EXPECT_EQ(std::tie(route.table, route.metric, route.type, route.protocol, route.next_hops, route.scope),
                std::tie(first.table, first.metric, first.type, first.protocol, first.next_hops, first.scope));
    }
    EXPECT_EQ(group.aggregate, aggregate(destinations));
  }
}

TEST(RouteFolding, TheMainTableComesFirstAndTheLocalOneLast) {
  const std::vector<RouteGroup> groups = fold_routes(random_machine(5));
  EXPECT_EQ(groups.front().table, kTableMain);
  EXPECT_EQ(groups.front().purpose, RoutePurpose::kDefault);
  EXPECT_EQ(groups.back().table, kTableLocal);
}

TEST(RouteFolding, RoutesThatAreNotKnownAreNoGroups) {
  Snapshot snapshot = Machine::ordinary().snapshot();
  snapshot.routes = Observed<RouteTable>::missing("a test");
  EXPECT_TRUE(fold_routes(snapshot).empty());
}

TEST(RouteFolding, SharesOfAFamilyAddUp) {
  EXPECT_DOUBLE_EQ(share_of_family({*IpPrefix::parse("0.0.0.0/1"), *IpPrefix::parse("128.0.0.0/2")}), 0.75);
  EXPECT_DOUBLE_EQ(share_of_family({*IpPrefix::parse("2000::/3")}), 0.125);
  EXPECT_EQ(share_of_family({}), 0);
}

}  // namespace
}  // namespace vpndoctor
