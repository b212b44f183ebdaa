// SPDX-License-Identifier: Apache-2.0
// Where leaks are looked for: physical interfaces that lead elsewhere, and nothing else.
#include "vpndoctor/capture_plan.h"

#include <gtest/gtest.h>

#include "machine.h"
#include "vpndoctor/captured_packet.h"
#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

using testing_support::Machine;

Link& link_of(Snapshot& snapshot, const std::string& name) {
  for (Link& link : *snapshot.links) {
    if (link.name == name) return link;
  }
  ADD_FAILURE() << name;
  return snapshot.links->front();
}

std::vector<std::string> places(const Snapshot& snapshot, const std::vector<std::string>& names = {}) {
  const auto plan = plan_capture(snapshot, names);
  std::vector<std::string> found;
  if (plan) {
    for (const CapturePlace& place : *plan) found.push_back(place.interface);
  }
  return found;
}

TEST(CapturePlan, ContainersBridgesPortsAndTunnelsAreNoPlaces) {
  Machine machine;
  machine.link("eth0").address("eth0", "192.168.50.5/24");
  machine.route({.destination = "default", .interface = "eth0", .gateway = "192.168.50.1"});
  machine.link("docker0", "bridge").address("docker0", "172.17.0.1/16");
  machine.link("veth1", "veth").link("dummy0", "dummy");
  machine.tun("tun0").address("tun0", "10.8.0.2/24").route({.destination = "0.0.0.0/1", .interface = "tun0"});
  machine.link("eth1").link("eth2").address("eth2", "10.0.0.2/24").link("eth3", "", kLinkUp);
  Snapshot snapshot = machine.snapshot();
  link_of(snapshot, "veth1").master = "docker0";
  EXPECT_EQ(places(snapshot), (std::vector<std::string>{"eth0", "eth2"}));
  EXPECT_EQ(places(snapshot, {"eth1", "eth0", "eth1"}), (std::vector<std::string>{"eth1", "eth0"}));
}

TEST(CapturePlan, ABridgeOrBondWithTheRouteIsThePlaceAndNotItsPorts) {
  Machine machine;
  machine.link("br0", "bridge").address("br0", "192.168.50.5/24").link("eth0").address("eth0", "192.168.50.6/24");
  machine.route({.destination = "default", .interface = "br0", .gateway = "192.168.50.1"});
  Snapshot snapshot = machine.snapshot();
  link_of(snapshot, "eth0").master = "br0";
  EXPECT_EQ(places(snapshot), std::vector<std::string>{"br0"});
}

TEST(CapturePlan, NamesThatAreNoPlacesAreUsageErrors) {
  const Snapshot snapshot = Machine::ordinary().tun("tun0").link("down0", "", 0).snapshot();
  for (const char* name : {"none", "lo", "tun0", "down0", ""}) {
    const auto plan = plan_capture(snapshot, {name});
    ASSERT_FALSE(plan) << name;
    EXPECT_EQ(plan.error().kind, ErrorKind::kUsage) << name;
    EXPECT_NE(plan.error().hint, "") << name;
  }
  EXPECT_EQ(plan_capture(Machine().snapshot(), {}).error().kind, ErrorKind::kUnavailable);
}

TEST(CapturePlan, TheControlAsksForTheGatewayOfTheLink) {
  Snapshot snapshot = Machine::ordinary().snapshot();
  link_of(snapshot, "eth0").hardware_address = "02:00:00:00:00:01";
  const auto plan = plan_capture(snapshot, {});
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->size(), 1U);
  ASSERT_TRUE(plan->at(0).control);
  const auto frame = decode_link_frame(1, *plan->at(0).control);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->ether_type, 0x0806);
  EXPECT_EQ(frame->source, (MacAddress{2, 0, 0, 0, 0, 1}));
  EXPECT_EQ(frame->payload.size(), 28U);
  EXPECT_TRUE(plan->at(0).is_both_ways);
}

TEST(CapturePlan, ASolicitationHasTheRightChecksum) {
  Machine machine;
  machine.link("eth0").address("eth0", "2a0e:50::5/64");
  machine.route({.destination = "::/0", .interface = "eth0", .gateway = "2a0e:50::1"});
  Snapshot snapshot = machine.snapshot();
  link_of(snapshot, "eth0").hardware_address = "02:00:00:00:00:01";
  const auto plan = plan_capture(snapshot, {});
  ASSERT_TRUE(plan && plan->at(0).control);
  const auto frame = decode_link_frame(1, *plan->at(0).control);
  const auto ip = decode_ip_packet(frame->payload);
  ASSERT_TRUE(ip && ip->complete);
  EXPECT_EQ(ip->destination.to_string(), "ff02::1:ff00:1");
  EXPECT_EQ(frame->destination, (MacAddress{0x33, 0x33, 0xff, 0, 0, 1}));
  const auto length = static_cast<std::uint32_t>(ip->payload.size());
  EXPECT_EQ(fold_checksum(
                checksum_sum(ip->payload, pseudo_header_sum({ip->source, ip->destination, kProtocolIcmp6, length}))),
            0);
}

TEST(CapturePlan, TheTunnelsEndpointsAreLeftOutOfWhatComesIn) {
  Snapshot snapshot = Machine::ordinary().tun("tun0").tunnel("tun0", "8.7.6.5").snapshot();
  link_of(snapshot, "eth0").hardware_address = "02:00:00:00:00:01";
  snapshot.tunnels->at(0).endpoints = {{*IpAddress::parse("8.7.6.5"), 1194}};
  const auto plan = plan_capture(snapshot, {});
  ASSERT_TRUE(plan);
  EXPECT_NE(plan->at(0).filter.find("not (src host 8.7.6.5 and src port 1194)"), std::string::npos);
  link_of(snapshot, "eth0").hardware_address = "";
  EXPECT_EQ(plan_capture(snapshot, {})->at(0).filter, "");
}

TEST(CapturePlan, OnlyWhatLeavesOutsideATunnelIsNoUsageError) {
  Machine machine = Machine::ordinary();
  machine.tun("tun0").link("eth7", "", 0);
  const Snapshot snapshot = machine.snapshot();
  EXPECT_FALSE(refuse_interface(snapshot, "eth0"));
  for (const char* name : {"tun0", "lo", "eth7", "eth8"}) {
    const auto error = refuse_interface(snapshot, name);
    ASSERT_TRUE(error) << name;
    EXPECT_EQ(error->kind, ErrorKind::kUsage) << name;
  }
}

}  // namespace
}  // namespace vpndoctor
