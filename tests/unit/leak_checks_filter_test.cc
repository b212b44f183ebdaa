// SPDX-License-Identifier: Apache-2.0
// A packet filter silences a leak only where it stops packets of every kind. The rulesets are loaded by nft and read
// back from the kernel.
#include <gtest/gtest.h>

#include <algorithm>

#include "in_namespace.h"
#include "leak_laptop.h"
#include "loaded_ruleset.h"

namespace vpndoctor {
namespace {

using namespace testing_support;

Snapshot plain() { return laptop().snapshot(); }

Snapshot with_open_inet6() {
  Machine machine = laptop();
  return with_inet6(machine).snapshot();
}

Snapshot with_leased_route() {
  Machine machine = laptop();
  machine.route({.destination = "8.0.0.0/7", .interface = "eth0", .gateway = "192.168.50.7"});
  Snapshot snapshot = machine.snapshot();
  lease(snapshot, "8.0.0.0/7", "192.168.50.7");
  return snapshot;
}

Snapshot with_advertised_route() {
  Machine machine = laptop();
  machine.route({.destination = "8.0.0.0/7",
                 .interface = "eth0",
                 .gateway = "192.168.50.7",
                 .protocol = kProtocolRouterAdvertisement});
  return machine.snapshot();
}

Snapshot on_huge_network() { return on_network("eth0", "8.1.2.3/9").snapshot(); }

Snapshot with_server_route() {
  Machine machine = laptop();
  machine.route({.destination = "9.9.9.1/32", .interface = "eth0", .gateway = "192.168.50.1"});
  return machine.snapshot();
}

Snapshot with_guests() {
  Machine machine = with_containers(local_only());
  return forwarding(machine);
}

struct Leak {
  const char* code;
  Snapshot (*machine)();
  const char* hook = "output";
};

constexpr std::array kLeaks = {
    Leak{"LEK001", with_open_inet6},        Leak{"LEK002", with_leased_route}, Leak{"LEK003", with_advertised_route},
    Leak{"LEK004", on_huge_network},        Leak{"LEK005", with_server_route}, Leak{"LEK007", plain},
    Leak{"LEK009", with_guests, "forward"},
};

bool is_found(const Leak& leak, const std::string& rule) {
  Snapshot snapshot = leak.machine();
  snapshot.firewall = loaded_ruleset("table inet t { chain c { type filter hook " + std::string(leak.hook) +
                                     " priority 0; " + rule + "; }; }");
  return severities(judge(snapshot)).contains(leak.code);
}

TEST(LeakChecksFilter, OnlyWhatStopsEveryKindSilencesALeak) {
  in_network_namespace([] {
    for (const Leak& leak : kLeaks) {
      SCOPED_TRACE(leak.code);
      EXPECT_TRUE(is_found(leak, ""));
      EXPECT_FALSE(is_found(leak, "oifname eth0 drop"));
      EXPECT_TRUE(is_found(leak, "oifname eth1 drop"));
      EXPECT_TRUE(is_found(leak, "oifname eth0 tcp dport { 80, 443 } drop"));
      EXPECT_TRUE(is_found(leak, "oifname eth0 meta l4proto { tcp, udp } drop"));
    }
  });
}

TEST(LeakChecksFilter, WhatStillLeavesIsSaid) {
  in_network_namespace([] {
    Snapshot snapshot = with_open_inet6();
    snapshot.firewall = loaded_ruleset(
        "table inet t { chain c { type filter hook output priority 0; meta l4proto { tcp, udp } drop; }; }");
    const Finding finding = finding_of(snapshot, "LEK001");
    EXPECT_TRUE(std::ranges::any_of(
        finding.evidence, [](const Evidence& each) { return each.text.starts_with("lets ICMP out and stops TCP"); }));
  });
}

}  // namespace
}  // namespace vpndoctor
