// SPDX-License-Identifier: Apache-2.0
// Which servers a test asks, over which interface, and what: nobody sees a name that its configuration does not hold.
#include "vpndoctor/dns_test_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "dns_machine.h"
#include "machine.h"

namespace vpndoctor {
namespace {

using testing_support::dns_server;
using testing_support::link_scope;
using testing_support::Machine;
using testing_support::name_service_switch_of;
using testing_support::resolv_conf_of;
using testing_support::resolved_of;

template <class T>
Observed<T> seen(T value) {
  return {std::move(value), "a test"};
}

/// A LAN for everything and a tunnel for corp.example, behind systemd-resolved's stub.
Snapshot split_machine() {
  Machine machine = Machine::ordinary();
  machine.tun("tun0").address("tun0", "10.8.0.2/24");
  Snapshot snapshot = machine.snapshot();
  snapshot.dns.name_service_switch = seen(name_service_switch_of({"files", "resolve", "dns"}));
  snapshot.dns.resolv_conf = seen(resolv_conf_of({"127.0.0.53"}));
  snapshot.dns.resolved = seen(resolved_of(
      {link_scope("eth0", {"192.0.2.1"}, {}, true), link_scope("tun0", {"10.8.0.1"}, {"~corp.example"}, false)}));
  return snapshot;
}

const DnsServerTest* find(const DnsTestPlan& plan, const char* server) {
  const auto found = std::ranges::find(plan.results.servers, dns_server(server), &DnsServerTest::server);
  return found == plan.results.servers.end() ? nullptr : &*found;
}

TEST(DnsTestPlan, ScopesAreAskedOverTheirInterfaceAndTheStubIsNot) {
  const DnsTestPlan plan = plan_dns_test(split_machine(), {});
  ASSERT_EQ(plan.results.servers.size(), 3U);
  const DnsServerTest* tun = find(plan, "10.8.0.1");
  ASSERT_NE(tun, nullptr);
  EXPECT_EQ(tun->udp.interface, "tun0");
  EXPECT_EQ(tun->tcp.interface, "tun0");
  EXPECT_TRUE(tun->is_tunnel);
  EXPECT_EQ(tun->why_unbound, "");
  const DnsServerTest* stub = find(plan, "127.0.0.53");
  ASSERT_NE(stub, nullptr);
  EXPECT_EQ(stub->udp.interface, "");
  EXPECT_EQ(stub->resolv_conf_index, 0U);
  EXPECT_EQ(plan.stub, dns_server("127.0.0.53"));
}

TEST(DnsTestPlan, WithoutANameEachServerIsAskedForItsOwnDomain) {
  const DnsTestPlan plan = plan_dns_test(split_machine(), {});
  EXPECT_EQ(find(plan, "10.8.0.1")->udp.name, "corp.example");
  EXPECT_EQ(find(plan, "10.8.0.1")->udp.type, kDnsTypeSoa);
  EXPECT_EQ(find(plan, "192.0.2.1")->udp.name, ".");
  EXPECT_EQ(find(plan, "192.0.2.1")->udp.type, kDnsTypeNs);
  EXPECT_TRUE(plan.results.names.empty());
  EXPECT_TRUE(plan.results.hijack.empty());
}

TEST(DnsTestPlan, OwnAddressesAreNotBound) {
  Snapshot snapshot = split_machine();
  snapshot.dns.resolved->scopes[2].servers = {dns_server("10.8.0.2")};
  const DnsTestPlan plan = plan_dns_test(snapshot, {});
  ASSERT_NE(find(plan, "10.8.0.2"), nullptr);
  EXPECT_EQ(find(plan, "10.8.0.2")->udp.interface, "");
  EXPECT_EQ(find(plan, "10.8.0.2")->why_unbound, "it is this machine's own address");
}

TEST(DnsTestPlan, AScopeThatIsNotLiveIsNotAsked) {
  Snapshot snapshot = split_machine();
  snapshot.dns.resolved->scopes[2].live_protocols = 0;
  const DnsTestPlan plan = plan_dns_test(snapshot, {});
  EXPECT_EQ(find(plan, "10.8.0.1")->udp.reason.substr(0, 21), "its scope is not live");
}

TEST(DnsTestPlan, WhatADaemonOfAnotherNamespaceSaysIsNotAsked) {
  Snapshot snapshot = split_machine();
  snapshot.dns.resolved->foreign = "it is in another network namespace";
  const DnsTestPlan plan = plan_dns_test(snapshot, {});
  EXPECT_EQ(find(plan, "10.8.0.1"), nullptr);
  snapshot.dns.resolv_conf = seen(resolv_conf_of({"192.0.2.1"}));
  EXPECT_EQ(plan_dns_test(snapshot, {}).stub, std::nullopt);
}

TEST(DnsTestPlan, NamedServersAreAskedToo) {
  DnsTestRequest request;
  request.names = {"git.corp.example"};
  request.type = kDnsTypeAaaa;
  request.servers = {dns_server("203.0.113.9"), dns_server("192.0.2.1")};
  const DnsTestPlan plan = plan_dns_test(split_machine(), request);
  const DnsServerTest* named = find(plan, "203.0.113.9");
  ASSERT_NE(named, nullptr);
  EXPECT_TRUE(named->is_named);
  EXPECT_EQ(named->udp.name, "git.corp.example");
  EXPECT_EQ(named->udp.type, kDnsTypeAaaa);
  EXPECT_EQ(plan.results.names.size(), 1U);
}

TEST(DnsTestPlan, TheNumberOfServersIsBounded) {
  Snapshot snapshot = split_machine();
  for (int i = 1; i <= 200; ++i) {
    snapshot.dns.resolved->scopes[2].servers.push_back(dns_server(("10.9.0." + std::to_string(i)).c_str()));
  }
  const DnsTestPlan plan = plan_dns_test(snapshot, {});
  EXPECT_EQ(plan.results.servers.size(), 64U);
  EXPECT_EQ(plan.results.servers_left_out, 202U + 1U - 64U);
}

std::vector<std::string> hijack_targets(const Snapshot& snapshot) {
  DnsTestRequest request;
  request.hijack = true;
  std::vector<std::string> texts;
  for (const DnsHijackProbe& probe : plan_dns_test(snapshot, request).results.hijack) {
    texts.push_back(probe.egress + (probe.through_tunnel ? "! " : " ") + probe.exchange.server.to_string());
  }
  return texts;
}

TEST(DnsTestPlan, InterceptionIsLookedForWhereTheDefaultRouteLeads) {
  EXPECT_EQ(hijack_targets(Machine::ordinary().snapshot()),
            (std::vector<std::string>{"eth0 198.51.100.177", "eth0 2001:db8:ffff::177"}));
}

TEST(DnsTestPlan, EachEgressIsTestedTheTunnelByItsHalvesOfEverything) {
  Machine machine = Machine::ordinary();
  machine.tun("tun0").address("tun0", "10.8.0.2/24");
  machine.route({.destination = "0.0.0.0/1", .interface = "tun0"});
  machine.route({.destination = "128.0.0.0/1", .interface = "tun0"});
  EXPECT_EQ(hijack_targets(machine.snapshot()),
            (std::vector<std::string>{"eth0 198.51.100.177", "eth0 2001:db8:ffff::177", "tun0! 198.51.100.177"}));
}

TEST(DnsTestPlan, ADocumentationAddressThatIsRoutedIsPassedOver) {
  Machine machine = Machine::ordinary();
  machine.route({.destination = "198.51.100.0/24", .interface = "eth0"});
  machine.route({.destination = "203.0.113.128/25", .interface = "eth0"});
  machine.route({.destination = "2001:db8::/32", .interface = "eth0"});
  // eth0 has 192.0.2.2/24 itself: no IPv4 address is left.
  EXPECT_EQ(hijack_targets(machine.snapshot()), std::vector<std::string>{"eth0 3fff:ffff::177"});
}

DnsServerTest with_tcp_answer(std::uint32_t bytes) {
  DnsServerTest server;
  server.tcp.outcome = DnsOutcome::kAnswered;
  server.tcp.reply_bytes = bytes;
  plan_edns_ladder(server);
  return server;
}

std::vector<unsigned> rungs(std::uint32_t bytes) {
  std::vector<unsigned> sizes;
  for (const DnsExchange& rung : with_tcp_answer(bytes).ladder) sizes.push_back(*rung.edns_bytes);
  return sizes;
}

TEST(DnsTestPlan, OnlySizesThatTheAnswerFillsAreOnTheLadder) {
  EXPECT_EQ(rungs(512), std::vector<unsigned>{});
  EXPECT_EQ(rungs(513), (std::vector<unsigned>{1232, 512}));
  EXPECT_EQ(rungs(1232), (std::vector<unsigned>{1232, 512}));
  EXPECT_EQ(rungs(1233), (std::vector<unsigned>{1452, 1232, 512}));
  EXPECT_EQ(rungs(1453), (std::vector<unsigned>{4096, 1452, 1232, 512}));
  EXPECT_EQ(with_tcp_answer(300).why_not_judged, "its answer over TCP has only 300 bytes");
  DnsServerTest silent;
  plan_edns_ladder(silent);
  EXPECT_FALSE(silent.why_not_judged.empty());
}

}  // namespace
}  // namespace vpndoctor
