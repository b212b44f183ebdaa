// SPDX-License-Identifier: Apache-2.0
// `data` of routes diff: what came, went and changed, facet by facet, and the summary in words.
#include <optional>
#include <span>
#include <utility>

#include "data_json.h"
#include "vpndoctor/network_json.h"

namespace vpndoctor {
namespace {

/// Writes routes of one state, of which there may be a million.
class RouteList {
 public:
  RouteList(JsonWriter& json, const Snapshot& snapshot) : json_(&json), snapshot_(&snapshot) {
    if (snapshot.routes) writer_.emplace(snapshot, false);
  }
  void operator()(std::uint32_t index) {
    json_->begin_object();
    writer_->write_members(*json_, snapshot_->routes->routes[index]);
    json_->end_object();
  }

 private:
  JsonWriter* json_;
  const Snapshot* snapshot_;
  std::optional<RouteJsonWriter> writer_;
};

/// Write one entry of each side by its index.
template <class Before, class After>
struct Writers {
  Before before;
  After after;
};

template <class Before, class After>
void write_facet(JsonWriter& json, const char* name, const FacetDiff& facet, Writers<Before, After> write) {
  json.key(name).begin_object();
  json.key("added").begin_array();
  for (const std::uint32_t index : facet.added) {
    json.new_line();
    write.after(index);
  }
  json.end_array().key("removed").begin_array();
  for (const std::uint32_t index : facet.removed) {
    json.new_line();
    write.before(index);
  }
  json.end_array().key("changed").begin_array();
  for (const FacetDiff::Changed& changed : facet.changed) {
    json.new_line().begin_object().key("before");
    write.before(changed.before);
    json.key("after");
    write.after(changed.after);
    json.end_object();
  }
  json.end_array().field_or_null("not_compared", facet.not_compared).end_object();
}

void write_routes(JsonWriter& json, const RoutesDiffReport& report) {
  Writers writers{RouteList(json, *report.before), RouteList(json, *report.after)};
  write_facet(json, "routes", report.diff.routes, std::move(writers));
}

void write_lists(JsonWriter& json, const RoutesDiffReport& report) {
  const Snapshot& before = *report.before;
  const Snapshot& after = *report.after;
  write_facet(json, "rules", report.diff.rules,
              Writers{[&](std::uint32_t i) { write_rule(json, before, (*before.rules)[i]); },
                      [&](std::uint32_t i) { write_rule(json, after, (*after.rules)[i]); }});
  write_facet(json, "links", report.diff.links,
              Writers{[&](std::uint32_t i) { write_link(json, (*before.links)[i]); },
                      [&](std::uint32_t i) { write_link(json, (*after.links)[i]); }});
  write_facet(json, "addresses", report.diff.addresses,
              Writers{[&](std::uint32_t i) { write_address(json, (*before.addresses)[i]); },
                      [&](std::uint32_t i) { write_address(json, (*after.addresses)[i]); }});
}

void write_resolver(JsonWriter& json, const DnsDiffEntry& entry) {
  json.begin_object().field("kind", dns_diff_kind_name(entry.kind)).field("source", entry.source);
  json.field("id", entry.id).field_or_null("interface", entry.interface);
  json.key("servers").begin_array();
  for (const DnsServer& server : entry.servers) json.value(server.to_string());
  json.end_array().key("domains").begin_array();
  for (const DnsDomain& domain : entry.domains) {
    json.begin_object().field("name", domain.name).field("route_only", domain.route_only).end_object();
  }
  json.end_array().field("default_route", entry.default_route).field_or_null("owner", entry.owner);
  json.field_or_null("mode", entry.mode).field_or_null("link_target", entry.link_target);
  json.field("settings", std::span<const std::string>(entry.settings)).end_object();
}

}  // namespace

void write_data(JsonWriter& json, const RoutesDiffReport& report) {
  json.begin_object().field("before", report.before_name).field("after", report.after_name);
  json.field("equal", report.diff.is_equal());
  json.key("summary").begin_array();
  for (const DiffSentence& sentence : report.diff.summary) {
    json.begin_object().field("text", sentence.text).field("count", sentence.count).end_object();
  }
  json.end_array();
  write_routes(json, report);
  write_lists(json, report);
  write_facet(json, "dns", report.diff.dns,
              Writers{[&](std::uint32_t i) { write_resolver(json, report.diff.dns_before[i]); },
                      [&](std::uint32_t i) { write_resolver(json, report.diff.dns_after[i]); }});
  json.field("derived_changes", report.diff.derived_changes).end_object();
}

}  // namespace vpndoctor
