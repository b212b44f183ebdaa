// SPDX-License-Identifier: Apache-2.0
// `data` of the leaks command.
#include "data_json.h"
#include "vpndoctor/network.h"

namespace vpndoctor {
namespace {

void write_tunnel(JsonWriter& json, const Snapshot& snapshot, const TunnelReport& tunnel) {
  json.new_line().begin_object().field("interface", tunnel.interface).field_or_null("kind", tunnel.kind);
  json.field("state", tunnel_state_name(tunnel.state)).field_or_null("why", tunnel.why).key("holder");
  const Tunnel* facts = snapshot.find_tunnel(tunnel.interface);
  if (facts != nullptr && facts->holder_pid) {
    json.begin_object().field("pid", *facts->holder_pid).field_or_null("name", facts->holder_name).end_object();
  } else {
    json.null();
  }
  json.field_or_null("owner", tunnel.owner).field("routes_count", tunnel.routes_count);
  json.key("evidence").begin_array();
  for (const Evidence& each : tunnel.evidence) {
    json.begin_object().field("kind", each.kind).field("source", each.source).field("text", each.text).end_object();
  }
  json.end_array().end_object();
}

void write_family(JsonWriter& json, const FamilyCoverage& coverage) {
  json.begin_object().field("mode", coverage_mode_name(coverage.mode));
  json.field_or_null("unknown_because", coverage.why_unknown);
  json.field("tunnel_share_ratio",
             coverage.mode == CoverageMode::kUnknown ? std::nullopt : std::optional(coverage.tunnel_share));
  json.key("outside").begin_array();
  for (const OutsidePrefix& outside : coverage.outside) {
    json.new_line().begin_object().field("prefix", outside.prefix);
    json.field("class", address_class_name(outside.address_class)).field("interface", outside.interface);
    json.field("gateway", outside.gateway);
    json.field_or_null("protocol", outside.protocol ? route_protocol_name(*outside.protocol) : "").end_object();
  }
  json.end_array().field("outside_is_cut", coverage.is_cut);
  json.field("exceptions", coverage.exceptions).field("tunnels", coverage.tunnels).end_object();
}

}  // namespace

void write_data(JsonWriter& json, const LeaksReport& report) {
  json.begin_object().key("tunnels").begin_array();
  for (const TunnelReport& tunnel : report.tunnels) write_tunnel(json, *report.snapshot, tunnel);
  json.end_array().key("coverage").begin_object().key("inet");
  write_family(json, report.coverage.inet);
  write_family(json.key("inet6"), report.coverage.inet6);
  json.end_object().key("capture").null().end_object();
}

}  // namespace vpndoctor
