// SPDX-License-Identifier: Apache-2.0
// Writes the records of tunnels, IPsec, DHCP leases and signs of other VPNs.
#include <algorithm>
#include <array>

#include "json_members.h"
#include "snapshot_leak_records.h"
#include "snapshot_leak_words.h"
#include "timestamp.h"

namespace vpndoctor {
namespace {

template <class T>
std::span<const T> beginning_of(const std::vector<T>& list) {
  return std::span(list).first(std::min(list.size(), kMostInRecord));
}

template <class T, class Write>
void write_list(JsonWriter& json, std::string_view name, std::span<const T> list, Write write) {
  if (list.empty()) return;
  json.key(name).begin_array();
  for (const T& each : list) {
    json.begin_object();
    write(each);
    json.end_object();
  }
  json.end_array();
}

void write_time(JsonWriter& json, std::string_view name,
                const std::optional<std::chrono::system_clock::time_point>& time) {
  if (time) json.field(name, to_timestamp(*time));
}

/// A count of seconds or milliseconds as the file holds it.
std::uint32_t whole_number(std::int64_t count) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(count, 0, UINT32_MAX));
}

void write_counters(JsonWriter& json, std::string_view name, const InterfaceCounters& counters) {
  json.key(name).begin_object();
  JsonMembers members(json, true);
  for (const auto& field : kInterfaceCounters) members.value(field.name, counters.*field.value, std::uint64_t{0});
  members.maybe("queued_packets", counters.queued_packets);
  json.end_object();
}

void write_template(JsonWriter& json, const XfrmTemplate& wanted) {
  JsonMembers(json, true)
      .maybe("source", wanted.source)
      .maybe("destination", wanted.destination)
      .value("ip_protocol", wanted.ip_protocol, std::uint8_t{0})
      .value("mode", wanted.mode, std::uint8_t{0})
      .value("is_optional", wanted.is_optional, false);
}

void write_way(JsonWriter& json, const ConfiguredWay& way) {
  json.field("destination", way.destination);
  JsonMembers(json, true)
      .maybe("gateway", way.gateway)
      .word("type", route_type_name(way.type), route_type_name(RouteType::kUnicast))
      .maybe("metric", way.metric)
      .maybe("table", way.table)
      .maybe("preferred_source", way.preferred_source)
      .value("on_link", way.on_link, false)
      .text("place", way.place);
}

}  // namespace

void write_endpoints(JsonWriter& json, std::span<const OuterEndpoint> endpoints) {
  write_list(json, "endpoints", endpoints, [&](const OuterEndpoint& each) {
    json.field("address", each.address);
    JsonMembers(json, true).maybe("port", each.port);
  });
}

void write_outer_sockets(JsonWriter& json, std::span<const OuterSocket> sockets) {
  write_list(json, "outer_sockets", sockets, [&](const OuterSocket& each) {
    json.field("ip_protocol", each.ip_protocol).field("local", each.local);
    JsonMembers(json, true)
        .value("local_port", each.local_port, std::uint16_t{0})
        .maybe("remote", each.remote)
        .value("remote_port", each.remote_port, std::uint16_t{0});
  });
}

void write_allowed_ips(JsonWriter& json, std::span<const AllowedIp> allowed_ips) {
  write_list(json, "allowed_ips", allowed_ips, [&](const AllowedIp& each) {
    json.field("address", each.address).field("prefix_length", each.prefix_length);
  });
}

void write_ways(JsonWriter& json, std::span<const ConfiguredWay> ways) {
  write_list(json, "ways", ways, [&](const ConfiguredWay& each) { write_way(json, each); });
}

void write_members(JsonWriter& json, const Tunnel& tunnel) {
  JsonMembers members(json, true);
  members.text("interface", tunnel.interface)
      .text("kind", tunnel.kind)
      .maybe("holder_pid", tunnel.holder_pid)
      .text("holder_name", tunnel.holder_name)
      .maybe("mark", tunnel.mark)
      .text("not_seen", tunnel.not_seen)
      .text("holder_not_seen", tunnel.holder_not_seen);
  if (is_process_state(tunnel.holder_state)) json.field("holder_state", std::string(1, tunnel.holder_state));
  members.maybe("holder_is_elsewhere", tunnel.holder_is_elsewhere)
      .maybe("outer_is_elsewhere", tunnel.outer_is_elsewhere)
      .maybe("listen_port", tunnel.listen_port)
      .value("has_peers", tunnel.peers.has_value(), false);
  write_endpoints(json, beginning_of(tunnel.endpoints));
  write_outer_sockets(json, beginning_of(tunnel.outer_sockets));
}

