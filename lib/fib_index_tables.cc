// SPDX-License-Identifier: Apache-2.0
// Sorts routes into tables and prefixes, in the order in which the kernel tries those of one prefix.
#include <algorithm>

#include "fib_index.h"

namespace vpndoctor {
namespace {

constexpr std::uint32_t kClonedRoute = 0x200;  // RTM_F_CLONED: a cached exception, no route of the table

// The aliases of one prefix: the larger TOS first, then the smaller metric, then as the kernel told them.
void order_inet(const RouteTable& routes, std::span<std::uint32_t> numbers) {
  std::ranges::sort(numbers, [&](std::uint32_t a, std::uint32_t b) {
    const Route& left = routes.routes[a];
    const Route& right = routes.routes[b];
    if (left.tos != right.tos) return left.tos > right.tos;
    return left.metric != right.metric ? left.metric < right.metric : a < b;
  });
}

// Source-specific routes first, the longest source first; then the smaller metric, then as the kernel told them.
void order_inet6(const RouteTable& routes, std::span<std::uint32_t> numbers) {
  std::ranges::sort(numbers, [&](std::uint32_t a, std::uint32_t b) {
    const std::optional<IpPrefix>& left = routes.attributes(routes.routes[a]).source;
    const std::optional<IpPrefix>& right = routes.attributes(routes.routes[b]).source;
    const int left_length = left ? left->length : 0;
    const int right_length = right ? right->length : 0;
    if (left_length != right_length) return left_length > right_length;
    if (left_length > 0 && left->address != right->address) return left->address < right->address;
    const std::uint32_t left_metric = routes.routes[a].metric;
    const std::uint32_t right_metric = routes.routes[b].metric;
    return left_metric != right_metric ? left_metric < right_metric : a < b;
  });
}

// Numbers the kinds of routes.
class KindNumbers {
 public:
  explicit KindNumbers(std::vector<RouteKind>& kinds) : kinds_(&kinds) {}

  std::uint32_t number(const RouteKind& kind) {
    if (last_ < kinds_->size() && (*kinds_)[last_] == kind) return last_;
    const auto [at, added] = numbers_.try_emplace(kind, static_cast<std::uint32_t>(kinds_->size()));
    if (added) kinds_->push_back(kind);
    return last_ = at->second;
  }

 private:
  struct Hash {
    std::size_t operator()(const RouteKind& kind) const {
      const auto small = std::uint64_t{static_cast<std::uint8_t>(kind.type)} << 17U | std::uint64_t{kind.tos} << 9U |
                         std::uint64_t{kind.scope} << 1U | std::uint64_t{kind.is_default};
      std::uint64_t hash = (std::uint64_t{kind.next_hops} << 32U | kind.attributes) * 0x9e3779b97f4a7c15U;
      hash = (hash ^ small ^ (hash >> 29U)) * 0xbf58476d1ce4e5b9U;
      return hash ^ (hash >> 32U);
    }
  };

  std::vector<RouteKind>* kinds_;
  std::unordered_map<RouteKind, std::uint32_t, Hash> numbers_;
  std::uint32_t last_ = 0;
};

template <class Key>
void add_tables(FibIndex& index, FamilyIndex<Key>& family) {
  std::map<std::uint32_t, std::vector<PrefixEntry<Key>>> tables;
  std::vector<PrefixEntry<Key>>* table = nullptr;
  std::uint32_t id = 0;
  constexpr Family kWanted = sizeof(Key) == 4 ? Family::kInet : Family::kInet6;
  KindNumbers kinds(index.kinds);
  for (std::uint32_t number = 0; number < index.routes->routes.size(); ++number) {
    const Route& route = index.route(number);
    if (route.destination.family() != kWanted) continue;
    if ((index.routes->attributes(route).flags & kClonedRoute) != 0) continue;
    if (table == nullptr || id != route.table) table = &tables[id = route.table];
    table->push_back({.address = key_of<Key>(route.destination.address),
                      .length = route.destination.length,
                      .route = number,
                      .kind = kinds.number(RouteKind::of(route))});
  }
  const auto order = [&](std::span<std::uint32_t> numbers) {
    sizeof(Key) == 4 ? order_inet(*index.routes, numbers) : order_inet6(*index.routes, numbers);
  };
  for (auto& [table_id, entries] : tables) {
    family.tables.push_back({.id = table_id, .prefixes = LongestPrefix<Key>(std::move(entries), order)});
  }
  const auto size = [](const FibTable<Key>& each) { return each.prefixes.ranges().size(); };
  if (!family.tables.empty()) family.largest = &*std::ranges::max_element(family.tables, {}, size);
}

}  // namespace

void add_tables(FibIndex& index) {
  add_tables(index, index.inet);
  add_tables(index, index.inet6);
}

}  // namespace vpndoctor
