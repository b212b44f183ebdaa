// SPDX-License-Identifier: Apache-2.0
// A part of a machine answers as the whole does, over drawn machines, plausible and not; without tunnels as the machine
// does whose tunnels were taken away one by one.
#include "fib_part.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "draw.h"
#include "drawn_machine.h"
#include "machine.h"
#include "random_snapshot.h"
#include "snapshot_difference.h"
#include "vpndoctor/fib.h"

namespace vpndoctor {
namespace {

using testing_support::any_interface;
using testing_support::Draw;
using testing_support::drawn_rule;
using testing_support::four_links;
using testing_support::kFourLinks;
using testing_support::Machine;

/// Of few addresses, so that routes and flows meet.
IpAddress small_address(Draw& draw, Family family) {
  IpAddress address{.family = family, .bytes = {}};
  address.bytes[0] = family == Family::kInet ? std::uint8_t{9} : std::uint8_t{0x20};
  for (std::size_t at = 1; at < address.octets().size(); ++at)
    address.bytes[at] = static_cast<std::uint8_t>(draw.below(2));
  return draw.chance(8) ? draw.address(family) : address;
}

IpPrefix small_prefix(Draw& draw, Family family) {
  return IpPrefix::of(small_address(draw, family), static_cast<unsigned>(draw.below(address_bits(family) + 1)));
}

Rule small_rule(Draw& draw, Family family) {
  Rule rule = drawn_rule(draw, family);
  if (draw.chance(3)) rule.destination = small_prefix(draw, family);
  if (draw.chance(3)) rule.source = small_prefix(draw, family);
  if (draw.chance(3)) rule.input_interface = any_interface(draw);
  return rule;
}

void add_route(Draw& draw, Machine& machine, std::uint32_t metric) {
  const Family family = draw.family();
  const RouteType types[] = {RouteType::kUnreachable, RouteType::kBlackhole, RouteType::kThrow, RouteType::kLocal};
  const std::uint32_t tables[] = {77, kTableMain, kTableMain, kTableLocal};
  const RouteType type = draw.chance(6) ? types[draw.below(4)] : RouteType::kUnicast;
  const bool needs_link = type == RouteType::kUnicast || type == RouteType::kLocal;
  machine.route({.destination = small_prefix(draw, family).to_string(),
                 .interface = needs_link ? any_interface(draw) : std::string(),
                 .gateway = needs_link && draw.chance(3) ? small_address(draw, family).to_string() : std::string(),
                 .metric = metric,
                 .table = tables[draw.below(4)],
                 .protocol = draw.chance(2) ? std::uint8_t{kProtocolKernel} : std::uint8_t{kProtocolStatic},
                 .type = type});
}

Snapshot small_machine(Draw& draw) {
  Machine machine = four_links();
  for (const char* interface : kFourLinks) {
    for (const Family family : {Family::kInet, Family::kInet6}) {
      if (draw.chance(3)) continue;
      const std::string address = small_address(draw, family).to_string();
      machine.address(interface, address + "/" + std::to_string(draw.below(address_bits(family)) + 1));
    }
    machine.filter(interface, static_cast<int>(draw.below(3)), static_cast<int>(draw.below(2)));
  }
  for (std::uint32_t i = 0; i < 30; ++i) add_route(draw, machine, i + 1);
  for (int i = static_cast<int>(draw.below(5)); i > 0; --i) machine.rule(small_rule(draw, draw.family()));
  Snapshot snapshot = machine.snapshot();
  if (draw.chance(2)) {
    for (const char* name : {"all", "eth0", "eth1"}) snapshot.settings->inet[name].forwarding = 1;
    snapshot.settings->inet6["all"].forwarding = 1;
  }
  return snapshot;
}

std::vector<Flow> small_flows(Draw& draw) {
  std::vector<Flow> flows(6);
  for (Flow& flow : flows) {
    const Family family = draw.family();
    flow.destination = small_address(draw, family);
    if (draw.chance(3)) flow.source = small_address(draw, family);
    if (flow.source && draw.chance(2)) flow.input_interface = any_interface(draw);
    if (draw.chance(3)) flow.mark = 5;
    if (draw.chance(6)) flow.output_interface = any_interface(draw);
  }
  return flows;
}

std::vector<IpAddress> addresses_of(const std::vector<Flow>& flows) {
  std::vector<IpAddress> addresses;
  for (const Flow& flow : flows) {
    addresses.push_back(flow.destination);
    if (flow.source) addresses.push_back(*flow.source);
  }
  return addresses;
}

void expect_equal(const FlowAnswer& part, const FlowAnswer& whole) {
  EXPECT_EQ(part.fate, whole.fate);
  EXPECT_EQ(part.interface, whole.interface);
  EXPECT_EQ(part.gateway, whole.gateway);
  EXPECT_EQ(part.source, whole.source);
  EXPECT_EQ(part.table, whole.table);
  EXPECT_EQ(part.depends_on, whole.depends_on);
  EXPECT_EQ(part.uncertain, whole.uncertain);
  ASSERT_EQ(part.route != nullptr, whole.route != nullptr);
  EXPECT_TRUE(part.route == nullptr || part.route->destination == whole.route->destination);
  ASSERT_EQ(part.candidates.size(), whole.candidates.size());
  for (std::size_t at = 0; at < part.candidates.size(); ++at) {
    EXPECT_EQ(part.candidates[at].interface, whole.candidates[at].interface);
    EXPECT_EQ(part.candidates[at].gateway, whole.candidates[at].gateway);
  }
}

void expect_equal_answers(const Snapshot& part, const Snapshot& whole, const std::vector<Flow>& flows) {
  const Fib part_fib(part);
  const Fib whole_fib(whole);
  for (const Flow& flow : flows) expect_equal(part_fib.lookup(flow), whole_fib.lookup(flow));
}

/// Calls `check` with drawn machines and flows, until an expectation fails.
void for_each_drawn(
    unsigned count,
    const std::function<void(Draw& draw, const Snapshot& whole, const std::vector<Flow>& flows)>& check) {
  for (unsigned seed = 0; seed < count; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    Draw draw(random);
    const Snapshot whole = small_machine(draw);
    check(draw, whole, small_flows(draw));
    if (testing::Test::HasFailure()) return;
  }
}

TEST(FibPart, AnswersAsTheWholeMachineDoes) {
  std::size_t kept = 0;
  for_each_drawn(1500, [&kept](Draw&, const Snapshot& whole, const std::vector<Flow>& flows) {
    const Snapshot part = part_of(whole, {.addresses = addresses_of(flows)});
    expect_equal_answers(part, whole, flows);
    kept += part.routes->routes.size() < whole.routes->routes.size() ? 1U : 0U;
  });
  EXPECT_GT(kept, 1000U) << "nothing is left out";
}

TEST(FibPart, OfAnySnapshotAnswersAsItDoes) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const Snapshot whole = testing_support::random_snapshot(random);
    Draw draw(random);
    std::vector<Flow> flows = small_flows(draw);
    if (whole.routes) {
      for (const Route& route : whole.routes->routes) {
        flows.emplace_back().destination = route.destination.address;
        if (flows.size() > 20) break;
      }
    }
    expect_equal_answers(part_of(whole, {.addresses = addresses_of(flows)}), whole, flows);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(FibPart, WhatIsNoRouteIsAllKept) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 50; ++i) {
    const Snapshot whole = testing_support::random_snapshot(random);
    const Snapshot part = part_of(whole, {});
    Snapshot expected = part;
    expected.links = whole.links;
    expected.addresses = whole.addresses;
    expected.rules = whole.rules;
    expected.next_hop_objects = whole.next_hop_objects;
    expected.neighbours = whole.neighbours;
    expected.settings = whole.settings;
    expected.names = whole.names;
    expected.tunnels = whole.tunnels;
    EXPECT_EQ(testing_support::difference(part, expected), "");
  }
}

