// SPDX-License-Identifier: Apache-2.0
// Tables in the same order are compared side by side; else both are sorted by a hash of the key and merged.
#include "route_table_diff.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <tuple>
#include <utility>

#include "order_pairs.h"
#include "route_meaning.h"

namespace vpndoctor {
namespace {

/// A route by the hash of its key; those of one hash stay in the table's order.
struct HashedRoute {
  std::uint64_t hash = 0;
  std::uint32_t index = 0;
  auto operator<=>(const HashedRoute&) const = default;
};
using HashedRoutes = std::span<const HashedRoute>;

/// Sorts in two steps: into buckets by the hash's upper bits, then each bucket, which fits into the cache.
std::vector<HashedRoute> sorted(const std::vector<HashedRoute>& entries) {
  constexpr unsigned kBits = 16;
  const auto bucket_of = [](const HashedRoute& entry) { return static_cast<std::size_t>(entry.hash >> (64U - kBits)); };
  std::vector<std::size_t> ends((std::size_t{1} << kBits) + 1);
  for (const HashedRoute& entry : entries) ++ends[bucket_of(entry) + 1];
  std::partial_sum(ends.begin(), ends.end(), ends.begin());
  std::vector<HashedRoute> result(entries.size());
  for (const HashedRoute& entry : entries) result[ends[bucket_of(entry)]++] = entry;
  const auto place = [&](std::size_t at) { return result.begin() + static_cast<std::ptrdiff_t>(at); };
  for (std::size_t bucket = 0, begin = 0; bucket + 1 < ends.size(); begin = ends[bucket++]) {
    std::sort(place(begin), place(ends[bucket]));
  }
  return result;
}

/// Asks for the route that is compared a little later: they lie anywhere.
void prefetch(const RouteMeanings& table, HashedRoutes rest) {
  constexpr std::size_t kAhead = 12;
  if (rest.size() > kAhead) __builtin_prefetch(&table[rest[kAhead].index]);
}

class TableDiff {
 public:
  TableDiff(const RouteTable& before, const RouteTable& after)
      : before_(meaning_.of(before)), after_(meaning_.of(after)) {}

  FacetDiff take() {
    if (!is_same_in_order()) merge();
    std::sort(diff_.added.begin(), diff_.added.end());
    std::sort(diff_.removed.begin(), diff_.removed.end());
    std::sort(diff_.changed.begin(), diff_.changed.end(),
              [](const auto& left, const auto& right) { return left.after < right.after; });
    return std::move(diff_);
  }

 private:
  bool is_same_in_order() const {
    const std::vector<Route>& left = before_.table->routes;
    const std::vector<Route>& right = after_.table->routes;
    return std::equal(left.begin(), left.end(), right.begin(), right.end(), [&](const Route& one, const Route& other) {
      return same_route_key(before_, one, after_, other) && same_route_content(before_, one, after_, other);
    });
  }

  static std::vector<HashedRoute> sorted_entries(const RouteMeanings& table) {
    const std::vector<Route>& routes = table.table->routes;
    std::vector<HashedRoute> entries;
    entries.reserve(routes.size());
    for (std::uint32_t i = 0; i < routes.size(); ++i) {
      if (!table.is_noise(routes[i])) entries.push_back({route_key_hash(table, routes[i]), i});
    }
    return sorted(entries);
  }

  static HashedRoutes run_of_equal_hashes(HashedRoutes rest, std::uint64_t hash) {
    std::size_t count = 0;
    while (count < rest.size() && rest[count].hash == hash) ++count;
    return rest.first(count);
  }

  void merge() {
    const std::vector<HashedRoute> all_before = sorted_entries(before_);
    const std::vector<HashedRoute> all_after = sorted_entries(after_);
    HashedRoutes left = all_before;
    HashedRoutes right = all_after;
    while (!left.empty() || !right.empty()) {
      const bool from_left = !left.empty() && (right.empty() || left.front().hash <= right.front().hash);
      const std::uint64_t hash = from_left ? left.front().hash : right.front().hash;
      prefetch(before_, left);
      prefetch(after_, right);
      const HashedRoutes left_run = run_of_equal_hashes(left, hash);
      const HashedRoutes right_run = run_of_equal_hashes(right, hash);
      left = left.subspan(left_run.size());
      right = right.subspan(right_run.size());
      compare_runs(left_run, right_run);
    }
  }

  /// Routes of one hash: nearly always of one key.
  void compare_runs(HashedRoutes left, HashedRoutes right) {
    if (left.size() == 1 && right.size() == 1) {
      const Route& one = before_[left[0].index];
      const Route& other = after_[right[0].index];
      if (same_route_key(before_, one, after_, other)) return compare_pair(left[0].index, right[0].index);
    }
    if (right.empty()) return append(left, diff_.removed);
    if (left.empty()) return append(right, diff_.added);
    compare_by_key(left, right);
  }

  static void append(HashedRoutes entries, std::vector<std::uint32_t>& to) {
    for (const HashedRoute& entry : entries) to.push_back(entry.index);
  }

