// SPDX-License-Identifier: Apache-2.0
// Follows net/ipv4/fib_trie.c fib_table_insert() and net/ipv6/ip6_fib.c fib6_add_rt2node() in what the flags of an
// event say about its place among the routes of its key.
#include "watched_routes.h"

#include <linux/netlink.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "route_reader.h"
#include "vpndoctor/route_diff.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostKnown = 4096;
constexpr std::size_t kMostDead = 100'000;
constexpr std::size_t kMostSets = 1'000'000;

std::uint64_t key_hash(const Route& route) {
  std::uint64_t words[3];
  std::memcpy(words, route.destination.address.bytes.data(), 16);
  words[2] = (std::uint64_t{route.table} << 32U | route.metric) ^ std::uint64_t{route.destination.length} << 20U ^
             std::uint64_t{route.tos} << 12U;
  std::uint64_t hash = static_cast<std::uint64_t>(route.destination.family());
  for (const std::uint64_t word : words) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
    hash ^= hash >> 32U;
  }
  return hash;
}

/// A leg without its state and weight, which both differ between the events of one route.
bool same_leg(const NextHop& left, const NextHop& right) {
  return left.gateway == right.gateway && left.interface == right.interface &&
         left.encapsulation == right.encapsulation;
}

bool has_legs(const NextHopSet& larger, const NextHopSet& smaller) {
  return std::ranges::all_of(smaller.hops, [&](const NextHop& leg) {
    return std::ranges::any_of(larger.hops, [&](const NextHop& other) { return same_leg(leg, other); });
  });
}

}  // namespace

void WatchedRoutes::assign(RouteTable table, std::vector<NextHopObject> objects) {
  table_ = std::move(table);
  objects_ = std::move(objects);
  alive_.assign(table_.routes.size(), true);
  by_key_.clear();
  by_key_.reserve(table_.routes.size());
  for (Slot slot = 0; slot < table_.routes.size(); ++slot) index(slot);
  known_.clear();
  doubtful_ = false;
  dead_ = 0;
}

void WatchedRoutes::index(Slot slot) { by_key_.emplace(key_hash(table_.routes[slot]), slot); }

std::optional<Route> WatchedRoutes::decode(Bytes payload, InterfaceNames& names) {
  const auto key = decode_route_key(payload, rest_);
  if (!key || key->cloned) return std::nullopt;
  auto found = known_.find(rest_);
  if (found == known_.end()) {
    auto message = decode_route(payload, names);
    if (!message) return std::nullopt;
    if (!complete_legs(message->next_hops, objects_)) doubtful_ = true;
    if (known_.size() >= kMostKnown) known_.clear();
    const Sets sets{add_set(std::move(message->next_hops)), static_cast<std::uint32_t>(table_.attribute_sets.size())};
    table_.attribute_sets.push_back(message->attributes);
    found = known_.emplace(rest_, sets).first;
  }
  Route route = key->route;
  route.next_hops = found->second.next_hops;
  route.attributes = found->second.attributes;
  return route;
}

std::uint32_t WatchedRoutes::add_set(NextHopSet set) {
  if (table_.next_hop_sets.size() >= kMostSets) doubtful_ = true;
  table_.next_hop_sets.push_back(std::move(set));
  return static_cast<std::uint32_t>(table_.next_hop_sets.size() - 1);
}

/// The routes of one key in their order.
std::vector<WatchedRoutes::Slot> WatchedRoutes::slots_of(const Route& route) const {
  std::vector<Slot> slots;
  const auto [begin, end] = by_key_.equal_range(key_hash(route));
  for (auto each = begin; each != end; ++each) {
    const Route& other = table_.routes[each->second];
    const bool is_same_key = other.destination == route.destination && other.table == route.table &&
                             other.metric == route.metric && other.tos == route.tos &&
                             table_.attributes(other).source == table_.attributes(route).source;
    if (is_same_key) slots.push_back(each->second);
  }
  std::ranges::sort(slots);
  return slots;
}

std::optional<WatchedRoutes::Slot> WatchedRoutes::find_same(const std::vector<Slot>& slots, const Route& route) const {
  for (const Slot slot : slots) {
    if (same_route(table_, table_.routes[slot], table_, route)) return slot;
  }
  return std::nullopt;
}