TEST(FibPart, OneRealmAnywhereHasSourcesLookedUpInFull) {
  Machine machine = Machine::ordinary();
  machine.link("eth1").address("eth1", "203.0.113.1/24").filter("eth0", 0);
  machine.route({.destination = "9.1.0.0/16",
                 .interface = "lo",
                 .table = kTableLocal,
                 .protocol = kProtocolKernel,
                 .type = RouteType::kLocal});
  Snapshot whole = machine.snapshot();
  for (const char* name : {"all", "eth0", "eth1"}) whole.settings->inet[name].forwarding = 1;
  Flow flow;
  flow.source = IpAddress::parse("9.1.2.3");
  flow.destination = *IpAddress::parse("203.0.113.9");
  flow.input_interface = "eth0";
  EXPECT_EQ(Fib(whole).lookup(flow).fate, FlowFate::kUnicast);
  whole.routes->attribute_sets.emplace_back().realms = 7;
  EXPECT_NE(Fib(whole).lookup(flow).fate, FlowFate::kUnicast);
  expect_equal_answers(part_of(whole, {.addresses = addresses_of({flow})}), whole, {flow});
}

TEST(FibPart, WithoutLinksIsAsIfTheyWereTakenAwayOneByOne) {
  for_each_drawn(500, [](Draw&, const Snapshot& whole, const std::vector<Flow>& flows) {
    const Snapshot without = without_interface(without_interface(whole, "tun0"), "tun1");
    expect_equal_answers(part_of(whole, {.addresses = addresses_of(flows), .without_links = {"tun0", "tun1"}}), without,
                         flows);
  });
}

TEST(FibPart, LacksTheRoutesThatAreLeftOut) {
  for_each_drawn(500, [](Draw& draw, const Snapshot& whole, const std::vector<Flow>& flows) {
    std::vector<std::uint32_t> left_out;
    for (std::uint32_t number = 0; number < whole.routes->routes.size(); ++number) {
      if (whole.routes->routes[number].table != kTableLocal && draw.chance(4)) left_out.push_back(number);
    }
    Snapshot without = whole;
    std::uint32_t at = 0;
    std::erase_if(without.routes->routes,
                  [&](const Route& /*route*/) { return std::ranges::binary_search(left_out, at++); });
    expect_equal_answers(part_of(whole, {.addresses = addresses_of(flows), .left_out = left_out}), without, flows);
  });
}

}  // namespace
}  // namespace vpndoctor
