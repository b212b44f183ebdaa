// SPDX-License-Identifier: Apache-2.0
// A snapshot prepared for lookups: interfaces as small numbers, rules compiled, each table's prefixes in a
// LongestPrefix, next hops with their interface and state. Shared by both families; decides nothing.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fib_source6.h"
#include "longest_prefix.h"
#include "vpndoctor/fib.h"
#include "vpndoctor/snapshot.h"

namespace vpndoctor {

/// An interface: its place in FibIndex::links.
using LinkId = std::uint32_t;
constexpr LinkId kNoLink = 0;                                        ///< none, or one that is not known
constexpr LinkId kMissingLink = std::numeric_limits<LinkId>::max();  ///< named by a rule, not there: no flow has it

/// An interface with what a lookup asks of it.
struct FibLink {
  const Link* link = nullptr;  ///< null for kNoLink only
  std::string_view name;
  LinkId l3mdev = kNoLink;                      ///< the VRF that it is, or is a port of; l3mdev_master_ifindex_rcu()
  std::uint32_t vrf_table = kTableUnspecified;  ///< of a VRF
  bool up = false;
  bool loopback = false;
  std::uint32_t group = 0;
  bool ignores_linkdown = false;             ///< IPv4 routes whose link is down are skipped; ip_ignore_linkdown()
  bool ignores_linkdown6 = false;            ///< the same for IPv6; ip6_ignore_linkdown()
  const InterfaceSettings* inet = nullptr;   ///< null: not known
  const InterfaceSettings* inet6 = nullptr;  ///< null: not known
  std::span<const Address* const> inet_addresses{};   ///< in the kernel's order
  std::span<const Address* const> inet6_addresses{};  ///< in the kernel's order
};

/// One next hop. Whether it can be used may depend on the flow.
struct FibLeg {
  const NextHop* hop = nullptr;
  LinkId link = kNoLink;
  bool dead = false;
  bool linkdown = false;        ///< its link has no carrier
  bool gateway_is_own = false;  ///< the gateway is an IPv4 address of the same interface: it is not used
  /// Whether an IPv4 route uses the gateway depends on what the tables held when the route was made.
  bool gateway_is_doubtful = false;
  std::uint16_t neighbour = 0;  ///< NeighbourState of its gateway; 0: none, or not known
};

/// The next hops of all routes that share a NextHopSet.
struct FibLegs {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  bool object = false;     ///< they come from a nexthop object
  bool blackhole = false;  ///< the object is a blackhole
  bool all_dead = false;
};

/// What a lookup asks of a route; the same for many routes.
struct RouteKind {
  std::uint32_t next_hops = 0;   ///< Route::next_hops
  std::uint32_t attributes = 0;  ///< Route::attributes
  RouteType type = RouteType::kUnicast;
  std::uint8_t tos = 0;
  std::uint8_t scope = 0;
  bool is_default = false;  ///< its prefix is /0
  bool operator==(const RouteKind&) const = default;

  static RouteKind of(const Route& route) {
    return {.next_hops = route.next_hops,
            .attributes = route.attributes,
            .type = route.type,
            .tos = route.tos,
            .scope = route.scope,
            .is_default = route.destination.is_default()};
  }
};

/// A rule with its interfaces resolved.
struct FibRule {
  const Rule* rule = nullptr;
  LinkId input = kNoLink;         ///< kNoLink: any
  LinkId output = kNoLink;        ///< kNoLink: any
  bool has_selectors = true;      ///< false: it matches every flow
  std::int32_t goto_target = -1;  ///< the index of the rule it jumps to; -1: unresolved
  std::string_view uncertain{};   ///< why nobody knows whether it matches; empty: known
};

/// A routing table of one family.
template <class Key>
struct FibTable {
  std::uint32_t id = kTableUnspecified;
  LongestPrefix<Key> prefixes;
};

template <class Key>
struct FamilyIndex {
  std::vector<FibTable<Key>> tables;  ///< ascending ids
  std::vector<FibRule> rules;         ///< ascending priorities
  const FibTable<Key>* largest = nullptr;

