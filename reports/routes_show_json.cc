// SPDX-License-Identifier: Apache-2.0
// `data` of `routes show` and `routes save`: the entries themselves, never folded, and the overview. A facet that is
// not known is null, and `not_known` says why.
#include <optional>

#include "data_json.h"
#include "vpndoctor/network_json.h"
#include "vpndoctor/route_owner.h"

namespace vpndoctor {
namespace {

template <class T, class Write>
void write_list(JsonWriter& json, const char* name, const std::vector<T>* values, Write write) {
  json.key(name);
  if (values == nullptr) {
    json.null();
    return;
  }
  json.begin_array();
  for (const T& value : *values) {
    json.new_line();
    write(value);
  }
  json.end_array();
}

template <class T>
void write_missing(JsonWriter& json, const char* name, const Observed<T>& facet) {
  if (!facet) json.field(name, facet.why_missing());
}

void write_not_known(JsonWriter& json, const Snapshot& snapshot) {
  json.key("not_known").begin_object();
  write_missing(json, "links", snapshot.links);
  write_missing(json, "addresses", snapshot.addresses);
  write_missing(json, "routes", snapshot.routes);
  write_missing(json, "rules", snapshot.rules);
  write_missing(json, "tunnels", snapshot.tunnels);
  json.end_object();
}

void write_way(JsonWriter& json, const WayOut& way) {
  json.begin_object().field("type", flow_fate_name(way.fate));
  json.field_or_null("interface", way.interface).field("gateway", way.gateway);
  json.key("table");
  if (way.table == kTableUnspecified) {
    json.null();
  } else {
    json.value(way.table);
  }
  json.field("share_ratio", way.share_ratio).field("is_tunnel", way.is_tunnel).end_object();
}

void write_family(JsonWriter& json, const FamilyOverview& overview) {
  json.key(family_name(overview.family)).begin_object();
  json.key("through").begin_array();
  for (const WayOut& way : overview.ways) write_way(json, way);
  json.end_array().key("beyond").begin_array();
  for (const WayOut& way : overview.beyond) write_way(json, way);
  json.end_array().field("base", overview.base.to_string());
  json.field_or_null("uncertain", overview.uncertain).end_object();
}

void write_tunnel(JsonWriter& json, const TunnelOverview& tunnel) {
  json.begin_object().field("interface", tunnel.interface).field("state", tunnel.state);
  json.field_or_null("owner", tunnel.owner.name).field_or_null("not_seen", tunnel.not_seen);
  json.field("routes_inet_count", tunnel.routes_inet).field("routes_inet6_count", tunnel.routes_inet6).end_object();
}

void write_overview(JsonWriter& json, const RoutesShowReport& report) {
  json.key("overview");
  if (!report.overview) {
    json.null();
    return;
  }
  json.begin_object();
  write_family(json, report.overview->inet);
  write_family(json, report.overview->inet6);
  json.key("tunnels").begin_array();
  for (const TunnelOverview& tunnel : report.overview->tunnels) write_tunnel(json, tunnel);
  json.end_array().end_object();
}

}  // namespace

void write_data(JsonWriter& json, const RoutesShowReport& report) {
  const Snapshot& snapshot = *report.snapshot;
  const auto* routes = snapshot.routes ? &snapshot.routes->routes : nullptr;
  json.begin_object();
  json.field("platform", snapshot.platform == Platform::kLinux ? "linux" : "macos");
  json.field("stable", snapshot.stable).field_or_null("saved_to", report.saved_to);
  write_overview(json, report);
  write_list(json, "links", snapshot.links.get(), [&](const Link& link) { write_link(json, link); });
  write_list(json, "addresses", snapshot.addresses.get(),
             [&](const Address& address) { write_address(json, address); });
  write_list(json, "rules", snapshot.rules.get(), [&](const Rule& rule) { write_rule(json, snapshot, rule); });
  std::optional<RouteJsonWriter> writer;
  if (routes != nullptr) writer.emplace(snapshot, false);
  write_list(json, "routes", routes, [&](const Route& route) {
    json.begin_object();
    writer->write_members(json, route);
    json.end_object();
  });
  write_not_known(json, snapshot);
  json.end_object();
}

}  // namespace vpndoctor
