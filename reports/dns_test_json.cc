// SPDX-License-Identifier: Apache-2.0
// `data` of `dns test`.
#include "data_json.h"
#include "vpndoctor/dns_message.h"

namespace vpndoctor {
namespace {

JsonWriter& write_ms(JsonWriter& json, const char* name, const std::optional<Milliseconds>& time) {
  return json.field(name, time ? std::optional(time->count()) : std::nullopt);
}

void write_exchange(JsonWriter& json, const DnsExchange& exchange) {
  json.new_line().begin_object().field("server", exchange.server.to_string());
  json.field_or_null("interface", exchange.interface).field("name", exchange.name);
  json.field("type", dns_type_name(exchange.type));
  json.field("transport", exchange.transport == DnsTransport::kTcp ? "tcp" : "udp");
  json.field("edns_bytes", exchange.edns_bytes).field("sent", exchange.sent);
  json.field("outcome", dns_outcome_name(exchange.outcome)).field_or_null("reason", exchange.reason);
  write_ms(json, "rtt_ms", exchange.rtt);
  json.field("rcode", exchange.rcode);
  json.field_or_null("rcode_name", exchange.rcode ? dns_rcode_name(*exchange.rcode) : "");
  json.field("truncated", exchange.truncated).field("answers", exchange.answers);
  json.field("reply_bytes", exchange.reply_bytes).field("server_edns_bytes", exchange.server_bytes);
  json.field("reply_ttl", exchange.reply_ttl).field("other_answers", exchange.other_answers);
  json.field("other_answer_texts", exchange.other_texts).end_object();
}

void write_server(JsonWriter& json, const DnsServerTest& server) {
  json.new_line().begin_object().field("server", server.server.to_string()).field_or_null("scope", server.scope);
  json.field_or_null("interface", server.interface).field("bound", server.why_unbound.empty());
  json.field_or_null("not_bound_because", server.why_unbound).field("is_tunnel", server.is_tunnel);
  json.field("named_by_user", server.is_named).field("resolv_conf_index", server.resolv_conf_index);
  write_exchange(json.key("udp"), server.udp);
  write_exchange(json.key("udp_without_edns"), server.udp_plain);
  write_exchange(json.key("tcp"), server.tcp);
  json.key("control");
  if (server.control) {
    write_exchange(json, *server.control);
  } else {
    json.null();
  }
  json.key("edns_ladder").begin_array();
  for (const DnsExchange& rung : server.ladder) write_exchange(json, rung);
  json.end_array().field("largest_edns_bytes", server.largest_edns_bytes);
  json.field_or_null("edns_not_judged_because", server.why_not_judged).end_object();
}

void write_way(JsonWriter& json, const DnsWayAnswer& way) {
  json.new_line().begin_object().field("way", way.way).field_or_null("scope", way.scope);
  json.field_or_null("interface", way.interface).field("outcome", dns_outcome_name(way.outcome));
  json.field_or_null("status", way.status).field_or_null("reason", way.reason).field("answers", way.addresses);
  write_ms(json, "took_ms", way.took).field("lost", way.lost).end_object();
}

void write_name(JsonWriter& json, const DnsNameTest& name) {
  json.begin_object().field("name", name.name).field("type", dns_type_name(name.type)).key("ways").begin_array();
  for (const DnsWayAnswer& way : name.ways) write_way(json, way);
  json.end_array().end_object();
}

void write_hijack(JsonWriter& json, const DnsTestResults& results) {
  json.key("hijack");
  if (!results.has_hijack_test) {
    json.null();
    return;
  }
  json.begin_array();
  for (const DnsHijackProbe& probe : results.hijack) {
    json.begin_object().field("egress", probe.egress).field("through_tunnel", probe.through_tunnel);
    const bool answered = probe.exchange.outcome == DnsOutcome::kAnswered;
    json.field("intercepted", answered ? std::optional(true) : std::nullopt);
    write_exchange(json.key("exchange"), probe.exchange);
    json.end_object();
  }
  json.end_array();
}

}  // namespace

void write_data(JsonWriter& json, const DnsTestReport& report) {
  json.begin_object().key("servers").begin_array();
  for (const DnsServerTest& server : report.results.servers) write_server(json, server);
  json.end_array().field("servers_left_out", report.results.servers_left_out).key("names").begin_array();
  for (const DnsNameTest& name : report.results.names) write_name(json, name);
  json.end_array();
  write_hijack(json, report.results);
  json.end_object();
}

}  // namespace vpndoctor
