// SPDX-License-Identifier: Apache-2.0
// Writes what matters of next hops and attributes into bytes and numbers them.
#include "route_meaning.h"

#include <algorithm>
#include <cstring>

#include "byte_key.h"

namespace vpndoctor {
namespace {

/// A single leg is taken whatever its weight.
std::string leg_bytes(const NextHop& hop, bool weight_matters) {
  ByteKey key;
  key.put(hop.gateway).put(hop.interface).put(weight_matters ? hop.weight : std::uint16_t{1});
  key.put((hop.flags & kNextHopOnLink) != 0).put(hop.encapsulation.type).put(hop.encapsulation.attributes);
  return key.take();
}

}  // namespace

std::string meaning_of(const NextHopSet& set) {
  std::vector<std::string> legs;
  legs.reserve(set.hops.size());
  for (const NextHop& hop : set.hops) legs.push_back(leg_bytes(hop, set.hops.size() > 1));
  std::sort(legs.begin(), legs.end());
  ByteKey key;
  key.put('h');
  for (const std::string& leg : legs) key.put(leg);
  return key.take();
}

namespace {

/// The flags of netstat that say what a route does; the others tell how it came about or what happened to it.
std::string lasting_macos_flags(std::string_view flags) {
  constexpr std::string_view kLasting = "UGHRBSI";
  std::string kept;
  for (const char flag : flags) {
    if (kLasting.find(flag) != std::string_view::npos) kept += flag;
  }
  return kept;
}

}  // namespace

std::string meaning_of(const RouteAttributes& attributes) {
  ByteKey key;
  key.put('a').put(attributes.preferred_source).put(attributes.locked_metrics).put(attributes.congestion_control);
  key.put(attributes.realms).put(attributes.preference).put(attributes.ttl_propagate);
  key.put(lasting_macos_flags(attributes.macos_flags)).put(attributes.metrics.size());
  for (const RouteMetric& metric : attributes.metrics) key.put(metric.kind).put(metric.value);
  for (const std::uint16_t attribute : attributes.not_understood) key.put(attribute);
  return key.take();
}

namespace {

/// macOS: W was cloned on use, L belongs to the neighbour table (netstat(1)).
bool is_cache_entry(const RouteAttributes& attributes) {
  return (attributes.flags & kRouteCloned) != 0 || attributes.macos_flags.find_first_of("WL") != std::string::npos;
}

}  // namespace

std::uint32_t RouteMeaning::number(std::string bytes) {
  const auto next = static_cast<std::uint32_t>(numbers_.size() + 1);
  return numbers_.emplace(std::move(bytes), next).first->second;
}

RouteMeanings RouteMeaning::of(const RouteTable& table) {
  RouteMeanings meanings;
  meanings.table = &table;
  for (const NextHopSet& set : table.next_hop_sets) {
    meanings.next_hops.push_back(number(meaning_of(set)));
    ByteKey interface;
    interface.put('i').put(set.hops.empty() ? std::string_view{} : std::string_view(set.hops.front().interface));
    meanings.interfaces.push_back(number(interface.take()));
  }
  for (const RouteAttributes& attributes : table.attribute_sets) {
    ByteKey source;
    source.put('s').put(attributes.source);
    meanings.attributes.push_back(number(meaning_of(attributes)));
    meanings.sources.push_back(number(source.take()));
    meanings.scoped.push_back(attributes.macos_flags.find('I') != std::string::npos);
    meanings.noise.push_back(is_cache_entry(attributes));
  }
  return meanings;
}

bool same_route_key(const RouteMeanings& left_table, const Route& left, const RouteMeanings& right_table,
                    const Route& right) {
  return left.destination == right.destination && left.table == right.table && left.metric == right.metric &&
         left.tos == right.tos && left_table.key_extra(left) == right_table.key_extra(right);
}

bool same_route_content(const RouteMeanings& left_table, const Route& left, const RouteMeanings& right_table,
                        const Route& right) {
  return left.type == right.type && left.protocol == right.protocol && left.scope == right.scope &&
         left_table.next_hops[left.next_hops] == right_table.next_hops[right.next_hops] &&
         left_table.attributes[left.attributes] == right_table.attributes[right.attributes];
}

std::uint64_t route_key_hash(const RouteMeanings& table, const Route& route) {
  std::uint64_t words[4];
  std::memcpy(words, route.destination.address.bytes.data(), 16);
  words[2] = std::uint64_t{route.table} << 32U | route.metric;
  words[3] = table.key_extra(route) ^ std::uint64_t{route.destination.length} << 56U ^ std::uint64_t{route.tos} << 48U ^
             std::uint64_t{route.destination.family() == Family::kInet} << 47U;
  std::uint64_t hash = 0;
  for (const std::uint64_t word : words) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
    hash ^= hash >> 32U;
  }
  return hash;
}

}  // namespace vpndoctor
