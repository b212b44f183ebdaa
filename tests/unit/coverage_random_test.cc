// SPDX-License-Identifier: Apache-2.0
// Coverage of random machines against one lookup for each of many addresses; and of any snapshot that the model can
// hold.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "address_classes.h"
#include "draw.h"
#include "drawn_machine.h"
#include "machine.h"
#include "random_snapshot.h"
#include "vpndoctor/coverage.h"
#include "vpndoctor/prefix_set.h"

namespace vpndoctor {
namespace {

using testing_support::any_interface;
using testing_support::Draw;
using testing_support::drawn_rule;
using testing_support::four_links;
using testing_support::Machine;

IpPrefix random_prefix(Draw& draw, Family family) {
  IpAddress address{.family = family, .bytes = {}};
  for (std::size_t at = 0; at < address.octets().size(); ++at)
    address.bytes[at] = static_cast<std::uint8_t>(draw.below(256));
  if (family == Family::kInet6) address.bytes[0] = draw.chance(4) ? std::uint8_t{0xfd} : std::uint8_t{0x20};
  if (family == Family::kInet6) address.bytes[1] = static_cast<std::uint8_t>(draw.below(4));
  return IpPrefix::of(address, static_cast<unsigned>(draw.below(address_bits(family) + 1)));
}

Rule random_rule(Draw& draw, Family family) {
  Rule rule = drawn_rule(draw, family);
  if (draw.chance(2)) rule.destination = random_prefix(draw, family);
  return rule;
}

Snapshot random_machine(Draw& draw) {
  Machine machine = four_links();
  machine.address("eth0", "192.168.7.2/24").address("eth1", "9.1.2.3/20").address("tun0", "10.8.0.2/24");
  machine.address("eth0", "2001:db8:1::2/64").address("eth1", "2620:fe::5/64").address("tun1", "fd00:9::2/64");
  machine.tunnel("tun0", "9.9.9.9").tunnel("tun1", "2620:fe::9");
  for (int i = 0; i < 40; ++i) {
    const Family family = draw.family();
    const RouteType types[] = {RouteType::kUnreachable, RouteType::kBlackhole, RouteType::kThrow};
    const bool refuses = draw.chance(8);
    const std::string interface = any_interface(draw);
    machine.route({.destination = random_prefix(draw, family).to_string(),
                   .interface = refuses ? "" : interface,
                   .metric = static_cast<std::uint32_t>(i + 1),
                   .table = draw.chance(3) ? 77 : static_cast<std::uint32_t>(kTableMain),
                   .protocol = draw.chance(2) ? std::uint8_t{kProtocolDhcp} : std::uint8_t{kProtocolStatic},
                   .type = refuses ? types[draw.below(3)] : RouteType::kUnicast});
  }
  if (draw.chance(2))
    machine.route({.destination = "default", .interface = "eth0", .gateway = "192.168.7.1", .metric = 500});
  for (int i = 0; i < 4; ++i) machine.rule(random_rule(draw, draw.family()));
  return machine.snapshot();
}

/// Addresses where something may change, and any others.
std::vector<IpAddress> addresses_to_try(Draw& draw, const Snapshot& snapshot, const FamilyCoverage& coverage,
                                        Family family) {
  std::vector<IpAddress> addresses;
  const auto add = [&](const IpPrefix& prefix) {
    if (prefix.family() != family) return;
    addresses.push_back(prefix.address);
    addresses.push_back(prefix.last_address());
  };
  for (const Route& route : snapshot.routes->routes) add(route.destination);
  for (const OutsidePrefix& each : coverage.outside) add(each.prefix);
  for (int i = 0; i < 100; ++i) addresses.push_back(random_prefix(draw, family).last_address());
  return addresses;
}

bool is_own(const Snapshot& snapshot, const FlowAnswer& answer, const IpAddress& address) {
  const auto is_it = [&](const Address& each) { return each.address == address; };
  return answer.fate == FlowFate::kLocal && std::ranges::any_of(*snapshot.addresses, is_it);
}

void expect_rows_of_lookups(Draw& draw, const Snapshot& snapshot, const Fib& fib, const FamilyCoverage& coverage,
                            Family family) {
  const AddressClasses classes(snapshot, family);
  std::set<const Route*> public_routes;
  for (const OutsideRoute& each : coverage.outside_routes) {
    const Route* route = &snapshot.routes->routes.at(each.route);
    EXPECT_TRUE(route->destination.contains(each.sample));
    EXPECT_TRUE(!each.is_public || public_routes.insert(route).second) << "twice";
  }
  for (const IpAddress& address : addresses_to_try(draw, snapshot, coverage, family)) {
    Flow flow;
    flow.destination = address;
    const PacketPath path = packet_path(snapshot, fib, flow);
    if (address.is_unspecified() || is_own(snapshot, fib.lookup(flow), address)) continue;
    const auto has_it = [&](const OutsidePrefix& each) { return each.prefix.contains(address); };
    const auto row = std::ranges::find_if(coverage.outside, has_it);
    ASSERT_EQ(row != coverage.outside.end(), path.way == PacketWay::kOutside) << address.to_string();
    if (row == coverage.outside.end()) continue;
    EXPECT_EQ(std::ranges::count_if(coverage.outside, has_it), 1) << address.to_string();
    EXPECT_EQ(row->interface, path.interface) << address.to_string();
    EXPECT_EQ(row->address_class, classes.of(AddressNumber::of(address)).address_class) << address.to_string();
    EXPECT_TRUE(!is_public_class(row->address_class) || public_routes.contains(path.route)) << address.to_string();
  }
}

/// What goes each way is what the rows of that way have.
void expect_ways_of_rows(const FamilyCoverage& coverage) {
  ASSERT_FALSE(coverage.is_cut);
  std::size_t rows = 0;
  for (const OutsideWay& way : coverage.outside_ways) {
    double share = 0;
    std::size_t count = 0;
    unsigned shortest = 128;
    for (const OutsidePrefix& row : coverage.outside) {
      const bool is_of_it = row.address_class == way.largest.address_class && row.interface == way.largest.interface &&
                            row.gateway == way.largest.gateway && row.protocol == way.largest.protocol;
      if (!is_of_it) continue;
      ++count;
      share += std::ldexp(1.0, -static_cast<int>(row.prefix.length));
      shortest = std::min<unsigned>(shortest, row.prefix.length);
    }
    EXPECT_EQ(way.prefixes_count, count);
    EXPECT_EQ(way.largest.prefix.length, shortest);
    EXPECT_NEAR(way.share, share, 1e-12);
    rows += count;
  }
  EXPECT_EQ(rows, coverage.outside.size());
}

/// No two rows with the same way and class could be one.
void expect_fewest(const FamilyCoverage& coverage) {
  const auto is_one = [](const OutsidePrefix& left, const OutsidePrefix& right) {
    return left.address_class == right.address_class && left.interface == right.interface &&
           left.gateway == right.gateway && left.protocol == right.protocol;
  };
  for (const OutsidePrefix& each : coverage.outside) {
    std::vector<IpPrefix> alike;
    for (const OutsidePrefix& other : coverage.outside) {
      if (is_one(each, other)) alike.push_back(other.prefix);
    }
    EXPECT_EQ(aggregate(alike), alike);
  }
}

void expect_share_of_lookups(const Snapshot& snapshot, const Fib& fib, const FamilyCoverage& coverage, Family family) {
  const AddressClasses classes(snapshot, family);
  double share = 0;
  bool counts = false;
  Flow flow;
  flow.destination = IpPrefix::everything(family).address;
  fib.for_each_range(
      flow, IpPrefix::everything(family), [&](const IpAddress& first, const IpAddress& last, const FlowAnswer&) {
        flow.destination = first;
        if (packet_path(snapshot, fib, flow).way != PacketWay::kTunnel) return;
        share += share_of({first, last}, IpPrefix::everything(family));
        const AddressClass address_class = classes.of(AddressNumber::of(first)).address_class;
        counts = counts || (address_class != AddressClass::kLinkLocal && address_class != AddressClass::kMulticast);
      });
  EXPECT_NEAR(coverage.tunnel_share, counts ? share : 0, 1e-12);
}

TEST(CoverageRandom, IsWhatOneLookupForEachAddressSays) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    Draw draw(random);
    const Snapshot snapshot = random_machine(draw);
    const Fib fib(snapshot);
    const Coverage coverage = find_coverage(snapshot, fib, 0);
    for (const Family family : {Family::kInet, Family::kInet6}) {
      EXPECT_NE(coverage.of(family).mode, CoverageMode::kUnknown) << coverage.of(family).why_unknown;
      expect_rows_of_lookups(draw, snapshot, fib, coverage.of(family), family);
      expect_fewest(coverage.of(family));
      expect_ways_of_rows(coverage.of(family));
      expect_share_of_lookups(snapshot, fib, coverage.of(family), family);
    }
  }
}

TEST(CoverageRandom, AnySnapshotIsCovered) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937_64 random(seed);
    const Snapshot snapshot = testing_support::random_snapshot(random);
    const Coverage coverage = find_coverage(snapshot, Fib(snapshot), 0);
    for (const FamilyCoverage* each : {&coverage.inet, &coverage.inet6}) {
      EXPECT_GE(each->tunnel_share, 0);
      EXPECT_LE(each->tunnel_share, 1);
      EXPECT_EQ(each->mode == CoverageMode::kUnknown, !each->why_unknown.empty());
    }
  }
}

}  // namespace
}  // namespace vpndoctor
