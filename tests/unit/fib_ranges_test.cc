// SPDX-License-Identifier: Apache-2.0
// Answers for all destinations at once: exact for what machines have, bounded for what a hostile file has.
#include <gtest/gtest.h>

#include "vpndoctor/fib.h"

namespace vpndoctor {
namespace {

/// As many rules as tables, each with one route.
Snapshot with_rules(std::uint32_t count) {
  Snapshot snapshot;
  snapshot.links = Observed<std::vector<Link>>({}, "test");
  snapshot.addresses = Observed<std::vector<Address>>({}, "test");
  snapshot.rules = Observed<std::vector<Rule>>({}, "test");
  RouteTable table;
  table.next_hop_sets.emplace_back();
  table.attribute_sets.emplace_back();
  for (std::uint32_t i = 0; i < count; ++i) {
    Rule rule;
    rule.priority = i;
    rule.table = 1000 + i;
    snapshot.rules->push_back(rule);
    Route route;
    route.type = RouteType::kBlackhole;
    route.table = 1000 + i;
    route.destination =
        IpPrefix::of({Family::kInet, {10, static_cast<std::uint8_t>(i >> 8U), static_cast<std::uint8_t>(i), 0}}, 24);
    table.routes.push_back(route);
  }
  snapshot.routes = Observed<RouteTable>(std::move(table), "test");
  return snapshot;
}

struct Visited {
  std::size_t ranges = 0;
  std::size_t uncertain = 0;
};

Visited visit(const Snapshot& snapshot) {
  const Fib fib(snapshot);
  Visited visited;
  Flow flow;
  flow.destination = IpAddress{Family::kInet, {}};
  IpAddress end;
  fib.for_each_range(flow, IpPrefix::everything(Family::kInet),
                     [&](const IpAddress&, const IpAddress& last, const FlowAnswer& answer) {
                       end = last;
                       ++visited.ranges;
                       visited.uncertain += answer.uncertain.empty() ? 0 : 1;
                     });
  EXPECT_EQ(end, IpAddress::parse("255.255.255.255"));
  return visited;
}

TEST(FibRanges, FewRulesAreAnsweredExactlyAndVeryManyAreBounded) {
  const Visited few = visit(with_rules(60));
  EXPECT_GT(few.ranges, 60U);
  EXPECT_EQ(few.uncertain, 0U);
  const Visited many = visit(with_rules(10'000));
  EXPECT_LT(many.ranges, 2'100U);
  EXPECT_EQ(many.uncertain, many.ranges);
}

}  // namespace
}  // namespace vpndoctor
