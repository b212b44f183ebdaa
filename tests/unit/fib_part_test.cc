// SPDX-License-Identifier: Apache-2.0
// A part of a machine answers as the whole does, over drawn machines, plausible and not; without tunnels as the machine
// does whose tunnels were taken away one by one.
#include "fib_part.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <set>

#include "draw.h"
#include "machine.h"
#include "random_snapshot.h"
#include "vpndoctor/fib.h"

namespace vpndoctor {
namespace {

using testing_support::Draw;
using testing_support::Machine;

constexpr std::array kInterfaces = {"eth0", "eth1", "tun0", "tun1"};

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
  Rule rule;
  rule.family = family;
  rule.priority = static_cast<std::uint32_t>(draw.below(1000));
  rule.table = draw.chance(2) ? 77 : static_cast<std::uint32_t>(kTableMain);
  if (draw.chance(3)) rule.destination = small_prefix(draw, family);
  if (draw.chance(3)) rule.source = small_prefix(draw, family);
  if (draw.chance(3)) rule.input_interface = kInterfaces[draw.below(kInterfaces.size())];
  if (draw.chance(4)) {
    rule.mark = 5;
    rule.mark_mask = UINT32_MAX;
    rule.inverted = draw.chance(2);
  }
  if (draw.chance(3)) rule.suppress_prefix_length = static_cast<std::uint32_t>(draw.below(20));
  return rule;
}

void add_route(Draw& draw, Machine& machine, std::uint32_t metric) {
  const Family family = draw.family();
  const RouteType types[] = {RouteType::kUnreachable, RouteType::kBlackhole, RouteType::kThrow, RouteType::kLocal};
  const std::uint32_t tables[] = {77, kTableMain, kTableMain, kTableLocal};
  const RouteType type = draw.chance(6) ? types[draw.below(4)] : RouteType::kUnicast;
  const bool needs_link = type == RouteType::kUnicast || type == RouteType::kLocal;
  machine.route({.destination = small_prefix(draw, family).to_string(),
                 .interface = needs_link ? kInterfaces[draw.below(kInterfaces.size())] : "",
                 .gateway = needs_link && draw.chance(3) ? small_address(draw, family).to_string() : "",
                 .metric = metric,
                 .table = tables[draw.below(4)],
                 .protocol = draw.chance(2) ? std::uint8_t{kProtocolKernel} : std::uint8_t{kProtocolStatic},
                 .type = type});
}

Snapshot small_machine(Draw& draw) {
  Machine machine;
  machine.link("eth0").link("eth1").tun("tun0").tun("tun1");
  for (const char* interface : kInterfaces) {
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
    if (flow.source && draw.chance(2)) flow.input_interface = kInterfaces[draw.below(kInterfaces.size())];
    if (draw.chance(3)) flow.mark = 5;
    if (draw.chance(6)) flow.output_interface = kInterfaces[draw.below(kInterfaces.size())];
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

TEST(FibPart, AnswersAsTheWholeMachineDoes) {
  std::size_t kept = 0;
  for (unsigned seed = 0; seed < 1500; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    Draw draw(random);
    const Snapshot whole = small_machine(draw);
    const std::vector<Flow> flows = small_flows(draw);
    const Snapshot part = part_of(whole, {.addresses = addresses_of(flows)});
    expect_equal_answers(part, whole, flows);
    kept += part.routes->routes.size() < whole.routes->routes.size() ? 1U : 0U;
    if (testing::Test::HasFailure()) return;
  }
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

TEST(FibPart, WithoutLinksIsAsIfTheyWereTakenAwayOneByOne) {
  for (unsigned seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    Draw draw(random);
    const Snapshot whole = small_machine(draw);
    const std::vector<Flow> flows = small_flows(draw);
    const Snapshot without = without_interface(without_interface(whole, "tun0"), "tun1");
    expect_equal_answers(part_of(whole, {.addresses = addresses_of(flows), .without_links = {"tun0", "tun1"}}), without,
                         flows);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(FibPart, LacksTheRoutesThatAreLeftOut) {
  for (unsigned seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    Draw draw(random);
    const Snapshot whole = small_machine(draw);
    const std::vector<Flow> flows = small_flows(draw);
    std::vector<std::uint32_t> left_out;
    for (std::uint32_t number = 0; number < whole.routes->routes.size(); ++number) {
      if (whole.routes->routes[number].table != kTableLocal && draw.chance(4)) left_out.push_back(number);
    }
    Snapshot without = whole;
    std::uint32_t at = 0;
    std::erase_if(without.routes->routes,
                  [&](const Route& /*route*/) { return std::ranges::binary_search(left_out, at++); });
    expect_equal_answers(part_of(whole, {.addresses = addresses_of(flows), .left_out = left_out}), without, flows);
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace vpndoctor
