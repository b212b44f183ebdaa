// SPDX-License-Identifier: Apache-2.0
// What the writer and the reader of snapshot files agree on: the kinds of records, the facets they belong to, and the
// fields of sysctls; and the functions for a single record of each kind.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "record_fields.h"
#include "snapshot_dns_records.h"
#include "snapshot_firewall_records.h"
#include "snapshot_leak_records.h"
#include "vpndoctor/json_writer.h"
#include "vpndoctor/route_table_builder.h"
#include "vpndoctor/snapshot.h"

namespace vpndoctor {

constexpr std::string_view kSnapshotFormat = "vpndoctor-snapshot";
constexpr unsigned kSnapshotMajor = 1;
constexpr unsigned kSnapshotMinor = 3;  ///< 1.3: `absent` of a facet, `carrier` of a link, `last_carrier`
/// A writer keeps far below; only a file that is none has longer lines.
constexpr std::size_t kLongestSnapshotLine = 4U << 20U;
constexpr std::uint64_t kMostSnapshotRecords = 10'000'000;

/// The facets in the order of the file.
enum class Facet : std::uint8_t {
  kLinks,
  kAddresses,
  kRoutes,
  kRules,
  kNextHopObjects,
  kNeighbours,
  kSettings,
  kTunnels,
  kNames,
  // Since version 1.1.
  kResolvConf,
  kNameServiceSwitch,
  kHosts,
  kNameServiceCache,
  kResolved,
  kResolvedSettings,
  kNetworkManager,
  kDnsmasq,
  kDnsListeners,
  kResolvConfBackups,
  kMacosDns,
  // Since version 1.2.
  kActivity,
  kXfrm,
  kFirewall,
  kLeases,
  kVpnSigns,
};
constexpr std::array<std::string_view, 25> kFacetNames = {"links",
                                                          "addresses",
                                                          "routes",
                                                          "rules",
                                                          "nexthops",
                                                          "neighbours",
                                                          "settings",
                                                          "tunnels",
                                                          "names",
                                                          "resolv_conf",
                                                          "name_service_switch",
                                                          "hosts",
                                                          "name_service_cache",
                                                          "resolved",
                                                          "resolved_settings",
                                                          "network_manager",
                                                          "dnsmasq",
                                                          "dns_listeners",
                                                          "resolv_conf_backups",
                                                          "macos_dns",
                                                          "activity",
                                                          "xfrm",
                                                          "firewall",
                                                          "leases",
                                                          "vpn_signs"};
/// The minor version of the format that a facet came with.
constexpr unsigned minor_version_of(std::size_t facet) {
  if (facet < static_cast<std::size_t>(Facet::kResolvConf)) return 0;
  return facet < static_cast<std::size_t>(Facet::kActivity) ? 1 : 2;
}
constexpr std::string_view facet_name(Facet facet) { return kFacetNames[static_cast<std::size_t>(facet)]; }

template <class Of>
struct SettingField {
  std::string_view name;
  std::optional<int> Of::* value;
};
constexpr std::array<SettingField<RoutingSettings>, 3> kRoutingSettings = {{
    {"multipath_hash_policy", &RoutingSettings::multipath_hash_policy},
    {"multipath_use_neighbours", &RoutingSettings::multipath_use_neighbours},
    {"multipath_hash_policy6", &RoutingSettings::multipath_hash_policy6},
}};
constexpr std::array<SettingField<InterfaceSettings>, 10> kInterfaceSettings = {{
    {"forwarding", &InterfaceSettings::forwarding},
    {"ignore_routes_with_linkdown", &InterfaceSettings::ignore_routes_with_linkdown},
    {"reverse_path_filter", &InterfaceSettings::reverse_path_filter},
    {"source_valid_mark", &InterfaceSettings::source_valid_mark},
    {"accept_local", &InterfaceSettings::accept_local},
    {"route_localnet", &InterfaceSettings::route_localnet},
    {"accept_source_route", &InterfaceSettings::accept_source_route},
    {"accept_router_advertisements", &InterfaceSettings::accept_router_advertisements},
    {"disabled", &InterfaceSettings::disabled},
    {"use_temporary_addresses", &InterfaceSettings::use_temporary_addresses},
}};
constexpr std::array<std::string_view, 3> kNumberedThings = {"table", "protocol", "group"};
template <class Names>  // NumberNames, const or not
auto* names_of(Names& names, std::size_t thing) {
  const std::array all = {&names.tables, &names.protocols, &names.groups};
  return all[thing];
}

/// Write the members of a record, without its braces.
void write_link_members(JsonWriter& json, const Link& link, bool terse);
void write_address_members(JsonWriter& json, const Address& address, bool terse);
void write_rule_members(JsonWriter& json, const Snapshot& snapshot, const Rule& rule, bool terse);
/// Writes one leg as an object.
void write_next_hop(JsonWriter& json, const NextHop& hop, bool terse);
void write_next_hop_object(JsonWriter& json, const NextHopObject& object);
void write_neighbour(JsonWriter& json, const Neighbour& neighbour);

/// Reads an object of two numbers, which are not checked against each other.
void read_range(RecordFields& in, std::string_view name, std::optional<NumberRange>& out);
/// Reads one leg of a route.
void read_next_hop(RecordFields& in, NextHop& hop);

/// Reads routes. What many of them have, the text of their legs above all, is read once.
class RouteRecordReader {
 public:
  RouteRecordReader();
  ~RouteRecordReader();
  RouteRecordReader(RouteRecordReader&&) noexcept;
  RouteRecordReader& operator=(RouteRecordReader&&) noexcept;

  /// Adds the route that `in` describes, unless there was a fault.
  void read(RecordFields& in);
  RouteTable take();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The facets of a snapshot while they are read.
struct SnapshotParts {
  RouteRecordReader routes;
  std::vector<Link> links;
  std::vector<Address> addresses;
  std::vector<Rule> rules;
  std::vector<NextHopObject> next_hop_objects;
  std::vector<Neighbour> neighbours;
  RoutingSettings settings;
  NumberNames names;
  DnsParts dns;
  LeakParts leaks;
  std::vector<Firewall> firewalls;  ///< one at most
};

/// A kind of record: the facet that it is a part of, and what reads it.
struct RecordKind {
  std::string_view name;
  Facet facet;
  void (*read)(SnapshotParts& parts, RecordFields& in);
};

/// The kind of that name; null for the first line, "facet", "end" and what is not known.
const RecordKind* find_record_kind(std::string_view name);

}  // namespace vpndoctor
