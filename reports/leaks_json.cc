// SPDX-License-Identifier: Apache-2.0
// `data` of the leaks command: what was judged, coverage, and which facts could not be read. What is not known is null,
// and `sources` says why.
#include "leaks_json_parts.h"
#include "units.h"
#include "vpndoctor/network.h"

namespace vpndoctor {
namespace {

void write_state(JsonWriter& json, const LeaksReport& report) {
  const Snapshot& snapshot = *report.snapshot;
  json.key("state").begin_object().field_or_null("source", report.state_name);
  json.field("taken_at", timestamp(snapshot.taken_at));
  json.field("platform", snapshot.platform == Platform::kMacos ? "macos" : "linux").end_object();
  json.field_or_null("before", report.before_name).field_or_null("why_no_before", report.why_no_before);
}

void write_expectation(JsonWriter& json, const VpnExpectation& expectation) {
  json.key("expectation");
  if (!expectation.mode && expectation.interface.empty()) {
    json.null();
    return;
  }
  json.begin_object().field_or_null("mode", expectation.mode ? coverage_mode_name(*expectation.mode) : "");
  json.field_or_null("interface", expectation.interface).end_object();
}

void write_family(JsonWriter& json, const FamilyCoverage& coverage) {
  const bool is_known = coverage.mode != CoverageMode::kUnknown;
  json.begin_object().field("mode", coverage_mode_name(coverage.mode));
  json.field_or_null("unknown_because", is_known ? "" : coverage.why_unknown);
  json.field("tunnel_share_ratio", is_known ? std::optional(coverage.tunnel_share) : std::nullopt);
  json.field("tunnels", coverage.tunnels).key("outside").begin_array();
  for (const OutsidePrefix& outside : coverage.outside) {
    json.new_line().begin_object().field("prefix", outside.prefix);
    json.field("class", address_class_name(outside.address_class)).field_or_null("interface", outside.interface);
    json.field("gateway", outside.gateway);
    json.field_or_null("protocol", outside.protocol ? route_protocol_name(*outside.protocol) : "").end_object();
  }
  json.end_array().field("outside_is_cut", coverage.is_cut).field("exceptions", coverage.exceptions).end_object();
}

const char* sign_kind_name(VpnSignKind kind) {
  constexpr std::array kNames = {"ipsec_socket", "xfrm_counters", "userspace_client", "proxy_client",
                                 "abandoned_socket"};
  return kNames[static_cast<std::size_t>(kind)];
}

void write_signs(JsonWriter& json, const Observed<std::vector<VpnSign>>& signs) {
  json.key("vpn_signs");
  if (!signs) {
    json.null();
    return;
  }
  json.begin_array();
  for (const VpnSign& sign : *signs) {
    json.begin_object().field("kind", sign_kind_name(sign.kind)).field_or_null("name", sign.name);
    json.field("pid", sign.pid).field_or_null("text", sign.text).end_object();
  }
  json.end_array();
}

void write_sources(JsonWriter& json, const Snapshot& snapshot) {
  json.key("sources").begin_array();
  write_source(json, "links", snapshot.links);
  write_source(json, "addresses", snapshot.addresses);
  write_source(json, "routes", snapshot.routes);
  write_source(json, "rules", snapshot.rules);
  write_source(json, "tunnels", snapshot.tunnels);
  write_source(json, "counters", snapshot.activity);
  write_source(json, "xfrm", snapshot.xfrm);
  write_source(json, "firewall", snapshot.firewall);
  write_source(json, "leases", snapshot.leases);
  write_source(json, "vpn_signs", snapshot.vpn_signs);
  json.end_array();
}

}  // namespace

void write_coverage(JsonWriter& json, const Coverage& coverage) {
  json.begin_object().key("inet");
  write_family(json, coverage.inet);
  json.key("inet6");
  write_family(json, coverage.inet6);
  json.end_object();
}

void write_data(JsonWriter& json, const LeaksReport& report) {
  json.begin_object();
  write_state(json, report);
  write_expectation(json, report.expectation);
  write_tunnels(json.key("tunnels"), report);
  write_coverage(json.key("coverage"), report.coverage);
  write_capture(json.key("capture"), report.capture);
  write_bypass(json.key("active"), report.bypass);
  write_signs(json, report.snapshot->vpn_signs);
  write_sources(json, *report.snapshot);
  json.end_object();
}

}  // namespace vpndoctor
