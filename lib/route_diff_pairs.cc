// SPDX-License-Identifier: Apache-2.0
// Sorts both sides by what a pair has in common and merges.
#include "route_diff_pairs.h"

#include <algorithm>
#include <compare>
#include <span>
#include <utility>

#include "route_meaning.h"

namespace vpndoctor {
namespace {

/// What the two routes of a pair have in common.
struct Place {
  IpPrefix destination;
  std::uint32_t table = 0;
  std::uint32_t legs = 0;
  std::uint64_t key_extra = 0;
  RouteType type = RouteType::kUnicast;
  std::uint8_t tos = 0;
  auto operator<=>(const Place&) const = default;
};

/// What else a route says; equal for one that only moved.
struct Content {
  std::uint32_t metric = 0;
  std::uint32_t attributes = 0;
  std::uint8_t protocol = 0;
  std::uint8_t scope = 0;
  auto operator<=>(const Content&) const = default;
};

struct PlacedRoute {
  Place place;
  Content content;
  std::uint32_t index = 0;
  auto operator<=>(const PlacedRoute&) const = default;
};
using PlacedRoutes = std::span<const PlacedRoute>;

std::vector<PlacedRoute> sorted(const RouteMeanings& table, const std::vector<std::uint32_t>& indexes) {
  std::vector<PlacedRoute> entries;
  entries.reserve(indexes.size());
  for (const std::uint32_t index : indexes) {
    const Route& route = table[index];
    entries.push_back({.place = {.destination = route.destination,
                                 .table = route.table,
                                 .legs = table.next_hops[route.next_hops],
                                 .key_extra = table.key_extra(route),
                                 .type = route.type,
                                 .tos = route.tos},
                       .content = {route.metric, table.attributes[route.attributes], route.protocol, route.scope},
                       .index = index});
  }
  std::ranges::sort(entries);
  return entries;
}

PlacedRoutes take_place(PlacedRoutes& rest) {
  std::size_t count = 1;
  while (count < rest.size() && rest[0].place == rest[count].place) ++count;
  const PlacedRoutes place = rest.first(count);
  rest = rest.subspan(count);
  return place;
}

/// Of one place nearly always one each. Equal ones moved among those of their key; the rest is paired in its order.
void pair_place(PlacedRoutes left, PlacedRoutes right, RoutePairs& pairs) {
  std::vector<const PlacedRoute*> left_rest;
  std::vector<const PlacedRoute*> right_rest;
  while (!left.empty() || !right.empty()) {
    const auto order = left.empty()    ? std::strong_ordering::greater
                       : right.empty() ? std::strong_ordering::less
                                       : left.front().content <=> right.front().content;
    if (order == 0) pairs.reordered.push_back({left.front().index, right.front().index});
    if (order < 0) left_rest.push_back(&left.front());
    if (order > 0) right_rest.push_back(&right.front());
    if (order <= 0) left = left.subspan(1);
    if (order >= 0) right = right.subspan(1);
  }
  for (std::size_t i = 0; i < std::min(left_rest.size(), right_rest.size()); ++i) {
    const bool is_moved = left_rest[i]->content.metric != right_rest[i]->content.metric;
    if (is_moved) pairs.new_metric.push_back({left_rest[i]->index, right_rest[i]->index});
  }
}

}  // namespace

RoutePairs pair_routes(const RouteTable& before, const RouteTable& after, const FacetDiff& diff) {
  if (diff.removed.empty() || diff.added.empty()) return {};
  RouteMeaning meaning;
  const std::vector<PlacedRoute> removed = sorted(meaning.of(before), diff.removed);
  const std::vector<PlacedRoute> added = sorted(meaning.of(after), diff.added);
  RoutePairs pairs;
  for (PlacedRoutes left = removed, right = added; !left.empty() && !right.empty();) {
    if (left.front().place == right.front().place) {
      const PlacedRoutes left_place = take_place(left);
      pair_place(left_place, take_place(right), pairs);
    } else {
      take_place(left.front().place < right.front().place ? left : right);
    }
  }
  return pairs;
}

}  // namespace vpndoctor
