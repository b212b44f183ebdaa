// SPDX-License-Identifier: Apache-2.0
// The IPv6 lookup and its choice of a source on machines built by hand: what users meet. That it is the kernel's as a
// whole, the differential test in tests/fib shows.
#include <gtest/gtest.h>

#include <algorithm>

#include "machine.h"
#include "vpndoctor/fib.h"

namespace vpndoctor {
namespace {

using testing_support::Machine;

constexpr const char* kTunnelPrefix = "2001:db8:77::/48";

/// eth0 with a default; tun0 fd00::2/64 with a gateway to 2001:db8:77::/48.
Machine with_tunnel() {
  Machine machine = Machine::ordinary();
  machine.tun("tun0").address("tun0", "fd00::2/64");
  machine.route({.destination = kTunnelPrefix, .interface = "tun0", .gateway = "fd00::1", .metric = 1024});
  return machine;
}

/// "unicast tun0 fd00::1 fd00::2": what becomes of it, where, by which gateway, with which source.
std::string answer_text(const FlowAnswer& answer) {
  const auto text = [](const std::optional<IpAddress>& maybe) { return maybe ? maybe->to_string() : "-"; };
  return std::string(flow_fate_name(answer.fate)) + " " +
         (answer.interface.empty() ? "-" : std::string(answer.interface)) + " " + text(answer.gateway) + " " +
         text(answer.source);
}

std::string answer_of(const Snapshot& snapshot, const char* words) {
  return answer_text(Fib(snapshot).lookup(parse_flow(words).value()));
}

/// Gives the last route that was added other attributes.
void set_attributes(Snapshot& snapshot, const RouteAttributes& attributes) {
  snapshot.routes->routes.back().attributes = static_cast<std::uint32_t>(snapshot.routes->attribute_sets.size());
  snapshot.routes->attribute_sets.push_back(attributes);
}

void fail_neighbour(Snapshot& snapshot, const char* interface, const char* address) {
  Neighbour failed;
  failed.interface = interface;
  failed.address = IpAddress::parse(address).value();
  failed.state = kNeighbourFailed;
  snapshot.neighbours = {std::vector{failed}, "netlink"};
}

Address& last_address(Snapshot& snapshot) { return snapshot.addresses->back(); }

TEST(FibInet6, TheLongerDestinationBeatsTheLongerSource) {
  Machine machine = with_tunnel();
  machine.route({.destination = "2001:db8::/32", .interface = "eth0", .gateway = "2001:db8:1::9", .metric = 1024});
  Snapshot snapshot = machine.snapshot();
  RouteAttributes from_host;
  from_host.source = IpPrefix::parse("2001:db8:1::2/128").value();
  set_attributes(snapshot, from_host);
  EXPECT_EQ(answer_of(snapshot, "2001:db8:77::5 from 2001:db8:1::2"), "unicast tun0 fd00::1 2001:db8:1::2");
  EXPECT_EQ(answer_of(snapshot, "2001:db8:78::5 from 2001:db8:1::2"), "unicast eth0 2001:db8:1::9 2001:db8:1::2");
}

TEST(FibInet6, ASourceSpecificRouteComesBeforeThatForAnySourceOfTheSamePrefix) {
  Machine machine = with_tunnel();
  machine.route({.destination = kTunnelPrefix, .interface = "eth0", .gateway = "2001:db8:1::9", .metric = 4096});
  Snapshot snapshot = machine.snapshot();
  RouteAttributes from_host;
  from_host.source = IpPrefix::parse("2001:db8:1::/64").value();
  set_attributes(snapshot, from_host);
  EXPECT_EQ(answer_of(snapshot, "2001:db8:77::5 from 2001:db8:1::2"), "unicast eth0 2001:db8:1::9 2001:db8:1::2");
}

TEST(FibInet6, ADestinationForOtherSourcesOnlyGivesWayToAShorterOne) {
  Machine machine = Machine::ordinary();
  machine.tun("tun0").address("tun0", "fd00::2/64");
  machine.route({.destination = kTunnelPrefix, .interface = "tun0", .gateway = "fd00::1", .metric = 1024});
  Snapshot snapshot = machine.snapshot();
  RouteAttributes from_tunnel;
  from_tunnel.source = IpPrefix::parse("fd00::/64").value();
  set_attributes(snapshot, from_tunnel);
  EXPECT_EQ(answer_of(snapshot, "2001:db8:77::5 from fd00::2"), "unicast tun0 fd00::1 fd00::2");
  EXPECT_EQ(answer_of(snapshot, "2001:db8:77::5 from 2001:db8:1::2"), "unicast eth0 2001:db8:1::1 2001:db8:1::2");
}

TEST(FibInet6, AHostLeavesAPrefixWhoseGatewayDoesNotAnswer) {
  Snapshot snapshot = with_tunnel().snapshot();
  EXPECT_EQ(answer_of(snapshot, "2001:db8:77::5"), "unicast tun0 fd00::1 fd00::2");
  fail_neighbour(snapshot, "tun0", "fd00::1");
  const Fib fib(snapshot);
  const FlowAnswer answer = fib.lookup(parse_flow("2001:db8:77::5").value());
  EXPECT_EQ(answer_text(answer), "unicast eth0 2001:db8:1::1 2001:db8:1::2");
  EXPECT_EQ(answer.depends_on, DependsOn::kNeighbour);
  EXPECT_EQ(answer.candidates.size(), 2U);
}

TEST(FibInet6, ARouterStaysWithAPrefixWhoseGatewayDoesNotAnswer) {
  Snapshot snapshot = with_tunnel().snapshot();
  fail_neighbour(snapshot, "tun0", "fd00::1");
  snapshot.settings->inet6["all"].forwarding = 1;
  EXPECT_EQ(answer_of(snapshot, "2001:db8:77::5"), "unicast tun0 fd00::1 fd00::2");
}

TEST(FibInet6, ADeadGatewayInIpv4KeepsItsPrefix) {
  Machine machine = Machine::ordinary();
  machine.tun("tun0").address("tun0", "10.8.0.2/24");
  machine.route({.destination = "203.0.113.0/24", .interface = "tun0", .gateway = "10.8.0.1"});
  Snapshot snapshot = machine.snapshot();
  fail_neighbour(snapshot, "tun0", "10.8.0.1");
  EXPECT_EQ(answer_of(snapshot, "203.0.113.5"), "unicast tun0 10.8.0.1 10.8.0.2");
}

TEST(FibInet6, TheSmallerMetricDecidesWhateverThePreference) {
  Machine machine = with_tunnel();
  machine.route({.destination = kTunnelPrefix, .interface = "eth0", .gateway = "2001:db8:1::9", .metric = 2048});
  Snapshot snapshot = machine.snapshot();
  RouteAttributes high;
  high.preference = 1;
  set_attributes(snapshot, high);
  EXPECT_EQ(answer_of(snapshot, "2001:db8:77::5"), "unicast tun0 fd00::1 fd00::2");
}

TEST(FibInet6, AmongEqualMetricsThePreferenceDecides) {
  Machine machine = with_tunnel();
  machine.route({.destination = kTunnelPrefix, .interface = "eth0", .gateway = "2001:db8:1::9", .metric = 1024});
  Snapshot snapshot = machine.snapshot();
  RouteAttributes preferred;
  preferred.preference = 1;
  set_attributes(snapshot, preferred);
  EXPECT_EQ(answer_of(snapshot, "2001:db8:77::5"), "unicast eth0 2001:db8:1::9 2001:db8:1::2");
  snapshot.routes->attribute_sets.back().preference = 3;
  EXPECT_EQ(answer_of(snapshot, "2001:db8:77::5"), "unicast tun0 fd00::1 fd00::2");
}

TEST(FibInet6, NothingIsTakenToBeOnTheLinkOfABoundSocket) {
  const Snapshot snapshot = without_interface(with_tunnel().snapshot(), "eth0");
  EXPECT_EQ(answer_of(snapshot, "2606:4700::1111 oif tun0"), "none - - -");
}

TEST(FibSource6, TheAddressOfTheDestinationsScopeIsTaken) {
  Machine machine = Machine::ordinary();
  machine.route({.destination = "ff00::/8", .interface = "eth0", .metric = 256, .table = kTableLocal});
  const Snapshot snapshot = machine.address("eth0", "fe80::2/64").snapshot();
  EXPECT_EQ(answer_of(snapshot, "ff0e::1 oif eth0"), "unicast eth0 - 2001:db8:1::2");  // fe80:: has more bits in common
  EXPECT_EQ(answer_of(snapshot, "fe80::9 oif eth0"), "unicast eth0 - fe80::2");
  EXPECT_EQ(answer_of(snapshot, "2606:4700::1111"), "unicast eth0 2001:db8:1::1 2001:db8:1::2");
}

TEST(FibSource6, ADeprecatedAddressGivesWay) {
  Snapshot snapshot = Machine::ordinary().address("eth0", "2001:db8:1::3/64").snapshot();
  Address& first =
      *std::ranges::find(*snapshot.addresses, IpAddress::parse("2001:db8:1::2").value(), &Address::address);
  EXPECT_EQ(answer_of(snapshot, "2606:4700::1111"), "unicast eth0 2001:db8:1::1 2001:db8:1::2");
  first.flags |= kAddressDeprecated;
  EXPECT_EQ(answer_of(snapshot, "2606:4700::1111"), "unicast eth0 2001:db8:1::1 2001:db8:1::3");
}

TEST(FibSource6, TheLabelOfTheDestinationDecides) {
  const Snapshot snapshot = Machine::ordinary().address("eth0", "fd00:1::2/64").snapshot();
  EXPECT_EQ(answer_of(snapshot, "fd12::9"), "unicast eth0 2001:db8:1::1 fd00:1::2");
  const Snapshot relayed = Machine::ordinary().address("eth0", "2002:c000:202::2/64").snapshot();
  EXPECT_EQ(answer_of(relayed, "2003::1"),
            "unicast eth0 2001:db8:1::1 2001:db8:1::2");  // 2002: has a bit more in common
  EXPECT_EQ(answer_of(snapshot, "2606:4700::1111"), "unicast eth0 2001:db8:1::1 2001:db8:1::2");
}

TEST(FibSource6, ATemporaryAddressIsTakenWhereItsInterfacePrefersSuch) {
  Snapshot snapshot = Machine::ordinary().address("eth0", "2001:db8:1::77/64").snapshot();
  last_address(snapshot).flags |= kAddressSecondary;  // of an IPv6 address: temporary
  EXPECT_EQ(answer_of(snapshot, "2606:4700::1111"), "unicast eth0 2001:db8:1::1 2001:db8:1::2");
  snapshot.settings->inet6["eth0"].use_temporary_addresses = 2;
  EXPECT_EQ(answer_of(snapshot, "2606:4700::1111"), "unicast eth0 2001:db8:1::1 2001:db8:1::77");
}

TEST(FibSource6, ThePreferredSourceOfTheRouteComesFirst) {
  Snapshot snapshot = with_tunnel().snapshot();
  RouteAttributes preferring;
  preferring.preferred_source = IpAddress::parse("2001:db8:1::2");
  set_attributes(snapshot, preferring);
  EXPECT_EQ(answer_of(snapshot, "2001:db8:77::5"), "unicast tun0 fd00::1 2001:db8:1::2");
}

}  // namespace
}  // namespace vpndoctor
