// SPDX-License-Identifier: Apache-2.0
// For whom a machine forwards: machines built by hand.
#include "guests.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "machine.h"

namespace vpndoctor {
namespace {

using testing_support::Machine;

/// "LINK ADDRESS", with " (virtual)", of each.
std::vector<std::string> guests_of(Snapshot snapshot, bool forwards_inet6 = false) {
  for (const Link& link : *snapshot.links) snapshot.settings->inet[link.name].forwarding = 1;
  snapshot.settings->inet6["all"].forwarding = forwards_inet6 ? 1 : 0;
  std::vector<std::string> found;
  for (const Guests& each : find_guests(snapshot)) {
    found.push_back(each.link->name + " " + each.address.to_string() + (each.is_virtual ? " (virtual)" : ""));
  }
  return found;
}

using Texts = std::vector<std::string>;

TEST(Guests, AreBehindWhatIsNoWayToTheWorld) {
  EXPECT_EQ(guests_of(Machine::ordinary().snapshot(), true), Texts{});
  const auto router = [] {
    Machine machine = Machine::ordinary();
    machine.link("lan1").address("lan1", "10.1.0.1/24").address("lan1", "2001:db8:77::1/64");
    machine.route({.destination = "10.2.0.0/16", .interface = "lan1", .gateway = "10.1.0.9"});
    return machine;
  };
  EXPECT_EQ(guests_of(router().snapshot()), Texts{"lan1 10.1.0.254"});
  EXPECT_EQ(guests_of(router().snapshot(), true), (Texts{"lan1 10.1.0.254", "lan1 2001:db8:77:0:ffff:ffff:ffff:fffe"}));
  Machine uplink = router();
  uplink.route({.destination = "default", .interface = "lan1", .gateway = "10.1.0.9", .metric = 9});
  EXPECT_EQ(guests_of(uplink.snapshot(), true), Texts{});
}

TEST(Guests, AreFoundByTheRoutesThatNeedNoRouter) {
  Machine machine = Machine::ordinary();
  machine.link("cali1", "veth").route({.destination = "10.77.0.2/32", .interface = "cali1"});
  machine.link("p2p", "veth").address("p2p", "10.78.0.0/31");
  machine.link("end", "veth").address("end", "10.79.0.254/24");
  EXPECT_EQ(guests_of(machine.snapshot()),
            (Texts{"cali1 10.77.0.2 (virtual)", "p2p 10.78.0.1 (virtual)", "end 10.79.0.253 (virtual)"}));
}

TEST(Guests, AreNeitherBehindTunnelsNorBehindWhatIsDownOrSwallows) {
  Machine machine = Machine::ordinary();
  machine.tun("tun0").address("tun0", "10.8.0.2/24");
  machine.link("down0", "veth", 0).address("down0", "10.9.0.1/24");
  machine.link("dummy0", "dummy").address("dummy0", "10.10.0.1/24");
  EXPECT_EQ(guests_of(machine.snapshot()), Texts{});
}

TEST(Guests, AreVirtualBehindABridgeOfVirtualCablesAlone) {
  Machine machine = Machine::ordinary();
  machine.link("br1", "bridge").address("br1", "10.1.0.1/24").link("veth1", "veth").link("eth7");
  Snapshot snapshot = machine.snapshot();
  for (const Link& link : *snapshot.links) snapshot.settings->inet[link.name].forwarding = 1;
  const auto port = [&](const char* name) { std::ranges::find(*snapshot.links, name, &Link::name)->master = "br1"; };
  port("veth1");
  EXPECT_TRUE(find_guests(snapshot).at(0).is_virtual);
  port("eth7");
  EXPECT_FALSE(find_guests(snapshot).at(0).is_virtual);
}

TEST(Guests, OfAMachineWhoseSettingsAreNotKnownAreNone) {
  Machine machine = Machine::ordinary();
  machine.link("lan1").address("lan1", "10.1.0.1/24");
  Snapshot snapshot = machine.snapshot();
  EXPECT_TRUE(find_guests(snapshot).empty());
  snapshot.settings = Observed<RoutingSettings>::missing("not read");
  EXPECT_TRUE(find_guests(snapshot).empty());
}

}  // namespace
}  // namespace vpndoctor
