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
  std::optional<IpAddress> address = within.address;
  for (; address && within.contains(*address); address = next_address(*address)) {
    Flow flow;
    flow.destination = *address;
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

TEST(CidrAudit, AHashBetweenTunnelAndLanIsNotCertain) {
  Snapshot snapshot = split_tunnel();
  NextHop tunnel;
  tunnel.interface = "tun0";
  NextHop lan;
  lan.interface = "eth0";
  lan.gateway = IpAddress::parse("192.0.2.1");
  snapshot.routes->next_hop_sets.push_back({{tunnel, lan}, std::nullopt});
  Route route = snapshot.routes->routes.back();
  route.destination = prefix("30.0.0.0/8");
  route.next_hops = static_cast<std::uint32_t>(snapshot.routes->next_hop_sets.size() - 1);
  snapshot.routes->routes.push_back(route);
  EXPECT_FALSE(audit(snapshot, {prefix("30.1.0.0/16")}).prefixes[0].uncertain.empty());
  EXPECT_TRUE(audit(snapshot, {prefix("10.2.0.0/16")}).prefixes[0].uncertain.empty());
}

}  // namespace
}  // namespace vpndoctor
