// SPDX-License-Identifier: Apache-2.0
// The difference of random route tables: what it must name, and what applying it must give.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "unit/diff_states.h"

namespace vpndoctor {
namespace {

using namespace diff_testing;

/// Random tables with few keys, so that the same key comes often.
class RandomTable {
 public:
  explicit RandomTable(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_); }

  Entry route() {
    static constexpr const char* kDestinations[] = {"0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "::/0", "2001:db8::/32"};
    Entry made = entry(kDestinations[below(5)], hops(), static_cast<std::uint32_t>(below(3)));
    made.route.table = below(3) == 0 ? 100U : std::uint32_t{kTableMain};
    made.route.protocol = static_cast<std::uint8_t>(3 + below(2));
    return made;
  }

  std::vector<Entry> routes(std::size_t count) {
    std::vector<Entry> made;
    for (std::size_t i = 0; i < count; ++i) made.push_back(route());
    return made;
  }

  /// Another order of keys and legs; routes of one key keep theirs.
  std::vector<Entry> reordered(std::vector<Entry> routes) {
    for (Entry& each : routes) std::shuffle(each.next_hops.hops.begin(), each.next_hops.hops.end(), random_);
    const unsigned salt = static_cast<unsigned>(below(1000));
    const auto place = [salt](const Entry& each) {
      const std::string key =
          fmt::format("{}{} {} {}", salt, each.route.destination, each.route.table, each.route.metric);
      return std::hash<std::string>{}(key);
    };
    std::stable_sort(routes.begin(), routes.end(),
                     [&](const Entry& one, const Entry& other) { return place(one) < place(other); });
    return routes;
  }

 private:
  std::vector<NextHop> hops() {
    std::vector<NextHop> made;
    for (std::size_t i = 0, count = 1 + below(3); i < count; ++i) {
      made.push_back(leg(fmt::format("eth{}", below(2)), fmt::format("192.0.2.{}", 1 + below(4))));
    }
    return made;
  }

  std::mt19937 random_;
};

TEST(RouteDiff, AnotherOrderOfKeysAndLegsIsNoDifference) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    RandomTable random(seed);
    const auto routes = random.routes(1 + random.below(40));
    EXPECT_TRUE(routes_diff(routes, random.reordered(routes)).is_empty()) << seed;
  }
}

TEST(RouteDiff, NamesExactlyTheEntryThatWasAddedOrRemoved) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    RandomTable random(seed);
    const auto before = random.routes(1 + random.below(40));
    auto after = before;
    const std::size_t place = random.below(after.size() + 1);
    Entry fresh = random.route();
    fresh.route.protocol = 99;
    after.insert(after.begin() + static_cast<std::ptrdiff_t>(place), fresh);
    const FacetDiff forward = routes_diff(before, after);
    EXPECT_EQ(forward.added, std::vector{static_cast<std::uint32_t>(place)}) << seed;
    EXPECT_TRUE(forward.removed.empty() && forward.changed.empty()) << seed;
    const FacetDiff backward = routes_diff(after, before);
    EXPECT_EQ(backward.removed, forward.added) << seed;
    EXPECT_TRUE(backward.added.empty() && backward.changed.empty()) << seed;
  }
}

TEST(RouteDiff, ApplyingTheDifferenceGivesTheOtherTable) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    RandomTable random(seed);
    const auto before = random.routes(random.below(40));
    const auto after = random.routes(random.below(40));
    const FacetDiff diff = routes_diff(before, after);
    EXPECT_EQ(before.size() - diff.removed.size(), after.size() - diff.added.size()) << seed;
    std::vector<Entry> kept;
    std::vector<Entry> common;
    for (std::uint32_t i = 0; i < before.size(); ++i) {
      const auto changed = std::find_if(diff.changed.begin(), diff.changed.end(),
                                        [i](const FacetDiff::Changed& each) { return each.before == i; });
      if (changed != diff.changed.end())
        kept.push_back(after[changed->after]);
      else if (!std::binary_search(diff.removed.begin(), diff.removed.end(), i))
        kept.push_back(before[i]);
    }
    for (std::uint32_t i = 0; i < after.size(); ++i) {
      if (!std::binary_search(diff.added.begin(), diff.added.end(), i)) common.push_back(after[i]);
    }
    EXPECT_TRUE(routes_diff(kept, common).is_empty()) << seed;
    EXPECT_EQ(routes_diff(after, before).changed.size(), diff.changed.size()) << seed;
  }
}

TEST(RouteDiff, SameRouteAgreesWithTheDiff) {
  RandomTable random(7);
  for (int i = 0; i < 2000; ++i) {
    const std::vector<Entry> one = {random.route()};
    const std::vector<Entry> other = random.reordered({random.below(2) == 0 ? one[0] : random.route()});
    const RouteTable left = table_of(one);
    const RouteTable right = table_of(other);
    EXPECT_EQ(same_route(left, left.routes[0], right, right.routes[0]), routes_diff(one, other).is_empty());
  }
}

}  // namespace
}  // namespace vpndoctor
