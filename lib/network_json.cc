// SPDX-License-Identifier: Apache-2.0
// Rules, links and addresses as JSON; routes, of which there may be a million, are in route_json.cc.
#include "vpndoctor/network_json.h"

#include "flag_words.h"
#include "json_members.h"
#include "snapshot_records.h"

namespace vpndoctor {
namespace {

void write_selectors(JsonMembers& members, const Rule& rule) {
  members.value("inverted", rule.inverted, false).maybe("source", rule.source).maybe("destination", rule.destination);
  members.text("input_interface", rule.input_interface).text("output_interface", rule.output_interface);
  members.value("input_interface_detached", rule.input_interface_detached, false)
      .value("output_interface_detached", rule.output_interface_detached, false)
      .value("mark", rule.mark, 0U)
      .value("mark_mask", rule.mark_mask, 0U)
      .value("tos", rule.tos, std::uint8_t{0})
      .maybe("dscp", rule.dscp)
      .maybe("dscp_mask", rule.dscp_mask);
  members.range("uids", rule.uids);
  members.value("ip_protocol", rule.ip_protocol, std::uint8_t{0});
  members.range("source_ports", rule.source_ports);
  members.maybe("source_port_mask", rule.source_port_mask);
  members.range("destination_ports", rule.destination_ports);
  members.maybe("destination_port_mask", rule.destination_port_mask)
      .value("tunnel_id", rule.tunnel_id, std::uint64_t{0})
      .value("l3mdev", rule.l3mdev, false)
      .maybe("flow_label", rule.flow_label)
      .maybe("flow_label_mask", rule.flow_label_mask);
}

std::string tun_type_name(std::uint8_t type) {
  constexpr std::uint8_t kTun = 1;
  constexpr std::uint8_t kTap = 2;
  if (type == kTun) return "tun";
  return type == kTap ? "tap" : fmt::format("{}", type);
}

std::optional<std::string> tun_type_of(const Link& link) {
  if (!link.tun_type) return std::nullopt;
  return tun_type_name(*link.tun_type);
}

/// Null for a rule that looks no table up.
std::optional<std::uint32_t> table_of(const Rule& rule) {
  if (rule.table == kTableUnspecified) return std::nullopt;
  return rule.table;
}

}  // namespace

void write_rule_members(JsonWriter& json, const Snapshot& snapshot, const Rule& rule, bool terse) {
  JsonMembers members(json, terse);
  json.field("family", family_name(rule.family)).field("priority", rule.priority);
  write_selectors(members, rule);
  members.word("action", rule_action_name(rule.action), rule_action_name(RuleAction::kToTable));
  members.maybe("table", table_of(rule));
  if (!terse) json.field_or_null("table_name", table_of(rule) ? snapshot.table_name(rule.table) : "");
  members.maybe("goto_priority", rule.goto_priority)
      .value("goto_unresolved", rule.goto_unresolved, false)
      .maybe("suppress_prefix_length", rule.suppress_prefix_length)
      .maybe("suppress_interface_group", rule.suppress_interface_group)
      .value("realms", rule.realms, 0U)
      .word("protocol", route_protocol_name(rule.protocol), route_protocol_name(kProtocolUnspecified))
      .list("not_understood", rule.not_understood);
}

void write_rule(JsonWriter& json, const Snapshot& snapshot, const Rule& rule, bool terse) {
  json.begin_object();
  write_rule_members(json, snapshot, rule, terse);
  json.end_object();
}

void write_link_members(JsonWriter& json, const Link& link, bool terse) {
  JsonMembers members(json, terse);
  json.field("index", link.index).field("name", link.name);
  members.list("alternative_names", link.alternative_names)
      .text("kind", link.kind)
      .flags("flags", link.flags, link_flag_words())
      .word("operational_state", operational_state_name(link.operational_state), operational_state_name(0))
      .maybe("mtu_bytes", link.mtu_bytes)
      .value("hardware_type", link.hardware_type, std::uint16_t{0})
      .text("hardware_address", link.hardware_address)
      .text("master", link.master)
      .text("lower", link.lower)
      .value("lower_is_elsewhere", link.lower_is_elsewhere, false)
      .value("group", link.group, 0U)
      .maybe("vrf_table", link.vrf_table)
      .maybe("tun_type", tun_type_of(link))
      .maybe("tun_persistent", link.tun_persistent)
      .maybe("carrier", link.carrier)
      .maybe("tunnel_local", link.tunnel_local)
      .maybe("tunnel_remote", link.tunnel_remote);
}

void write_link(JsonWriter& json, const Link& link, bool terse) {
  json.begin_object();
  write_link_members(json, link, terse);
  json.end_object();
}

void write_address_members(JsonWriter& json, const Address& address, bool terse) {
  JsonMembers members(json, terse);
  members.text("interface", address.interface);
  if (!terse) json.field("family", family_name(address.address.family));
  json.field("address", address.address).field("prefix_length", address.prefix_length);
  members.maybe("peer", address.peer)
      .maybe("broadcast", address.broadcast)
      .word("scope", route_scope_name(address.scope), route_scope_name(kScopeUniverse))
      .flags("flags", address.flags, address_flag_words(address.address.family))
      .value("route_metric", address.route_metric, 0U)
      .word("protocol", address_protocol_name(address.protocol), address_protocol_name(0))
      .text("label", address.label)
      .maybe("valid_seconds", address.valid_seconds)
      .maybe("preferred_seconds", address.preferred_seconds);
}

void write_address(JsonWriter& json, const Address& address, bool terse) {
  json.begin_object();
  write_address_members(json, address, terse);
  json.end_object();
}

}  // namespace vpndoctor
