// SPDX-License-Identifier: Apache-2.0
// Writes the records of the packet filter. Bytes of registers are hexadecimal.
#include "hex.h"
#include "json_members.h"
#include "snapshot_firewall_records.h"
#include "snapshot_firewall_words.h"

namespace vpndoctor {
namespace {

void write_decision(JsonMembers& members, const FirewallDecision& decision) {
  members.word("action", firewall_action_word(decision.action), firewall_action_word(FirewallAction::kNone))
      .text("chain", decision.chain);
}

void write_expression(JsonWriter& json, const FirewallExpression& step) {
  json.begin_object().field("name", step.name);
  JsonMembers members(json, true);
  members.text("subject", step.subject)
      .value("source", step.source, 0U)
      .value("second_source", step.second_source, 0U)
      .value("destination", step.destination, 0U)
      .value("key", step.key, 0U)
      .value("operation", step.operation, 0U)
      .value("offset", step.offset, 0U)
      .value("length_bytes", step.length, 0U)
      .value("flags", step.flags, 0U)
      .text("data", to_hex(step.data))
      .text("second_data", to_hex(step.second_data));
  write_decision(members, step.decision);
  json.end_object();
}

void write_element(JsonWriter& json, const FirewallElement& element) {
  json.begin_object();
  JsonMembers members(json, true);
  members.text("key", to_hex(element.key))
      .text("key_end", to_hex(element.key_end))
      .text("data", to_hex(element.data))
      .value("is_interval_end", element.is_interval_end, false)
      .value("is_catch_all", element.is_catch_all, false);
  write_decision(members, element.decision);
  json.end_object();
}

}  // namespace

void write_members(JsonWriter& json, const Firewall& firewall) {
  JsonMembers members(json, true);
  members.list("others", firewall.others)
      .value("others_may_mark", firewall.others_may_mark, false)
      .value("is_big_endian", firewall.is_big_endian, false);
  if (firewall.device_filters.empty()) return;
  json.key("device_filters").begin_array();
  for (const FirewallDeviceFilter& each : firewall.device_filters) {
    json.begin_object().field("interface", each.interface).field("what", each.what).end_object();
  }
  json.end_array();
}

void write_members(JsonWriter& json, const FirewallTable& table) {
  json.field("family", table.family).field("name", table.name);
  JsonMembers(json, true).value("is_dormant", table.is_dormant, false);
}

void write_members(JsonWriter& json, const FirewallChain& chain) {
  json.field("name", chain.name);
  JsonMembers members(json, true);
  members.text("type", chain.type).text("hook", firewall_hook_name(chain.hook));
  members.value("priority", chain.priority, 0)
      .value("drops_by_default", chain.drops_by_default, false)
      .list("devices", chain.devices);
}

void write_members(JsonWriter& json, const FirewallRule& rule) {
  JsonMembers(json, true).value("handle", rule.handle, std::uint64_t{0}).text("comment", rule.comment);
  if (rule.expressions.empty()) return;
  json.key("steps").begin_array();
  for (const FirewallExpression& each : rule.expressions) write_expression(json, each);
  json.end_array();
}

void write_members(JsonWriter& json, const FirewallSet& set) {
  json.field("name", set.name);
  JsonMembers(json, true)
      .value("flags", set.flags, 0U)
      .value("key_bytes", set.key_bytes, 0U)
      .list("field_bytes", set.field_bytes)
      .value("is_cut", set.is_cut, false);
}

void write_members(JsonWriter& json, std::span<const FirewallElement> elements) {
  json.key("elements").begin_array();
  for (const FirewallElement& each : elements) write_element(json, each);
  json.end_array();
}

}  // namespace vpndoctor