  void compare_pair(std::uint32_t before, std::uint32_t after) {
    if (!same_route_content(before_, before_[before], after_, after_[after])) diff_.changed.push_back({before, after});
  }

  /// A member of a group: where it stands on its side.
  struct Member {
    bool is_after = false;
    std::uint32_t index = 0;
  };

  const RouteMeanings& side(const Member& member) const { return member.is_after ? after_ : before_; }
  const Route& route(const Member& member) const { return side(member)[member.index]; }

  std::strong_ordering order_of_keys(const Member& left, const Member& right) const {
    const Route& one = route(left);
    const Route& other = route(right);
    if (const auto order = one.destination <=> other.destination; order != 0) return order;
    if (const auto order = one.table <=> other.table; order != 0) return order;
    if (const auto order = one.metric <=> other.metric; order != 0) return order;
    if (const auto order = one.tos <=> other.tos; order != 0) return order;
    return side(left).key_extra(one) <=> side(right).key_extra(other);
  }

  /// Several routes of one hash: sorted by their full keys, so that a hash that was made to collide costs no more.
  void compare_by_key(HashedRoutes left, HashedRoutes right) {
    std::vector<Member> members;
    for (const HashedRoute& entry : left) members.push_back({false, entry.index});
    for (const HashedRoute& entry : right) members.push_back({true, entry.index});
    std::sort(members.begin(), members.end(), [this](const Member& one, const Member& other) {
      const auto order = order_of_keys(one, other);
      return order == 0 ? std::tie(one.is_after, one.index) < std::tie(other.is_after, other.index) : order < 0;
    });
    for (std::size_t first = 0; first < members.size();) {
      std::size_t last = first + 1;
      while (last < members.size() && order_of_keys(members[first], members[last]) == 0) ++last;
      compare_group(std::span(members).subspan(first, last - first));
      first = last;
    }
  }

  /// Routes of one key, those before first, each side in its order.
  void compare_group(std::span<const Member> members) {
    const auto split = std::find_if(members.begin(), members.end(), [](const Member& each) { return each.is_after; });
    const std::span<const Member> left(members.begin(), split);
    const std::span<const Member> right(split, members.end());
    if (left.size() == 1 && right.size() == 1) return compare_pair(left[0].index, right[0].index);
    const Route& first = route(members[0]);
    const bool order_counts = first.destination.family() == Family::kInet && first.table != kTableLocal;
    const std::vector<OrderPair> pairs = match(left, right);
    keep_apart(left, right, order_counts ? longest_in_order(pairs) : pairs);
  }

  using Content = std::tuple<RouteType, std::uint8_t, std::uint8_t, std::uint32_t, std::uint32_t>;
  Content content(const Member& member) const {
    const Route& each = route(member);
    const RouteMeanings& table = side(member);
    return {each.type, each.protocol, each.scope, table.next_hops[each.next_hops], table.attributes[each.attributes]};
  }

  std::vector<std::pair<Content, std::size_t>> sorted_contents(std::span<const Member> members) const {
    std::vector<std::pair<Content, std::size_t>> contents;
    contents.reserve(members.size());
    for (std::size_t i = 0; i < members.size(); ++i) contents.emplace_back(content(members[i]), i);
    std::sort(contents.begin(), contents.end());
    return contents;
  }

  /// Pairs equal contents, the first with the first; ascending by `before`.
  std::vector<OrderPair> match(std::span<const Member> left, std::span<const Member> right) const {
    const auto one = sorted_contents(left);
    const auto other = sorted_contents(right);
    std::vector<OrderPair> pairs;
    for (std::size_t i = 0, j = 0; i < one.size() && j < other.size();) {
      if (one[i].first < other[j].first) {
        ++i;
      } else if (other[j].first < one[i].first) {
        ++j;
      } else {
        pairs.push_back({one[i++].second, other[j++].second});
      }
    }
    std::sort(pairs.begin(), pairs.end(), [](const OrderPair& a, const OrderPair& b) { return a.before < b.before; });
    return pairs;
  }

  /// What is in no pair went away or came.
  void keep_apart(std::span<const Member> left, std::span<const Member> right, const std::vector<OrderPair>& pairs) {
    std::vector<bool> left_paired(left.size());
    std::vector<bool> right_paired(right.size());
    for (const OrderPair& pair : pairs) left_paired[pair.before] = right_paired[pair.after] = true;
    for (std::size_t i = 0; i < left.size(); ++i) {
      if (!left_paired[i]) diff_.removed.push_back(left[i].index);
    }
    for (std::size_t i = 0; i < right.size(); ++i) {
      if (!right_paired[i]) diff_.added.push_back(right[i].index);
    }
  }

  RouteMeaning meaning_;
  RouteMeanings before_;
  RouteMeanings after_;
  FacetDiff diff_;
};

}  // namespace

FacetDiff diff_route_tables(const RouteTable& before, const RouteTable& after) {
  return TableDiff(before, after).take();
}

}  // namespace vpndoctor
