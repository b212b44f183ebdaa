// SPDX-License-Identifier: Apache-2.0
// Reads every kind of record but routes. A field that is absent has its usual value, that of the model.
#include <algorithm>
#include <array>

#include "hex.h"
#include "snapshot_records.h"

namespace vpndoctor {
namespace {

std::optional<std::uint8_t> parse_tun_type(std::string_view text) {
  if (text == "tun") return std::uint8_t{1};
  if (text == "tap") return std::uint8_t{2};
  return parse_route_protocol(text);  // a number
}

std::optional<RuleAction> parse_rule_action(std::string_view text) {
  for (unsigned action = 0; action <= UINT8_MAX; ++action) {
    if (rule_action_name(static_cast<RuleAction>(action)) == text) return static_cast<RuleAction>(action);
  }
  return std::nullopt;
}

void read_selectors(RecordFields& in, Rule& rule) {
  in.truth("inverted", rule.inverted)
      .prefix("source", rule.source)
      .prefix("destination", rule.destination)
      .unchecked_interface("input_interface", rule.input_interface)
      .unchecked_interface("output_interface", rule.output_interface)
      .truth("input_interface_detached", rule.input_interface_detached)
      .truth("output_interface_detached", rule.output_interface_detached)
      .number("mark", rule.mark)
      .number("mark_mask", rule.mark_mask)
      .number("tos", rule.tos)
      .number("dscp", rule.dscp)
      .number("dscp_mask", rule.dscp_mask);
  read_range(in, "uids", rule.uids);
  in.number("ip_protocol", rule.ip_protocol);
  read_range(in, "source_ports", rule.source_ports);
  in.number("source_port_mask", rule.source_port_mask);
  read_range(in, "destination_ports", rule.destination_ports);
  in.number("destination_port_mask", rule.destination_port_mask)
      .number("tunnel_id", rule.tunnel_id)
      .truth("l3mdev", rule.l3mdev)
      .number("flow_label", rule.flow_label)
      .number("flow_label_mask", rule.flow_label_mask);
  for (const auto* prefix : {&rule.source, &rule.destination}) {
    if (*prefix && (*prefix)->family() != rule.family) in.fail("family", "is not that of the rule's prefixes");
  }
}

}  // namespace

void read_range(RecordFields& in, std::string_view name, std::optional<NumberRange>& out) {
  in.object(name, [&](RecordFields& range) {
    out.emplace();
    range.required("first").required("last").number("first", out->first).number("last", out->last);
  });
}

void read_next_hop(RecordFields& in, NextHop& hop) {
  std::uint32_t flags = 0;
  in.address("gateway", hop.gateway)
      .interface("interface", hop.interface)
      .number("weight", hop.weight)
      .flags("flags", flags, next_hop_flag_words())
      .object("encap", [&](RecordFields& encap) {
        std::string payload;
        encap.required("type").number("type", hop.encapsulation.type).text("payload", payload);
        const auto bytes = from_hex(payload);
        if (!bytes) encap.fail("payload", "is not hexadecimal");
        hop.encapsulation.attributes = bytes.value_or("");
      });
  if (flags > UINT8_MAX) in.fail("flags", "has a flag that is out of range");
  hop.flags = static_cast<std::uint8_t>(flags);
}

namespace {

void read_link(RecordFields& in, Link& link) {
  in.required("name")
      .number("index", link.index)
      .interface("name", link.name)
      .unchecked_interfaces("alternative_names", link.alternative_names)
      .text("kind", link.kind)
      .flags("flags", link.flags, link_flag_words())
      .word("operational_state", link.operational_state, parse_operational_state)
      .number("mtu_bytes", link.mtu_bytes)
      .number("hardware_type", link.hardware_type)
      .text("hardware_address", link.hardware_address)
      .interface("master", link.master)
      .interface("lower", link.lower)
      .truth("lower_is_elsewhere", link.lower_is_elsewhere)
      .number("group", link.group)
      .number("vrf_table", link.vrf_table)
      .word("tun_type", link.tun_type, parse_tun_type)
      .truth("tun_persistent", link.tun_persistent)
      .truth("carrier", link.carrier)
      .address("tunnel_local", link.tunnel_local)
      .address("tunnel_remote", link.tunnel_remote);
}

void read_address(RecordFields& in, Address& address) {
  in.required("address")
      .required("prefix_length")
      .interface("interface", address.interface)
      .address("address", address.address)
      .number("prefix_length", address.prefix_length)
      .address("peer", address.peer)
      .address("broadcast", address.broadcast)
      .word("scope", address.scope, parse_route_scope)
      .flags("flags", address.flags, address_flag_words(address.address.family))
      .number("route_metric", address.route_metric)
      .word("protocol", address.protocol, parse_address_protocol)
      .text("label", address.label)
      .number("valid_seconds", address.valid_seconds)
      .number("preferred_seconds", address.preferred_seconds);
  if (address.prefix_length > address_bits(address.address.family)) in.fail("prefix_length", "is out of range");
}

void read_rule(RecordFields& in, Rule& rule) {
  in.required("family").required("priority").family("family", rule.family).number("priority", rule.priority);
  read_selectors(in, rule);
  in.word("action", rule.action, parse_rule_action)
      .number("table", rule.table)
      .number("goto_priority", rule.goto_priority)
      .truth("goto_unresolved", rule.goto_unresolved)
      .number("suppress_prefix_length", rule.suppress_prefix_length)
      .number("suppress_interface_group", rule.suppress_interface_group)
      .number("realms", rule.realms)
      .word("protocol", rule.protocol, parse_route_protocol)
      .numbers("not_understood", rule.not_understood);
}

void read_next_hop_object(RecordFields& in, NextHopObject& object) {
  in.required("id")
      .number("id", object.id)
      .family("family", object.family)
      .word("protocol", object.protocol, parse_route_protocol)
      .truth("blackhole", object.blackhole)
      .truth("fdb", object.fdb)
      .object("hop", [&](RecordFields& hop) { read_next_hop(hop, object.hop); })
      .objects("group",
               [&](RecordFields& member) {
                 NextHopObject::Member& each = object.group.emplace_back();
                 member.required("id").number("id", each.id).number("weight", each.weight);
               })
      .number("group_type", object.group_type)
      .object("resilient", [&](RecordFields& resilient) {
        ResilientGroup& each = object.resilient.emplace();
        resilient.required("buckets").number("buckets", each.buckets);
        resilient.number("idle_timer_centiseconds", each.idle_timer_centiseconds)
            .number("unbalanced_timer_centiseconds", each.unbalanced_timer_centiseconds);
      });
}

void read_neighbour(RecordFields& in, Neighbour& neighbour) {
  std::uint32_t state = 0;
  in.required("address")
      .interface("interface", neighbour.interface)
      .address("address", neighbour.address)
      .text("hardware_address", neighbour.hardware_address)
      .flags("state", state, neighbour_state_bits())
      .truth("is_router", neighbour.is_router);
  if (state > UINT16_MAX) in.fail("state", "has a flag that is out of range");
  neighbour.state = static_cast<std::uint16_t>(state);
}

void read_routing_settings(RecordFields& in, RoutingSettings& settings) {
  for (const auto& field : kRoutingSettings) in.number(field.name, settings.*field.value);
}

void read_interface_settings(RecordFields& in, RoutingSettings& settings) {
  Family family = Family::kInet;
  std::string interface;
  in.required("family").required("interface").family("family", family).interface("interface", interface);
  auto& all = family == Family::kInet ? settings.inet : settings.inet6;
  const auto [place, is_new] = all.try_emplace(interface);
  if (!is_new) in.fail("interface", "has settings already");
  for (const auto& field : kInterfaceSettings) in.number(field.name, place->second.*field.value);
}

void read_name(RecordFields& in, NumberNames& names) {
  std::size_t thing = 0;
  std::uint32_t number = 0;
  std::string name;
  in.required("of").required("number").required("name").number("number", number).text("name", name);
  in.word("of", thing, [](std::string_view text) -> std::optional<std::size_t> {
    const auto found = std::find(kNumberedThings.begin(), kNumberedThings.end(), text);
    if (found == kNumberedThings.end()) return std::nullopt;
    return static_cast<std::size_t>(found - kNumberedThings.begin());
  });
  if (in.failed()) return;
  if (!names_of(names, thing)->try_emplace(number, name).second) in.fail("number", "has a name already");
}

/// Appends what `read` reads to a part of the snapshot.
template <auto kPart, auto kRead>
void append(SnapshotParts& parts, RecordFields& in) {
  kRead(in, (parts.*kPart).emplace_back());
}

template <DnsRecordKind kKind>
void read_dns(SnapshotParts& parts, RecordFields& in) {
  read_dns_record(kKind, in, parts.dns);
}

template <LeakRecordKind kKind>
void read_leak(SnapshotParts& parts, RecordFields& in) {
  read_leak_record(kKind, in, parts.leaks);
}

template <FirewallRecordKind kKind>
void read_firewall(SnapshotParts& parts, RecordFields& in) {
  read_firewall_record(kKind, in, parts.firewalls);
}

constexpr std::array<RecordKind, 43> kRecordKinds = {{
    {"route", Facet::kRoutes, [](SnapshotParts& parts, RecordFields& in) { parts.routes.read(in); }},
    {"link", Facet::kLinks, append<&SnapshotParts::links, read_link>},
    {"address", Facet::kAddresses, append<&SnapshotParts::addresses, read_address>},
    {"rule", Facet::kRules, append<&SnapshotParts::rules, read_rule>},
    {"nexthop", Facet::kNextHopObjects, append<&SnapshotParts::next_hop_objects, read_next_hop_object>},
    {"neighbour", Facet::kNeighbours, append<&SnapshotParts::neighbours, read_neighbour>},
    {"settings", Facet::kSettings,
     [](SnapshotParts& parts, RecordFields& in) { read_routing_settings(in, parts.settings); }},
    {"interface_settings", Facet::kSettings,
     [](SnapshotParts& parts, RecordFields& in) { read_interface_settings(in, parts.settings); }},
    {"tunnel", Facet::kTunnels, read_leak<LeakRecordKind::kTunnel>},
    {"tunnel_more", Facet::kTunnels, read_leak<LeakRecordKind::kTunnelMore>},
    {"tunnel_peer", Facet::kTunnels, read_leak<LeakRecordKind::kTunnelPeer>},
    {"tunnel_peer_more", Facet::kTunnels, read_leak<LeakRecordKind::kTunnelPeerMore>},
    {"name", Facet::kNames, [](SnapshotParts& parts, RecordFields& in) { read_name(in, parts.names); }},
    {"host", Facet::kHosts, read_dns<DnsRecordKind::kHost>},
    {"resolv_conf", Facet::kResolvConf, read_dns<DnsRecordKind::kResolvConf>},
    {"name_service_switch", Facet::kNameServiceSwitch, read_dns<DnsRecordKind::kNameServiceSwitch>},
    {"name_service_cache", Facet::kNameServiceCache, read_dns<DnsRecordKind::kNameServiceCache>},
    {"resolved", Facet::kResolved, read_dns<DnsRecordKind::kResolved>},
    {"resolved_scope", Facet::kResolved, read_dns<DnsRecordKind::kResolvedScope>},
    {"resolved_settings", Facet::kResolvedSettings, read_dns<DnsRecordKind::kResolvedSettings>},
    {"network_manager", Facet::kNetworkManager, read_dns<DnsRecordKind::kNetworkManager>},
    {"network_manager_entry", Facet::kNetworkManager, read_dns<DnsRecordKind::kNetworkManagerEntry>},
    {"dnsmasq", Facet::kDnsmasq, read_dns<DnsRecordKind::kDnsmasq>},
    {"dns_listener", Facet::kDnsListeners, read_dns<DnsRecordKind::kListener>},
    {"resolv_conf_backup", Facet::kResolvConfBackups, read_dns<DnsRecordKind::kBackup>},
    {"macos_dns", Facet::kMacosDns, read_dns<DnsRecordKind::kMacos>},
    {"macos_resolver", Facet::kMacosDns, read_dns<DnsRecordKind::kMacosResolver>},
    {"activity", Facet::kActivity, read_leak<LeakRecordKind::kActivity>},
    {"interface_activity", Facet::kActivity, read_leak<LeakRecordKind::kInterfaceActivity>},
    {"activity_peer", Facet::kActivity, read_leak<LeakRecordKind::kActivityPeer>},
    {"activity_peer_more", Facet::kActivity, read_leak<LeakRecordKind::kActivityPeerMore>},
    {"xfrm", Facet::kXfrm, read_leak<LeakRecordKind::kXfrm>},
    {"xfrm_policy", Facet::kXfrm, read_leak<LeakRecordKind::kXfrmPolicy>},
    {"xfrm_state", Facet::kXfrm, read_leak<LeakRecordKind::kXfrmState>},
    {"firewall", Facet::kFirewall, read_firewall<FirewallRecordKind::kFirewall>},
    {"firewall_table", Facet::kFirewall, read_firewall<FirewallRecordKind::kTable>},
    {"firewall_chain", Facet::kFirewall, read_firewall<FirewallRecordKind::kChain>},
    {"firewall_rule", Facet::kFirewall, read_firewall<FirewallRecordKind::kRule>},
    {"firewall_set", Facet::kFirewall, read_firewall<FirewallRecordKind::kSet>},
    {"firewall_elements", Facet::kFirewall, read_firewall<FirewallRecordKind::kElements>},
    {"lease", Facet::kLeases, read_leak<LeakRecordKind::kLease>},
    {"lease_more", Facet::kLeases, read_leak<LeakRecordKind::kLeaseMore>},
    {"vpn_sign", Facet::kVpnSigns, read_leak<LeakRecordKind::kVpnSign>},
}};

}  // namespace

const RecordKind* find_record_kind(std::string_view name) {
  const auto found = std::find_if(kRecordKinds.begin(), kRecordKinds.end(),
                                  [name](const RecordKind& each) { return each.name == name; });
  return found == kRecordKinds.end() ? nullptr : &*found;
}

}  // namespace vpndoctor
