// SPDX-License-Identifier: Apache-2.0
// Small states to compare: routes by themselves, and a machine at home that has them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vpndoctor/route_diff.h"
#include "vpndoctor/route_table_builder.h"

namespace vpndoctor::diff_testing {

inline IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }
inline IpPrefix prefix(std::string_view text) { return *IpPrefix::parse(text); }

inline NextHop leg(std::string interface, std::string_view gateway = {}) {
  NextHop hop;
  hop.interface = std::move(interface);
  if (!gateway.empty()) hop.gateway = ip(gateway);
  return hop;
}

/// A route by itself, to put into a table.
struct Entry {
  Route route;
  NextHopSet next_hops;
  RouteAttributes attributes;
};

inline Entry entry(std::string_view destination, std::vector<NextHop> hops, std::uint32_t metric = 0) {
  Entry made;
  made.route.destination = prefix(destination);
  made.route.metric = metric;
  made.next_hops.hops = std::move(hops);
  return made;
}

inline RouteTable table_of(const std::vector<Entry>& entries) {
  RouteTableBuilder builder;
  for (const Entry& each : entries) {
    Route route = each.route;
    route.next_hops = builder.intern(each.next_hops);
    route.attributes = builder.intern(each.attributes);
    builder.add(route);
  }
  return builder.take();
}

inline Link link(std::string name, std::string kind = {}) {
  Link made;
  made.name = std::move(name);
  made.kind = std::move(kind);
  made.flags = kLinkUp | kLinkRunning | kLinkLowerUp;
  made.mtu_bytes = 1500;
  return made;
}

inline Address address(std::string interface, std::string_view text, unsigned length) {
  Address made;
  made.interface = std::move(interface);
  made.address = ip(text);
  made.prefix_length = static_cast<std::uint8_t>(length);
  return made;
}

inline Rule rule(std::uint32_t priority, std::uint32_t to_table) {
  Rule made;
  made.priority = priority;
  made.table = to_table;
  return made;
}

inline Snapshot snapshot(const std::vector<Entry>& entries) {
  Snapshot made;
  made.links = {{link("lo"), link("eth0"), link("eth1")}, "test"};
  made.addresses = {{address("eth0", "192.0.2.2", 24)}, "test"};
  Rule inet6 = rule(32766, kTableMain);
  inet6.family = Family::kInet6;
  made.rules = {{rule(0, kTableLocal), rule(32766, kTableMain), rule(32767, kTableDefault), inet6}, "test"};
  made.routes = {table_of(entries), "test"};
  return made;
}

inline std::vector<Entry> home() {
  return {entry("0.0.0.0/0", {leg("eth0", "192.0.2.1")}, 100), entry("10.0.0.0/8", {leg("eth0", "192.0.2.9")})};
}

inline FacetDiff routes_diff(const std::vector<Entry>& before, const std::vector<Entry>& after) {
  return diff_snapshots(snapshot(before), snapshot(after)).routes;
}

}  // namespace vpndoctor::diff_testing
