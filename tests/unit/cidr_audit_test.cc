// SPDX-License-Identifier: Apache-2.0
// The audit of lists against tables built by hand, and against one lookup for each address.
#include "vpndoctor/cidr_audit.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "machine.h"

namespace vpndoctor {
namespace {

using testing_support::Machine;
using testing_support::RouteSpec;

IpPrefix prefix(const char* text) { return *IpPrefix::parse(text); }

Snapshot split_tunnel() {
  Machine machine = Machine::ordinary();
  machine.tun("tun0").tunnel("tun0", "198.51.100.9");
  machine.route({.destination = "10.0.0.0/8", .interface = "tun0"});
  machine.route({.destination = "10.1.0.0/16", .interface = "eth0", .gateway = "192.0.2.7"});
  machine.route({.destination = "20.0.0.0/8", .type = RouteType::kUnreachable});
  machine.route({.destination = "198.51.100.0/24", .interface = "tun0"});
  machine.route({.destination = "198.51.100.9/32", .interface = "eth0", .gateway = "192.0.2.1"});
  return machine.snapshot();
}

CidrAudit audit(const Snapshot& snapshot, const std::vector<IpPrefix>& list, std::string_view via = "tun0") {
  return audit_prefixes(Fib(snapshot), snapshot, {list, std::string(via)});
}

TEST(CidrAudit, NamesEachPrefixForWhereItGoes) {
  const CidrAudit result = audit(
      split_tunnel(), {prefix("10.2.0.0/16"), prefix("10.1.2.0/24"), prefix("10.0.0.0/8"), prefix("20.1.0.0/16")});
  ASSERT_EQ(result.prefixes.size(), 4U);
  EXPECT_EQ(result.prefixes[0].status, PrefixStatus::kInside);
  EXPECT_EQ(result.prefixes[1].status, PrefixStatus::kOutside);
  EXPECT_EQ(result.prefixes[2].status, PrefixStatus::kPartial);
  EXPECT_EQ(result.prefixes[3].status, PrefixStatus::kUnrouted);
  EXPECT_EQ((std::vector{result.inside, result.outside, result.partial, result.unrouted}),
            (std::vector<std::size_t>(4, 1)));
}

TEST(CidrAudit, NamesTheRouteThatTakesAPart) {
  const CidrAudit result = audit(split_tunnel(), {prefix("10.0.0.0/8")});
  const AuditedPrefix& audited = result.prefixes.front();
  ASSERT_EQ(audited.exceptions.size(), 1U);
  EXPECT_EQ(audited.exceptions[0].prefix, prefix("10.1.0.0/16"));
  EXPECT_EQ(audited.exceptions[0].interface, "eth0");
  EXPECT_EQ(audited.exceptions[0].route, "10.1.0.0/16 via 192.0.2.7 dev eth0");
  EXPECT_TRUE(audited.has_unexpected);
  ASSERT_EQ(audited.through.size(), 2U);
  EXPECT_EQ(audited.through[0].interface, "tun0");
  EXPECT_DOUBLE_EQ(audited.through[0].share_ratio, 255.0 / 256);
  EXPECT_DOUBLE_EQ(audited.through[1].share_ratio, 1.0 / 256);
}

TEST(CidrAudit, TheWayToTheTunnelsOtherEndIsExpectedOutside) {
  const CidrAudit result = audit(split_tunnel(), {prefix("198.51.100.0/24")});
  EXPECT_EQ(result.prefixes[0].status, PrefixStatus::kPartial);
  EXPECT_FALSE(result.prefixes[0].has_unexpected);
  EXPECT_TRUE(result.prefixes[0].exceptions[0].is_expected);
}

TEST(CidrAudit, AHostRouteMayBeTheWayToAnEndThatWasNotSeen) {
  Snapshot unseen = split_tunnel();
  unseen.tunnels->front().endpoints.clear();
  unseen.tunnels->front().not_seen = "only root may see which process holds it";
  const AuditedPrefix audited = audit(unseen, {prefix("198.51.100.0/24")}).prefixes[0];
  EXPECT_FALSE(audited.has_unexpected);
  EXPECT_NE(audited.uncertain.find("only root may see"), std::string::npos) << audited.uncertain;
  EXPECT_TRUE(audit(unseen, {prefix("10.0.0.0/8")}).prefixes[0].has_unexpected);
  unseen.tunnels->front().not_seen.clear();
  EXPECT_TRUE(audit(unseen, {prefix("198.51.100.0/24")}).prefixes[0].has_unexpected);
}

TEST(CidrAudit, TheListIsAggregated) {
  const CidrAudit result = audit(split_tunnel(), {prefix("10.3.0.0/16"), prefix("10.2.0.0/16"), prefix("10.2.0.0/16")});
  EXPECT_EQ(result.aggregated, std::vector{prefix("10.2.0.0/15")});
  EXPECT_EQ(result.prefixes.size(), 3U);
}

TEST(CidrAudit, TheMachinesOwnAddressesDoNotMakeAPrefixPartial) {
  Machine machine = Machine::ordinary();
  machine.tun("tun0").address("tun0", "10.8.0.6/24");
  const CidrAudit result = audit(machine.snapshot(), {prefix("10.8.0.0/24")});
  EXPECT_EQ(result.prefixes[0].status, PrefixStatus::kInside);
  ASSERT_EQ(result.prefixes[0].through.size(), 2U);
  EXPECT_EQ(result.prefixes[0].through[1].interface, "lo");
}

TEST(CidrAudit, AnUnexpectedExceptionIsKeptHoweverSmall) {
  Machine machine = Machine::ordinary();
  machine.tun("tun0").route({.destination = "10.0.0.0/8", .interface = "tun0"});
  for (unsigned i = 0; i < 20; ++i) machine.address("eth0", fmt::format("10.{}.0.2/16", 2 * i + 2));
  machine.route({.destination = "10.255.0.1/32", .interface = "eth0", .gateway = "192.0.2.7"});
  const AuditedPrefix audited = audit(machine.snapshot(), {prefix("10.0.0.0/8")}).prefixes.front();
  EXPECT_TRUE(audited.leaves_in_clear);
  EXPECT_EQ(audited.exceptions.front().prefix, prefix("10.255.0.1/32"));
}

/// Everything through tun0 but for eth0's network, whose ends are broadcast addresses.
Machine full_tunnel() {
  Machine machine = Machine::ordinary();
  machine.tun("tun0").tunnel("tun0", "198.51.100.9").address("tun0", "10.8.0.2/24");
  machine.route({.destination = "0.0.0.0/1", .interface = "tun0"})
      .route({.destination = "128.0.0.0/1", .interface = "tun0"});
  for (const char* end : {"192.0.2.0/32", "192.0.2.255/32"}) {
    machine.route({.destination = end,
                   .interface = "eth0",
                   .table = kTableLocal,
                   .protocol = kProtocolKernel,
                   .type = RouteType::kBroadcast});
  }
  return machine;
}

TEST(CidrAudit, AConnectedNetworkIsOneException) {
  const Snapshot snapshot = full_tunnel().snapshot();
  for (const char* list : {"0.0.0.0/0", "128.0.0.0/1", "192.0.0.0/16"}) {
    const AuditedPrefix audited = audit(snapshot, {prefix(list)}).prefixes.front();
    EXPECT_EQ(audited.status, PrefixStatus::kPartial);
    ASSERT_EQ(audited.exceptions_count, 1U) << list;
    EXPECT_EQ(audited.exceptions[0].prefix, prefix("192.0.2.0/24"));
    EXPECT_TRUE(audited.exceptions[0].is_expected);
  }
  const AuditedPrefix half = audit(snapshot, {prefix("192.0.2.128/25")}).prefixes.front();
  ASSERT_EQ(half.exceptions_count, 1U);
  EXPECT_EQ(half.exceptions[0].prefix, prefix("192.0.2.128/25"));
}

TEST(CidrAudit, AnOnLinkRouteIsExpectedInTheLinksOwnNetworkAlone) {
  Machine dhcp = full_tunnel();
  dhcp.route({.destination = "192.0.2.1/32", .interface = "eth0", .metric = 100, .protocol = kProtocolDhcp});
  EXPECT_FALSE(audit(dhcp.snapshot(), {prefix("0.0.0.0/0")}).prefixes[0].has_unexpected);
  Machine tunnelvision = full_tunnel();
  tunnelvision.route({.destination = "10.0.0.0/8", .interface = "eth0", .protocol = kProtocolDhcp});
  EXPECT_TRUE(audit(tunnelvision.snapshot(), {prefix("0.0.0.0/0")}).prefixes[0].has_unexpected);
  Machine gateway = full_tunnel();
  gateway.route({.destination = "192.0.2.64/26", .interface = "eth0", .gateway = "192.0.2.7"});
  EXPECT_TRUE(audit(gateway.snapshot(), {prefix("0.0.0.0/0")}).prefixes[0].has_unexpected);
}

TEST(CidrAudit, WhatANeighboursStateDecidesIsInNoShare) {
  Machine machine = Machine::ordinary();
  machine.link("eth1").address("eth1", "203.0.113.2/24");
  machine.route({.destination = "default", .interface = "eth1", .gateway = "203.0.113.1", .protocol = kProtocolDhcp});
  const AuditedPrefix audited = audit(machine.snapshot(), {prefix("30.0.0.0/8")}, "eth1").prefixes.front();
  EXPECT_EQ(audited.status, PrefixStatus::kPartial);
  EXPECT_DOUBLE_EQ(audited.undecided_ratio, 1);
  EXPECT_TRUE(audited.through.empty());
  EXPECT_EQ(audited.exceptions.at(0).decided_by, DependsOn::kNeighbour);
  EXPECT_FALSE(audited.uncertain.empty());
}

TEST(CidrAudit, OwnAddressesAndMulticastAreNobodysFault) {
  const Snapshot snapshot = full_tunnel().snapshot();
  const CidrAudit result = audit(snapshot, {prefix("10.8.0.2/32"), prefix("224.0.0.0/4"), prefix("127.0.0.0/8"),
                                            prefix("192.0.2.2/31"), prefix("10.8.0.0/30")});
  EXPECT_TRUE(result.prefixes[0].is_only_own);
  EXPECT_TRUE(result.prefixes[1].is_only_own);
  EXPECT_TRUE(result.prefixes[2].is_only_own);
  EXPECT_FALSE(result.prefixes[3].is_only_own);
  EXPECT_FALSE(result.prefixes[4].is_only_own);
}

TEST(CidrAudit, OnlyTheLargestExceptionsAreKeptAndAllAreCounted) {
  Machine machine = Machine::ordinary();
  machine.tun("tun0").route({.destination = "10.0.0.0/8", .interface = "tun0"});
  for (unsigned i = 0; i < 40; ++i) {
    const unsigned length = i == 30 ? 15 : 24;
    machine.route(
        {.destination = fmt::format("10.{}.0.0/{}", i * 2, length), .interface = "eth0", .gateway = "192.0.2.7"});
  }
  const CidrAudit result = audit(machine.snapshot(), {prefix("10.0.0.0/8")});
  const AuditedPrefix& audited = result.prefixes.front();
  EXPECT_EQ(audited.exceptions_count, 40U);
  EXPECT_EQ(audited.exceptions.size(), AuditedPrefix::kMostExceptions);
  EXPECT_EQ(audited.exceptions.front().prefix, prefix("10.60.0.0/15"));
}

Snapshot random_machine(std::mt19937& random) {
  const auto pick = [&random](unsigned below) { return static_cast<std::uint32_t>(random() % below); };
  Machine machine = Machine::ordinary();
  machine.tun("tun0");
  Rule rule;
  rule.priority = 100;
  rule.destination = IpPrefix::of(*IpAddress::parse(fmt::format("10.0.0.{}", pick(256))), 25 + pick(4));
  rule.table = 77;
  machine.rule(rule);
  for (int i = 0; i < 30; ++i) {
    const unsigned length = 24 + pick(9);
    RouteSpec spec;
    spec.destination = IpPrefix::of(*IpAddress::parse(fmt::format("10.0.0.{}", pick(256))), length).to_string();
    spec.interface = pick(2) == 0 ? "tun0" : "eth0";
    spec.metric = static_cast<std::uint32_t>(i + 1);
    spec.table = pick(3) == 0 ? 77 : std::uint32_t{kTableMain};
    if (pick(8) == 0)
      spec = {
          .destination = spec.destination, .metric = spec.metric, .table = spec.table, .type = RouteType::kBlackhole};
    machine.route(spec);
  }
  return machine.snapshot();
}

/// How many addresses of the prefix go through each interface, one lookup each.
std::map<std::string, unsigned> counted(const Fib& fib, const IpPrefix& within) {
  std::map<std::string, unsigned> counts;
  for (unsigned i = 0; i < 1U << (32U - within.length); ++i) {
    Flow flow;
    flow.destination = within.address;
    flow.destination.bytes[3] = static_cast<std::uint8_t>(flow.destination.bytes[3] + i);
    const FlowAnswer answer = fib.lookup(flow);
    ++counts[answer.fate == FlowFate::kUnicast ? std::string(answer.interface) : ""];
  }
  return counts;
}

TEST(CidrAudit, SharesAreThoseOfOneLookupForEachAddress) {
  std::mt19937 random(11);
  for (int round = 0; round < 40; ++round) {
    const Snapshot snapshot = random_machine(random);
    const Fib fib(snapshot);
    std::vector<IpPrefix> list;
    for (unsigned length = 24; length <= 32; ++length) {
      list.push_back(IpPrefix::of(*IpAddress::parse(fmt::format("10.0.0.{}", random() % 256)), length));
    }
    for (const AuditedPrefix& audited : audit_prefixes(fib, snapshot, {list, "tun0"}).prefixes) {
      const auto counts = counted(fib, audited.prefix);
      const double size = 1U << (32U - audited.prefix.length);
      ASSERT_EQ(audited.through.size(), counts.size()) << audited.prefix.to_string();
      for (const ShareThrough& share : audited.through) {
        EXPECT_DOUBLE_EQ(share.share_ratio * size, counts.at(share.interface)) << audited.prefix.to_string();
      }
    }
  }
}

TEST(CidrAudit, ExceptionsAndTheTunnelsShareMakeTheWhole) {
  std::mt19937 random(12);
  for (int round = 0; round < 40; ++round) {
    const Snapshot snapshot = random_machine(random);
    for (const AuditedPrefix& audited : audit(snapshot, {prefix("10.0.0.0/28"), prefix("10.0.0.64/27")}).prefixes) {
      if (audited.exceptions_count > audited.exceptions.size()) continue;
      double sum = 0;
      for (const ShareThrough& share : audited.through) sum += share.interface == "tun0" ? share.share_ratio : 0;
      for (const AuditException& each : audited.exceptions) {
        EXPECT_TRUE(audited.prefix.contains(each.prefix));
        sum += share_of({each.prefix.address, each.prefix.last_address()}, audited.prefix);
      }
      EXPECT_DOUBLE_EQ(sum, 1);
    }
  }
}

/// split_tunnel() with 30.0.0.0/8 or 3000::/16 over legs through these interfaces; eth0's has weight 3.
Snapshot hashed_over(const std::vector<std::string>& interfaces, Family family = Family::kInet) {
  const bool is_inet = family == Family::kInet;
  Snapshot snapshot = split_tunnel();
  NextHopSet set;
  for (const std::string& interface : interfaces) {
    NextHop hop;
    hop.interface = interface;
    if (interface == "eth0") hop.gateway = IpAddress::parse(is_inet ? "192.0.2.1" : "2001:db8:1::1");
    if (interface == "eth0") hop.weight = 3;
    set.hops.push_back(hop);
  }
  snapshot.routes->next_hop_sets.push_back(set);
  Route route = snapshot.routes->routes.back();
  route.destination = prefix(is_inet ? "30.0.0.0/8" : "3000::/16");
  route.next_hops = static_cast<std::uint32_t>(snapshot.routes->next_hop_sets.size() - 1);
  snapshot.routes->routes.push_back(route);
  return snapshot;
}

TEST(CidrAudit, AHashBetweenTunnelAndLanIsPartialWhicheverLegIsFirst) {
  for (const auto& legs : {std::vector<std::string>{"tun0", "eth0"}, std::vector<std::string>{"eth0", "tun0"}}) {
    const AuditedPrefix audited = audit(hashed_over(legs), {prefix("30.1.0.0/16")}).prefixes.front();
    EXPECT_EQ(audited.status, PrefixStatus::kPartial);
    EXPECT_TRUE(audited.has_unexpected && audited.leaves_in_clear);
    EXPECT_FALSE(audited.uncertain.empty());
    ASSERT_EQ(audited.through.size(), 2U);
    EXPECT_EQ(audited.through[0].interface, "eth0");
    EXPECT_DOUBLE_EQ(audited.through[0].share_ratio, 0.75);
    EXPECT_DOUBLE_EQ(audited.through[1].share_ratio, 0.25);
    ASSERT_EQ(audited.exceptions.size(), 1U);
    EXPECT_EQ(audited.exceptions[0].prefix, prefix("30.1.0.0/16"));
    EXPECT_EQ(audited.exceptions[0].interface, "eth0");
    EXPECT_EQ(audited.exceptions[0].decided_by, DependsOn::kHash);
  }
}

TEST(CidrAudit, TheLegsOfAnIpv6RouteHaveTheirWeightsToo) {
  const Snapshot snapshot = hashed_over({"tun0", "eth0"}, Family::kInet6);
  const AuditedPrefix audited = audit(snapshot, {prefix("3000:1::/32")}).prefixes.front();
  EXPECT_EQ(audited.status, PrefixStatus::kPartial);
  ASSERT_EQ(audited.through.size(), 2U);
  EXPECT_DOUBLE_EQ(audited.through[0].share_ratio, 0.75);
}

TEST(CidrAudit, AHashThatLeavesTheTunnelOutIsOutsideForCertain) {
  const AuditedPrefix audited =
      audit(hashed_over({"tun0", "eth0"}), {prefix("30.1.0.0/16"), prefix("10.2.0.0/16")}, "tun9").prefixes.front();
  EXPECT_EQ(audited.status, PrefixStatus::kOutside);
  EXPECT_TRUE(audited.uncertain.empty());
  EXPECT_TRUE(audit(hashed_over({"tun0", "eth0"}), {prefix("10.2.0.0/16")}).prefixes[0].uncertain.empty());
}

}  // namespace
}  // namespace vpndoctor
