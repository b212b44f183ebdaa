// SPDX-License-Identifier: Apache-2.0
// Routes as JSON. A million of them share few words, next hops and attributes, so the text of those is kept.
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "flag_words.h"
#include "hex.h"
#include "json_members.h"
#include "snapshot_records.h"
#include "vpndoctor/network_json.h"
#include "vpndoctor/route_words.h"

namespace vpndoctor {
namespace {

void write_encapsulation(JsonMembers& members, const Encapsulation& encapsulation) {
  if (!members.terse()) {
    members.text("encap", encapsulation_text(encapsulation));
  } else if (encapsulation != Encapsulation{}) {
    JsonWriter& json = members.json();
    json.key("encap").begin_object().field("type", encapsulation.type);
    json.field("payload", to_hex(encapsulation.attributes)).end_object();
  }
}

}  // namespace

void write_next_hop(JsonWriter& json, const NextHop& hop, bool terse) {
  json.begin_object();
  JsonMembers members(json, terse);
  members.maybe("gateway", hop.gateway)
      .text("interface", hop.interface)
      .value("weight", hop.weight, std::uint16_t{1})
      .flags("flags", hop.flags, next_hop_flag_words());
  write_encapsulation(members, hop.encapsulation);
  json.end_object();
}

namespace {

std::string next_hop_members(const NextHopSet& set, bool terse) {
  std::string text;
  JsonWriter json(text);
  if (!terse || !set.hops.empty()) {
    json.key("nexthops").begin_array();
    for (const NextHop& hop : set.hops) write_next_hop(json, hop, terse);
    json.end_array();
  }
  if (set.object_id) json.field("nexthop_id", *set.object_id);
  return text;
}

void write_metrics(JsonWriter& json, const RouteAttributes& attributes) {
  if (!attributes.metrics.empty()) {
    json.key("metrics").begin_object();
    for (const RouteMetric& metric : attributes.metrics) json.field(metric_name(metric.kind), metric.value);
    json.end_object();
  }
  if (attributes.locked_metrics == 0) return;
  json.key("locked_metrics").begin_array();
  for (std::uint16_t kind = 0; kind < 32; ++kind) {
    if ((attributes.locked_metrics >> kind & 1U) != 0) json.value(metric_name(kind));
  }
  json.end_array();
}

/// Few routes have any of these; in a report, too, they are there only where a route has them.
void write_rare_members(JsonWriter& json, const RouteAttributes& attributes) {
  JsonMembers members(json, true);
  write_metrics(json, attributes);
  members.text("congestion_control", attributes.congestion_control)
      .value("realms", attributes.realms, 0U)
      .value("preference", attributes.preference, std::uint8_t{0})
      .maybe("ttl_propagate", attributes.ttl_propagate)
      .maybe("expires_seconds", attributes.expires_seconds)
      .value("flags", attributes.flags, 0U)
      .list("not_understood", attributes.not_understood)
      .text("macos_flags", attributes.macos_flags);
}

std::string attribute_members(const RouteAttributes& attributes, bool terse) {
  std::string text;
  JsonWriter json(text);
  JsonMembers members(json, terse);
  members.maybe("source", attributes.source).maybe("preferred_source", attributes.preferred_source);
  write_rare_members(json, attributes);
  return text;
}

/// Keeps the text of the entries used last, found by their index; of bounded size.
class TextCache {
 public:
  explicit TextCache(std::size_t entries) : entries_(entries) {}

  template <class MakeText>
  const std::string& text(std::uint32_t index, MakeText make_text) {
    Entry& entry = entries_[index % entries_.size()];
    if (entry.index != index) entry = {index, make_text()};
    return entry.text;
  }

 private:
  struct Entry {
    std::optional<std::uint32_t> index;
    std::string text;
  };
  std::vector<Entry> entries_;
};

}  // namespace

struct RouteJsonWriter::State {
  State(const Snapshot& of, bool is_terse, std::size_t entries)
      : snapshot(&of), terse(is_terse), next_hops(entries), attributes(entries), tables(entries) {}

  const Snapshot* snapshot;
  bool terse;
  TextCache next_hops;
  TextCache attributes;
  TextCache tables;
  std::array<std::string, 256> protocols;
  std::array<std::string, 256> scopes;

  const std::string& table_name(std::uint32_t table) {
    return tables.text(table, [&] { return snapshot->table_name(table); });
  }
  const std::string& protocol_name(std::uint8_t protocol) {
    std::string& name = protocols[protocol];
    if (name.empty()) name = route_protocol_name(protocol);
    return name;
  }
  const std::string& scope_name(std::uint8_t scope) {
    std::string& name = scopes[scope];
    if (name.empty()) name = route_scope_name(scope);
    return name;
  }

  template <class IsNull>
  void write_origin(JsonWriter& json, const Route& route, IsNull is_null) {
    const bool has_protocol = !terse || route.protocol != kProtocolUnspecified;
    if (has_protocol && !is_null("protocol")) json.field("protocol", protocol_name(route.protocol));
    const bool has_scope = !terse || route.scope != kScopeUniverse;
    if (has_scope && !is_null("scope")) json.field("scope", scope_name(route.scope));
  }

  void write_members(JsonWriter& json, const Route& route) {
    const RouteTable& routes = *snapshot->routes;
    JsonMembers members(json, terse);
    // A route of macOS has neither table nor protocol, scope and metric: those of the model mean nothing there.
    const auto is_null = [&json, none = !terse && snapshot->platform == Platform::kMacos](const char* name) {
      if (none) json.key(name).null();
      return none;
    };
    if (!terse) json.field("family", family_name(route.destination.family()));
    if (!is_null("table")) members.value("table", route.table, std::uint32_t{kTableMain});
    if (!terse && !is_null("table_name")) json.field("table_name", table_name(route.table));
    json.field("destination", route.destination);
    members.value("tos", route.tos, std::uint8_t{0});
    if (!terse || route.type != RouteType::kUnicast) json.field("type", route_type_name(route.type));
    write_origin(json, route, is_null);
    if (!is_null("metric")) members.value("metric", route.metric, 0U);
    write_text(json,
               attributes.text(route.attributes, [&] { return attribute_members(routes.attributes(route), terse); }));
    write_text(json, next_hops.text(route.next_hops,
                                    [&] { return next_hop_members(routes.next_hop_sets[route.next_hops], terse); }));
  }

  static void write_text(JsonWriter& json, const std::string& members) {
    if (!members.empty()) json.raw(members);
  }
};

RouteJsonWriter::RouteJsonWriter(const Snapshot& snapshot, bool terse, std::size_t cached_texts)
    : state_(std::make_unique<State>(snapshot, terse, cached_texts)) {}
RouteJsonWriter::~RouteJsonWriter() = default;
RouteJsonWriter::RouteJsonWriter(RouteJsonWriter&&) noexcept = default;
RouteJsonWriter& RouteJsonWriter::operator=(RouteJsonWriter&&) noexcept = default;

void RouteJsonWriter::write_members(JsonWriter& json, const Route& route) { state_->write_members(json, route); }

void write_route(JsonWriter& json, const Snapshot& snapshot, const Route& route, bool terse) {
  json.begin_object();
  RouteJsonWriter(snapshot, terse, 1).write_members(json, route);
  json.end_object();
}

}  // namespace vpndoctor