  /// Returns the table, or null when it has no routes. 0 is main.
  const FibTable<Key>* table(std::uint32_t id) const {
    if (id == kTableUnspecified) id = kTableMain;
    const auto at = std::ranges::lower_bound(tables, id, {}, &FibTable<Key>::id);
    return at != tables.end() && at->id == id ? &*at : nullptr;
  }
  /// Begins to fetch what a lookup in the largest table will want to see. At a million routes that takes longer than
  /// the rest of the lookup.
  [[gnu::always_inline]] void prefetch(Key key) const {
    if (largest != nullptr) largest->prefixes.prefetch(key);
  }
  /// Begins to fetch what prefetch() will want to see.
  [[gnu::always_inline]] void prefetch_place(Key key) const {
    if (largest != nullptr) largest->prefixes.prefetch_place(key);
  }
};

class MacosIndex;

struct FibIndex {
  const Snapshot* snapshot = nullptr;
  const RouteTable* routes = nullptr;  ///< never null; of no routes when they are missing
  std::vector<FibLink> links;          ///< [kNoLink] is a dummy
  std::unordered_map<std::string_view, LinkId> link_ids;
  LinkId loopback = kNoLink;
  std::vector<FibLeg> legs;
  std::vector<FibLegs> leg_sets;  ///< by Route::next_hops
  std::vector<RouteKind> kinds;   ///< of the routes, by LongestPrefix's kind
  FamilyIndex<std::uint32_t> inet;
  FamilyIndex<Uint128> inet6;
  const InterfaceSettings* inet_all = nullptr;           ///< net.ipv4.conf.all; null: not known
  const InterfaceSettings* inet6_all = nullptr;          ///< net.ipv6.conf.all; null: not known
  std::unordered_map<std::uint32_t, LinkId> inet_local;  ///< an IPv4 address of this machine and where it is
  std::set<std::uint32_t> inet_local_twice;              ///< those that several interfaces have
  std::map<std::pair<LinkId, IpAddress>, std::uint16_t> neighbours;  ///< their states
  std::vector<Source6> sources6;                                     ///< what IPv6 sources are chosen from
  /// Whether IPv4's tables local and main are looked up as one: then a longer prefix of main beats a shorter of local.
  bool may_be_merged = false;
  bool only_kernel_rules = false;  ///< IPv4 has the rules of the kernel and no others
  bool custom_local_routes = false;
  bool rules_ask_for_ports = false;  ///< an IPv4 rule that an arriving packet may meet asks for a protocol or ports
  bool realms = false;               ///< a route or rule has realms: sources are always checked in full
  std::uint32_t kernel_version = 0;  ///< 6.1 is 0x601; 0: not known, then that of today
  std::string uncertain;             ///< what is missing or cut for every lookup; empty: nothing
  /// The same for what only some lookups need; empty: all there.
  std::string settings_unknown, addresses_unknown, neighbours_unknown;

  std::shared_ptr<const MacosIndex> macos;  ///< of a snapshot of macOS, which is looked up in it alone; else null

  // What is not in the snapshot itself.
  RouteTable no_routes;
  std::vector<Rule> assumed_rules;  ///< the kernel's own, when the rules are missing
  std::vector<const Address*> address_lists;

  explicit FibIndex(const Snapshot& of);
  FibIndex(const FibIndex&) = delete;
  FibIndex& operator=(const FibIndex&) = delete;

  /// Returns the interface of that name or alternative name; kNoLink when there is none.
  LinkId find(std::string_view name) const;
  /// Returns NeighbourState bits; null for a neighbour that is not known.
  std::optional<std::uint16_t> neighbour_state(LinkId link, const IpAddress& address) const;
  const FibLegs& legs_of(const RouteKind& kind) const { return leg_sets[kind.next_hops]; }
  std::span<const FibLeg> legs_in(const RouteKind& kind) const {
    return std::span(legs).subspan(legs_of(kind).first, legs_of(kind).count);
  }
  const FibLegs& legs_of(const Route& route) const { return leg_sets[route.next_hops]; }
  std::span<const FibLeg> legs_in(const Route& route) const {
    return std::span(legs).subspan(legs_of(route).first, legs_of(route).count);
  }
  const Route& route(std::uint32_t number) const { return routes->routes[number]; }
};

/// Sorts the routes of the index into its tables.
void add_tables(FibIndex& index);
/// Resolves the next hops of all routes; needs the links, addresses, neighbours, tables and rules.
void add_legs(FibIndex& index);

/// An address as a number; the family must be the key's.
template <class Key>
constexpr Key key_of(const IpAddress& address) {
  Key key = 0;
  for (std::size_t at = 0; at < sizeof(Key); ++at) key = static_cast<Key>((key << 8U) | address.bytes[at]);
  return key;
}
template <class Key>
constexpr IpAddress address_of(Key key) {
  IpAddress address{.family = sizeof(Key) == 4 ? Family::kInet : Family::kInet6, .bytes = {}};
  for (std::size_t at = sizeof(Key); at-- > 0; key = static_cast<Key>(key >> 8U)) {
    address.bytes[at] = static_cast<std::uint8_t>(key & 0xffU);
  }
  return address;
}

}  // namespace vpndoctor
