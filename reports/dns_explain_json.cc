// SPDX-License-Identifier: Apache-2.0
// `data` of `dns explain`.
#include "data_json.h"

namespace vpndoctor {
namespace {

void write_query(JsonWriter& json, const DnsQuery& query) {
  json.begin_object().field_or_null("server", query.server ? query.server->to_string() : "");
  json.field_or_null("interface", query.interface).field("name", query.name).field("protocol", query.protocol);
  json.field_or_null("scope", query.scope).field_or_null("only_if", query.only_if).end_object();
}

void write_candidate(JsonWriter& json, const DnsCandidate& candidate) {
  json.begin_object().field("scope", candidate.scope).field("score", candidate.score.to_string());
  json.field("chosen", candidate.chosen).field("rule", candidate.rule);
  json.field_or_null("matched_domain", candidate.matched_domain).end_object();
}

void write_leaks(JsonWriter& json, const DnsPath& path) {
  json.key("leaks_to");
  if (path.leaks_to) {
    json.value(*path.leaks_to);
  } else {
    json.null();
  }
  json.field_or_null("leaks_unknown_because", path.leaks_to ? "" : path.why_leaks_unknown);
}

void write_delay(JsonWriter& json, const DnsPath& path) {
  json.key("delay_if_first_is_silent_ms");
  if (path.delay_if_first_is_silent) {
    json.value(path.delay_if_first_is_silent->count());
  } else {
    json.null();
  }
}

void write_path(JsonWriter& json, const DnsPath& path) {
  json.new_line().begin_object().field("caller", dns_caller_name(path.caller));
  json.field_or_null("interface", path.interface).field_or_null("why_none", path.why_none);
  json.field_or_null("answered_by", path.answered_by).field("answered_here", path.is_answered_here);
  json.key("asked").begin_array();
  for (const DnsQuery& query : path.asked) write_query(json, query);
  json.end_array().field("parallel", path.parallel).key("candidates").begin_array();
  for (const DnsCandidate& candidate : path.candidates) write_candidate(json, candidate);
  json.end_array();
  write_leaks(json, path);
  json.field("steps", path.steps);
  write_delay(json, path);
  json.field("certain", path.uncertain.empty()).field_or_null("uncertain_because", path.uncertain);
  json.field("notes", path.notes).end_object();
}

}  // namespace

void write_data(JsonWriter& json, const DnsExplainReport& report) {
  const DnsExplanation& explanation = report.explanation;
  json.begin_object().field("name", explanation.name).field("type", dns_type_name(explanation.type));
  json.key("paths").begin_array();
  for (const DnsPath& path : explanation.paths) write_path(json, path);
  json.end_array().end_object();
}

}  // namespace vpndoctor
