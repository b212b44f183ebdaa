// SPDX-License-Identifier: Apache-2.0
// A whole family beside a tunnel of the other one: when it is a leak, and when that is not known.
#include <gtest/gtest.h>

#include "leak_laptop.h"
#include "vpndoctor/leaks_report.h"

namespace vpndoctor {
namespace {

using namespace testing_support;

/// The laptop with one host outside that may be the VPN's server.
Snapshot with_unseen_server(Machine& machine) {
  machine.route({.destination = "9.9.9.1/32", .interface = "eth0", .gateway = "192.168.50.1"});
  Snapshot snapshot = machine.snapshot();
  Tunnel& tunnel = snapshot.tunnels->front();
  tunnel.endpoints.clear();
  tunnel.not_seen = tunnel.holder_not_seen = "only root may see which process holds it";
  return snapshot;
}

bool is_answered(const Snapshot& snapshot) {
  const Fib fib(snapshot);
  LeaksReport report;
  report.coverage = find_coverage(snapshot, fib, 0);
  return leaks_are_answered(report);
}

TEST(LeakChecksFamily, Inet6IsOpenAlsoWhereOneHostOfInetIsNotKnown) {
  Machine machine = laptop();
  Snapshot snapshot = with_unseen_server(with_inet6(machine));
  EXPECT_EQ(find_coverage(snapshot, Fib(snapshot), 0).inet.mode, CoverageMode::kUnknown);
  EXPECT_EQ(finding_of(snapshot, "LEK001").severity, kError);
}

TEST(LeakChecksFamily, WhatIsNotKnownOfAFamilyInUseIsNoAnswer) {
  EXPECT_TRUE(is_answered(laptop().snapshot()));
  Machine alone = laptop();
  EXPECT_FALSE(is_answered(with_unseen_server(alone))) << "that IPv6 has no way out is no answer";
  Machine both = laptop();
  EXPECT_FALSE(is_answered(with_unseen_server(with_inet6(both))));
}

/// All IPv6 by a tunnel, and IPv4 beside it.
Machine inet6_tunnel(const char* kind) {
  Machine machine;
  machine.link("eth0").address("eth0", "192.168.50.5/24");
  machine.route({.destination = "default", .interface = "eth0", .gateway = "192.168.50.1"});
  machine.link("v6", kind, kLinkUp | kLinkRunning | kLinkLowerUp | kLinkPointToPoint | kLinkNoArp);
  machine.address("v6", "2a0e:50::5/128").tunnel("v6", "9.9.9.1");
  machine.route({.destination = "::/0", .interface = "v6"});
  return machine;
}

TEST(LeakChecksFamily, InetBesideAVpnOfInet6IsAWarning) {
  Machine machine = inet6_tunnel("wireguard");
  Snapshot snapshot = machine.snapshot();
  const Finding finding = finding_of(snapshot, "LEK014");
  EXPECT_EQ(finding.severity, kWarning);
  EXPECT_EQ(finding.title, "IPv4 leaves by eth0 while v6 takes all IPv6");
  Machine brought = inet6_tunnel("sit");
  EXPECT_FALSE(severities(brought).contains("LEK014")) << "that is what it is for";
  Machine both = inet6_tunnel("wireguard");
  both.route({.destination = "0.0.0.0/1", .interface = "v6"}).route({.destination = "128.0.0.0/1", .interface = "v6"});
  EXPECT_FALSE(severities(both).contains("LEK014"));
}

}  // namespace
}  // namespace vpndoctor