/// IPv6 tells the legs of one route one by one or together: finds the route that has all of this one's legs, or whose
/// legs this one has (`smaller`).
std::optional<WatchedRoutes::Slot> WatchedRoutes::find_related(const std::vector<Slot>& slots, const Route& route,
                                                               bool smaller) const {
  const NextHopSet& legs = table_.next_hop_sets[route.next_hops];
  for (const Slot slot : slots) {
    const NextHopSet& others = table_.next_hop_sets[table_.routes[slot].next_hops];
    if (others.hops.empty() || legs.hops.empty() || others.hops.size() == legs.hops.size()) continue;
    if (smaller ? has_legs(legs, others) : has_legs(others, legs)) return slot;
  }
  return std::nullopt;
}

std::optional<RouteChange> WatchedRoutes::replace(Slot slot, const Route& route) {
  const Route before = std::exchange(table_.routes[slot], route);
  return RouteChange{before, route};
}

RouteChange WatchedRoutes::append(const Route& route) {
  table_.routes.push_back(route);
  alive_.push_back(true);
  index(static_cast<Slot>(table_.routes.size() - 1));
  return {std::nullopt, route};
}

RouteChange WatchedRoutes::erase(Slot slot) {
  const auto [begin, end] = by_key_.equal_range(key_hash(table_.routes[slot]));
  by_key_.erase(std::find_if(begin, end, [slot](const auto& each) { return each.second == slot; }));
  alive_[slot] = false;
  ++dead_;
  // Reading again gives the memory back.
  if (dead_ > by_key_.size() + kMostDead) doubtful_ = true;
  return {table_.routes[slot], std::nullopt};
}

std::optional<RouteChange> WatchedRoutes::shrink(Slot slot, const Route& route) {
  const NextHopSet& gone = table_.next_hop_sets[route.next_hops];
  NextHopSet left = table_.next_hop_sets[table_.routes[slot].next_hops];
  std::erase_if(left.hops, [&](const NextHop& leg) {
    return std::ranges::any_of(gone.hops, [&](const NextHop& other) { return same_leg(leg, other); });
  });
  Route after = table_.routes[slot];
  after.next_hops = add_set(std::move(left));
  return replace(slot, after);
}

std::optional<RouteChange> WatchedRoutes::add(Bytes payload, std::uint16_t flags, InterfaceNames& names) {
  const auto route = decode(payload, names);
  if (!route) return std::nullopt;
  const std::vector<Slot> slots = slots_of(*route);
  if (slots.empty()) return append(*route);
  const bool is_inet = route->destination.family() == Family::kInet;
  const bool replaces = (flags & NLM_F_REPLACE) != 0;
  if (const auto same = find_same(slots, *route)) {
    // Already read, or a replacement that moved it among others of its key.
    if (slots.size() > 1 && is_inet) doubtful_ = true;
    table_.routes[*same] = *route;
    return std::nullopt;
  }
  if (is_inet) {
    if (replaces) return replace(slots.front(), *route);
    // Only an appended one comes last; another stands before the first, or its like went without an event.
    if ((flags & NLM_F_APPEND) == 0) doubtful_ = true;
    return append(*route);
  }
  doubtful_ = true;
  if (const auto part = find_related(slots, *route, true)) return replace(*part, *route);
  return replaces ? replace(slots.front(), *route) : append(*route);
}

std::optional<RouteChange> WatchedRoutes::remove(Bytes payload, InterfaceNames& names) {
  const auto route = decode(payload, names);
  if (!route) return std::nullopt;
  const std::vector<Slot> slots = slots_of(*route);
  if (const auto same = find_same(slots, *route)) return erase(*same);
  // Removed already when it was read, or told in another shape than it was added.
  doubtful_ = true;
  if (const auto whole = find_related(slots, *route, false)) return shrink(*whole, *route);
  return std::nullopt;
}

RouteTable WatchedRoutes::table() const {
  RouteTable table;
  table.next_hop_sets = table_.next_hop_sets;
  table.attribute_sets = table_.attribute_sets;
  for (Slot slot = 0; slot < table_.routes.size(); ++slot) {
    if (alive_[slot]) table.routes.push_back(table_.routes[slot]);
  }
  return table;
}

RouteTable WatchedRoutes::release() {
  by_key_ = {};
  known_.clear();
  Slot kept = 0;
  for (Slot slot = 0; slot < table_.routes.size(); ++slot) {
    if (alive_[slot]) table_.routes[kept++] = table_.routes[slot];
  }
  table_.routes.resize(kept);
  alive_.clear();
  return std::exchange(table_, {});
}

}  // namespace vpndoctor