void write_members(JsonWriter& json, const WireguardPeer& peer) {
  JsonMembers members(json, true);
  members.text("public_key", peer.public_key)
      .maybe("endpoint", peer.endpoint)
      .value("endpoint_port", peer.endpoint_port, std::uint16_t{0});
  write_time(json, "last_handshake", peer.last_handshake);
  members.value("received_bytes", peer.received_bytes, std::uint64_t{0})
      .value("sent_bytes", peer.sent_bytes, std::uint64_t{0});
  if (peer.keepalive) json.field("keepalive_seconds", whole_number(peer.keepalive->count()));
  write_allowed_ips(json, beginning_of(peer.allowed_ips));
}

void write_members(JsonWriter& json, const TunnelActivity& activity) {
  json.field("interval_ms", whole_number(activity.interval.count()));
  json.field("ended_at", to_timestamp(activity.ended_at));
}

void write_members(JsonWriter& json, const InterfaceActivity& activity) {
  JsonMembers(json, true).text("interface", activity.interface);
  write_counters(json, "first", activity.first);
  write_counters(json, "last", activity.last);
  JsonMembers(json, true).maybe("last_carrier", activity.last_carrier);
}

void write_members(JsonWriter& json, const Xfrm& xfrm) {
  JsonMembers(json, true).value("blocks_output_by_default", xfrm.blocks_output_by_default, false);
}

void write_members(JsonWriter& json, const XfrmPolicy& policy) {
  json.field("direction", word_of(kXfrmDirections, policy.direction)).field("family", family_name(policy.family));
  json.field("source", policy.source).field("destination", policy.destination);
  JsonMembers members(json, true);
  members.value("ip_protocol", policy.ip_protocol, std::uint8_t{0})
      .range("source_ports", policy.source_ports)
      .maybe("source_port_mask", policy.source_port_mask)
      .range("destination_ports", policy.destination_ports)
      .maybe("destination_port_mask", policy.destination_port_mask)
      .text("interface", policy.interface)
      .value("priority", policy.priority, 0U)
      .value("index", policy.index, 0U)
      .value("blocks", policy.blocks, false)
      .value("mark", policy.mark, 0U)
      .value("mark_mask", policy.mark_mask, 0U)
      .value("interface_id", policy.interface_id, 0U);
  write_list(json, "templates", std::span(policy.templates),
             [&](const XfrmTemplate& each) { write_template(json, each); });
}

void write_members(JsonWriter& json, const XfrmState& state) {
  json.field("source", state.source).field("destination", state.destination);
  JsonMembers(json, true)
      .value("spi", state.spi, 0U)
      .value("ip_protocol", state.ip_protocol, std::uint8_t{0})
      .value("mode", state.mode, std::uint8_t{0})
      .maybe("udp_source_port", state.udp_source_port)
      .maybe("udp_destination_port", state.udp_destination_port);
}

void write_members(JsonWriter& json, const InterfaceConfiguration& lease) {
  json.field("manager", word_of(kConfigurationManagers, lease.manager));
  JsonMembers members(json, true);
  members.text("source", lease.source)
      .text("interface", lease.interface)
      .value("is_lease", lease.is_lease, false)
      .maybe("metric", lease.metric)
      .value("ignores_lease_routes", lease.ignores_lease_routes, false)
      .value("ignores_lease_gateway", lease.ignores_lease_gateway, false);
  write_time(json, "expires_at", lease.expires_at);
  members.value("never_expires", lease.never_expires, false);
  if (lease.lifetime) json.field("lifetime_seconds", whole_number(lease.lifetime->count()));
  members.list("not_understood", lease.not_understood);
  write_list(json, "addresses", std::span(lease.addresses), [&](const ConfiguredAddress& each) {
    json.field("address", each.address);
    JsonMembers(json, true).maybe("prefix_length", each.prefix_length);
  });
  write_ways(json, beginning_of(lease.ways));
}

void write_members(JsonWriter& json, const VpnSign& sign) {
  json.field("kind", word_of(kVpnSignKinds, sign.kind));
  JsonMembers(json, true).text("name", sign.name).maybe("pid", sign.pid).text("text", sign.text);
}

}  // namespace vpndoctor
