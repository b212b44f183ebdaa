// SPDX-License-Identifier: Apache-2.0
// What a route means, as small numbers: equal next hops and equal attributes get the same number, also across tables,
// whatever the order of legs, their state and nexthop ids. Comparing a million routes then compares integers.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "vpndoctor/network.h"

namespace vpndoctor {

/// RTM_F_CLONED (include/uapi/linux/rtnetlink.h): an entry of the path MTU and redirect cache, no configuration.
inline constexpr std::uint32_t kRouteCloned = 0x200;

/// Returns bytes that are equal when two sets mean the same: legs in any order, without state and object id.
std::string meaning_of(const NextHopSet& set);
/// The same of attributes, without the source prefix, which is part of a route's key, and without state.
std::string meaning_of(const RouteAttributes& attributes);

/// The numbers of one table's sets, by their indexes.
struct RouteMeanings {
  const RouteTable* table = nullptr;
  std::vector<std::uint32_t> next_hops;   ///< by Route::next_hops
  std::vector<std::uint32_t> interfaces;  ///< by Route::next_hops: the first leg's interface
  std::vector<std::uint32_t> attributes;  ///< by Route::attributes
  std::vector<std::uint32_t> sources;     ///< by Route::attributes: the source prefix, which is part of the key
  std::vector<bool> scoped;  ///< by Route::attributes: macOS's RTF_IFSCOPE, then the interface is part of the key
  std::vector<bool> noise;   ///< by Route::attributes: an entry of a cache, left out of comparisons

  const Route& operator[](std::size_t index) const { return table->routes[index]; }
  bool is_noise(const Route& route) const { return noise[route.attributes]; }
  /// What the key holds beyond the route's own fields.
  std::uint64_t key_extra(const Route& route) const {
    const std::uint64_t interface = scoped[route.attributes] ? interfaces[route.next_hops] + 1ULL : 0;
    return interface << 32U | sources[route.attributes];
  }
};

/// Gives the numbers; the same object must number all tables that are compared with each other.
class RouteMeaning {
 public:
  RouteMeanings of(const RouteTable& table);

 private:
  std::uint32_t number(std::string bytes);

  std::unordered_map<std::string, std::uint32_t> numbers_;
};

/// True when both routes have the same key: family, table, destination, source, TOS and metric.
bool same_route_key(const RouteMeanings& left_table, const Route& left, const RouteMeanings& right_table,
                    const Route& right);
/// True when two routes of one key do the same: type, protocol, scope, legs and attributes.
bool same_route_content(const RouteMeanings& left_table, const Route& left, const RouteMeanings& right_table,
                        const Route& right);
/// A hash of the key alone.
std::uint64_t route_key_hash(const RouteMeanings& table, const Route& route);

}  // namespace vpndoctor
