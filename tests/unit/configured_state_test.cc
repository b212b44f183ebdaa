// SPDX-License-Identifier: Apache-2.0
// What of a lease or a setting counts, and what its routes look like.
#include "vpndoctor/configured_state.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "machine.h"
#include "vpndoctor/route_words.h"

namespace vpndoctor {
namespace {

using testing_support::Machine;
using namespace std::chrono_literals;

const auto kNow = std::chrono::system_clock::time_point(1795212416s);

/// eth0 with 192.0.2.5/24, and no default route.
Machine host() { return std::move(Machine().link("eth0").address("eth0", "192.0.2.5/24")); }

Snapshot at_now(Machine machine) {
  Snapshot snapshot = machine.snapshot();
  snapshot.taken_at = kNow;
  return snapshot;
}

InterfaceConfiguration lease(ConfigurationManager manager) {
  InterfaceConfiguration made;
  made.manager = manager;
  made.source = "/leases/1";
  made.interface = "eth0";
  made.is_lease = true;
  made.addresses = {{*IpAddress::parse("192.0.2.5"), 24}};
  made.expires_at = kNow + 1s;
  made.ways = {{.destination = IpPrefix::everything(Family::kInet),
                .gateway = IpAddress::parse("192.0.2.1"),
                .place = "option 121"},
               {.destination = *IpPrefix::parse("10.77.0.0/16"),
                .gateway = IpAddress::parse("192.0.2.3"),
                .place = "option 121"}};
  return made;
}

ConfiguredState weigh(const Snapshot& now, const InterfaceConfiguration& configuration) {
  return weigh_configuration(now, std::vector{configuration});
}

/// The first route in the words of `ip route add`.
std::string first_route(const ConfiguredState& state) {
  if (state.routes.empty()) return "";
  const StandaloneRoute& route = state.routes[0].route;
  RouteTable table{{route.route}, {route.next_hops}, {route.attributes}};
  table.routes[0].next_hops = table.routes[0].attributes = 0;
  return joined(route_words(table, table.routes[0]));
}

TEST(ConfiguredState, ALeaseWhoseAddressIsThereIsProven) {
  const auto state = weigh(at_now(host()), lease(ConfigurationManager::kDhclient));
  ASSERT_EQ(state.routes.size(), 2U);
  EXPECT_EQ(state.routes[0].confidence, Confidence::kProven);
  EXPECT_EQ(state.routes[0].source, "lease /leases/1, option 121");
  EXPECT_TRUE(state.not_read.empty());
}

TEST(ConfiguredState, ALeaseThatTellsNoEndIsLikely) {
  auto without_end = lease(ConfigurationManager::kDhclient);
  without_end.expires_at.reset();
  EXPECT_EQ(weigh(at_now(host()), without_end).routes.at(0).confidence, Confidence::kLikely);
  without_end.never_expires = true;
  EXPECT_EQ(weigh(at_now(host()), without_end).routes.at(0).confidence, Confidence::kProven);
}

TEST(ConfiguredState, WhatDoesNotHoldIsNotUsedAndSaid) {
  auto expired = lease(ConfigurationManager::kDhclient);
  expired.expires_at = kNow - 1s;
  auto elsewhere = lease(ConfigurationManager::kDhclient);
  elsewhere.addresses = {{*IpAddress::parse("198.51.100.5"), 24}};
  auto of_another = lease(ConfigurationManager::kDhclient);
  of_another.interface = "eth7\x1b";
  auto nameless = lease(ConfigurationManager::kDhclient);
  nameless.interface.clear();
  for (const auto& unusable : {expired, elsewhere, of_another, nameless}) {
    const auto state = weigh(at_now(host()), unusable);
    EXPECT_TRUE(state.routes.empty());
    ASSERT_EQ(state.not_read.size(), 1U);
    EXPECT_EQ(state.not_read[0].find('\x1b'), std::string::npos);
  }
}

TEST(ConfiguredState, EveryProgramMakesItsRoutesItsOwnWay) {
  const Snapshot now = at_now(host());
  const int index = now.find_link("eth0")->index;
  EXPECT_EQ(first_route(weigh(now, lease(ConfigurationManager::kDhclient))), "default via 192.0.2.1 dev eth0");
  EXPECT_EQ(first_route(weigh(now, lease(ConfigurationManager::kDhcpcd))),
            fmt::format("default via 192.0.2.1 dev eth0 proto dhcp metric {} src 192.0.2.5", 1000 + index));
  EXPECT_EQ(first_route(weigh(now, lease(ConfigurationManager::kNetworkd))),
            "default via 192.0.2.1 dev eth0 proto dhcp metric 1024 src 192.0.2.5");
  EXPECT_EQ(first_route(weigh(now, lease(ConfigurationManager::kNetworkManager))),
            "default via 192.0.2.1 dev eth0 proto dhcp metric 100 src 192.0.2.5");
  auto settings = lease(ConfigurationManager::kNetworkd);
  settings.is_lease = false;
  EXPECT_EQ(first_route(weigh(now, settings)), "default via 192.0.2.1 dev eth0 proto static");
  settings.manager = ConfigurationManager::kIfupdown;
  EXPECT_EQ(first_route(weigh(now, settings)), "default via 192.0.2.1 dev eth0");
}

TEST(ConfiguredState, ASurvivingRouteOfTheLeaseShowsTheManner) {
  Machine machine = host();
  machine.route({.destination = "10.77.0.0/16",
                 .interface = "eth0",
                 .gateway = "192.0.2.3",
                 .metric = 4711,
                 .protocol = kProtocolDhcp});
  EXPECT_EQ(first_route(weigh(at_now(std::move(machine)), lease(ConfigurationManager::kNetworkd))),
            "default via 192.0.2.1 dev eth0 proto dhcp metric 4711");
}

TEST(ConfiguredState, ARouteOfTheSameDestinationByAnotherRouterShowsNothing) {
  Machine machine = host();
  machine.route({.destination = "10.77.0.0/16", .interface = "eth0", .gateway = "192.0.2.4", .metric = 4711});
  EXPECT_EQ(first_route(weigh(at_now(std::move(machine)), lease(ConfigurationManager::kDhclient))),
            "default via 192.0.2.1 dev eth0");
}

TEST(ConfiguredState, TheMetricOfTheOwnNetworkIsThatOfTheLease) {
  Machine machine = host();
  machine.route({.destination = "192.0.2.0/24", .interface = "eth0", .metric = 600, .protocol = kProtocolKernel});
  const Snapshot now = at_now(std::move(machine));
  EXPECT_EQ(first_route(weigh(now, lease(ConfigurationManager::kNetworkManager))),
            "default via 192.0.2.1 dev eth0 proto dhcp metric 600 src 192.0.2.5");
  auto settings = lease(ConfigurationManager::kNetworkd);
  settings.is_lease = false;
  EXPECT_EQ(first_route(weigh(now, settings)), "default via 192.0.2.1 dev eth0 proto static");
}

TEST(ConfiguredState, SettingsOfTheInterfaceGovernItsLease) {
  auto settings = lease(ConfigurationManager::kNetworkd);
  settings.is_lease = false;
  settings.addresses.clear();
  settings.ways.clear();
  settings.metric = 77;
  settings.ignores_lease_routes = true;
  const auto both = std::vector{lease(ConfigurationManager::kNetworkd), settings};
  const auto state = weigh_configuration(at_now(host()), both);
  ASSERT_EQ(state.routes.size(), 1U);
  EXPECT_EQ(first_route(state), "default via 192.0.2.1 dev eth0 proto dhcp metric 77 src 192.0.2.5");
}

TEST(ConfiguredState, TwoFilesThatAskForOneRouteAskForItOnce) {
  auto settings = lease(ConfigurationManager::kNetworkd);
  settings.is_lease = false;
  const auto both = std::vector{lease(ConfigurationManager::kNetworkd), settings};
  EXPECT_EQ(weigh_configuration(at_now(host()), both).routes.size(), 2U);
}

TEST(ConfiguredState, OfTwoLeasesTheNewestCounts) {
  auto newer = lease(ConfigurationManager::kDhclient);
  newer.expires_at = kNow + 10s;
  newer.ways.pop_back();
  const auto both = std::vector{lease(ConfigurationManager::kNetworkd), newer};
  const auto state = weigh_configuration(at_now(host()), both);
  EXPECT_EQ(state.routes.size(), 1U);
  EXPECT_EQ(first_route(state), "default via 192.0.2.1 dev eth0");
  EXPECT_EQ(state.not_read.size(), 1U);
}

TEST(ConfiguredState, OfTwoLeasesTheOneCountsWhoseRoutesAreThere) {
  auto newer = lease(ConfigurationManager::kDhclient);
  newer.expires_at = kNow + 10s;
  Machine machine = host();
  machine.route({.destination = "10.77.0.0/16",
                 .interface = "eth0",
                 .gateway = "192.0.2.3",
                 .metric = 1024,
                 .protocol = kProtocolDhcp});
  const auto both = std::vector{newer, lease(ConfigurationManager::kNetworkd)};
  EXPECT_EQ(first_route(weigh_configuration(at_now(std::move(machine)), both)),
            "default via 192.0.2.1 dev eth0 proto dhcp metric 1024");
}

TEST(ConfiguredState, TheOneRouterOfAnAdvertisedNetworkGivesABridge) {
  Snapshot now = at_now(host());
  Neighbour router{.interface = "eth0",
                   .address = *IpAddress::parse("fe80::1"),
                   .hardware_address = "",
                   .state = kNeighbourStale,
                   .is_router = true};
  now.neighbours = Observed<std::vector<Neighbour>>({router}, "netlink");
  RoutingSettings settings;
  settings.inet6["eth0"].accept_router_advertisements = 1;
  now.settings = Observed<RoutingSettings>(settings, "proc");
  EXPECT_TRUE(weigh_configuration(now, {}).routes.empty()) << "no address of an advertisement";
  Address advertised;
  advertised.interface = "eth0";
  advertised.address = *IpAddress::parse("2001:db8::5");
  advertised.prefix_length = 64;
  advertised.valid_seconds = 3600;
  now.addresses->push_back(advertised);
  const auto state = weigh_configuration(now, {});
  ASSERT_EQ(state.routes.size(), 1U);
  EXPECT_TRUE(state.routes[0].is_bridge);
  EXPECT_EQ(state.routes[0].confidence, Confidence::kSuspected);
  EXPECT_EQ(state.routes[0].route.next_hops.hops.at(0).gateway, router.address);
  EXPECT_EQ(state.routes[0].route.route.metric, 1025U) << "the kernel's own has 1024, and ours must not be in its way";
  EXPECT_LE(state.routes[0].route.attributes.expires_seconds.value_or(9999), 1800U);
  Snapshot two = now;
  router.address = *IpAddress::parse("fe80::2");
  two.neighbours->push_back(router);
  EXPECT_TRUE(weigh_configuration(two, {}).routes.empty()) << "which of them is not known";
  settings.inet6["eth0"].forwarding = 1;
  now.settings = Observed<RoutingSettings>(settings, "proc");
  EXPECT_TRUE(weigh_configuration(now, {}).routes.empty());
}

}  // namespace
}  // namespace vpndoctor
