// SPDX-License-Identifier: Apache-2.0
// Reads the records of tunnels, IPsec, DHCP leases and signs of other VPNs. A field that is absent has its usual value,
// that of the model.
#include "snapshot_leak_records.h"
#include "snapshot_leak_words.h"
#include "snapshot_records.h"
#include "timestamp.h"

namespace vpndoctor {
namespace {

void read_endpoints(RecordFields& in, std::vector<OuterEndpoint>& endpoints) {
  in.objects("endpoints", [&](RecordFields& endpoint) {
    OuterEndpoint& each = endpoints.emplace_back();
    endpoint.required("address").address("address", each.address).number("port", each.port);
  });
}

void read_outer_sockets(RecordFields& in, std::vector<OuterSocket>& sockets) {
  in.objects("outer_sockets", [&](RecordFields& socket) {
    OuterSocket& each = sockets.emplace_back();
    socket.required("ip_protocol").required("local");
    socket.number("ip_protocol", each.ip_protocol)
        .address("local", each.local)
        .number("local_port", each.local_port)
        .address("remote", each.remote)
        .number("remote_port", each.remote_port);
  });
}

void read_prefix_length(RecordFields& in, const IpAddress& address, std::optional<std::uint8_t>& length) {
  in.number("prefix_length", length);
  if (length.value_or(0) > address_bits(address.family)) in.fail("prefix_length", "is out of range");
}

void read_allowed_ips(RecordFields& in, std::vector<AllowedIp>& allowed_ips) {
  in.objects("allowed_ips", [&](RecordFields& allowed) {
    AllowedIp& each = allowed_ips.emplace_back();
    std::optional<std::uint8_t> length;
    allowed.required("address").required("prefix_length").address("address", each.address);
    read_prefix_length(allowed, each.address, length);
    each.prefix_length = length.value_or(0);
  });
}

void read_seconds(RecordFields& in, std::string_view name, std::optional<std::chrono::seconds>& seconds) {
  std::optional<std::uint32_t> count;
  in.number(name, count);
  if (count) seconds = std::chrono::seconds(*count);
}

void read_time(RecordFields& in, std::string_view name, std::optional<std::chrono::system_clock::time_point>& time) {
  std::chrono::system_clock::time_point read;
  in.word(name, read, parse_timestamp);
  if (in.has(name)) time = read;
}

void read(RecordFields& in, WireguardPeer& peer) {
  in.text("public_key", peer.public_key).address("endpoint", peer.endpoint).number("endpoint_port", peer.endpoint_port);
  read_time(in, "last_handshake", peer.last_handshake);
  in.number("received_bytes", peer.received_bytes).number("sent_bytes", peer.sent_bytes);
  read_seconds(in, "keepalive_seconds", peer.keepalive);
  read_allowed_ips(in, peer.allowed_ips);
}

std::optional<char> parse_process_state(std::string_view word) {
  if (word.size() != 1 || !is_process_state(word.front())) return std::nullopt;
  return word.front();
}

void read(RecordFields& in, Tunnel& tunnel) {
  bool has_peers = false;
  in.interface("interface", tunnel.interface)
      .text("kind", tunnel.kind)
      .number("holder_pid", tunnel.holder_pid)
      .text("holder_name", tunnel.holder_name)
      .number("mark", tunnel.mark)
      .text("not_seen", tunnel.not_seen)
      .text("holder_not_seen", tunnel.holder_not_seen)
      .word("holder_state", tunnel.holder_state, parse_process_state)
      .truth("holder_is_elsewhere", tunnel.holder_is_elsewhere)
      .truth("outer_is_elsewhere", tunnel.outer_is_elsewhere)
      .number("listen_port", tunnel.listen_port)
      .truth("has_peers", has_peers);
  if (has_peers) tunnel.peers.emplace();
  read_endpoints(in, tunnel.endpoints);
  read_outer_sockets(in, tunnel.outer_sockets);
}

void read_counters(RecordFields& in, std::string_view name, InterfaceCounters& counters) {
  in.required(name).object(name, [&](RecordFields& nested) {
    for (const auto& field : kInterfaceCounters) nested.number(field.name, counters.*field.value);
    nested.number("queued_packets", counters.queued_packets);
  });
}

void read(RecordFields& in, TunnelActivity& activity) {
  std::uint32_t interval = 0;
  in.required("interval_ms").required("ended_at").number("interval_ms", interval);
  in.word("ended_at", activity.ended_at, parse_timestamp);
  activity.interval = std::chrono::milliseconds(interval);
}

void read(RecordFields& in, InterfaceActivity& activity) {
  in.interface("interface", activity.interface);
  read_counters(in, "first", activity.first);
  read_counters(in, "last", activity.last);
  in.truth("last_carrier", activity.last_carrier);
}

/// The peers of one of the two looks.
std::vector<WireguardPeer>* peers_of_look(RecordFields& in, TunnelActivity& activity) {
  bool is_last = false;
  in.required("look").word("look", is_last, [](std::string_view word) -> std::optional<bool> {
    if (word == "first") return false;
    if (word == "last") return true;
    return std::nullopt;
  });
  if (activity.interfaces.empty()) return nullptr;
  InterfaceActivity& interface = activity.interfaces.back();
  return is_last ? &interface.last_peers : &interface.first_peers;
}

void read(RecordFields& in, Xfrm& xfrm) { in.truth("blocks_output_by_default", xfrm.blocks_output_by_default); }

void read(RecordFields& in, XfrmPolicy& policy) {
  in.required("direction").required("family").required("source").required("destination");
  in.word("direction", policy.direction, parser_of<XfrmDirection>(kXfrmDirections))
      .family("family", policy.family)
      .prefix("source", policy.source)
      .prefix("destination", policy.destination)
      .number("ip_protocol", policy.ip_protocol);
  read_range(in, "source_ports", policy.source_ports);
  in.number("source_port_mask", policy.source_port_mask);
  read_range(in, "destination_ports", policy.destination_ports);
  in.number("destination_port_mask", policy.destination_port_mask)
      .interface("interface", policy.interface)
      .number("priority", policy.priority)
      .number("index", policy.index)
      .truth("blocks", policy.blocks)
      .number("mark", policy.mark)
      .number("mark_mask", policy.mark_mask)
      .number("interface_id", policy.interface_id)
      .objects("templates", [&](RecordFields& wanted) {
        XfrmTemplate& each = policy.templates.emplace_back();
        wanted.address("source", each.source)
            .address("destination", each.destination)
            .number("ip_protocol", each.ip_protocol)
            .number("mode", each.mode)
            .truth("is_optional", each.is_optional);
      });
  if (policy.source.family() != policy.family || policy.destination.family() != policy.family) {
    in.fail("family", "is not that of the policy's prefixes");
  }
}

void read(RecordFields& in, XfrmState& state) {
  in.required("source").required("destination");
  in.address("source", state.source)
      .address("destination", state.destination)
      .number("spi", state.spi)
      .number("ip_protocol", state.ip_protocol)
      .number("mode", state.mode)
      .number("udp_source_port", state.udp_source_port)
      .number("udp_destination_port", state.udp_destination_port);
}

void read_ways(RecordFields& in, std::vector<ConfiguredWay>& ways) {
  in.objects("ways", [&](RecordFields& way) {
    ConfiguredWay& each = ways.emplace_back();
    way.required("destination")
        .prefix("destination", each.destination)
        .address("gateway", each.gateway)
        .word("type", each.type, parse_route_type)
        .number("metric", each.metric)
        .number("table", each.table)
        .address("preferred_source", each.preferred_source)
        .truth("on_link", each.on_link)
        .text("place", each.place);
  });
}

void read(RecordFields& in, InterfaceConfiguration& lease) {
  in.required("manager").word("manager", lease.manager, parser_of<ConfigurationManager>(kConfigurationManagers));
  in.text("source", lease.source)
      .text("interface", lease.interface)
      .truth("is_lease", lease.is_lease)
      .number("metric", lease.metric)
      .truth("ignores_lease_routes", lease.ignores_lease_routes)
      .truth("ignores_lease_gateway", lease.ignores_lease_gateway);
  read_time(in, "expires_at", lease.expires_at);
  in.truth("never_expires", lease.never_expires);
  read_seconds(in, "lifetime_seconds", lease.lifetime);
  in.texts("not_understood", lease.not_understood).objects("addresses", [&](RecordFields& address) {
    ConfiguredAddress& each = lease.addresses.emplace_back();
    address.required("address").address("address", each.address);
    read_prefix_length(address, each.address, each.prefix_length);
  });
  read_ways(in, lease.ways);
}

void read(RecordFields& in, VpnSign& sign) {
  in.required("kind").word("kind", sign.kind, parser_of<VpnSignKind>(kVpnSignKinds));
  in.text("name", sign.name).number("pid", sign.pid).text("text", sign.text);
}

template <class T>
void read_next(RecordFields& in, std::vector<T>& list) {
  read(in, list.emplace_back());
}

/// The entry that a record goes on with: the last of the list; null, with the fault told, when there is none.
template <class T>
T* last_of(RecordFields& in, std::vector<T>* list) {
  if (list != nullptr && !list->empty()) return &list->back();
  in.fail("record", "stands before what it belongs to");
  return nullptr;
}

std::vector<WireguardPeer>* tunnel_peers(LeakParts& parts) {
  if (parts.tunnels.empty() || !parts.tunnels.back().peers) return nullptr;
  return &*parts.tunnels.back().peers;
}

void read_tunnel_part(LeakRecordKind kind, RecordFields& in, LeakParts& parts) {
  if (kind == LeakRecordKind::kTunnelMore) {
    Tunnel* tunnel = last_of(in, &parts.tunnels);
    if (tunnel == nullptr) return;
    read_endpoints(in, tunnel->endpoints);
    read_outer_sockets(in, tunnel->outer_sockets);
  } else if (kind == LeakRecordKind::kTunnelPeerMore) {
    if (WireguardPeer* peer = last_of(in, tunnel_peers(parts))) read_allowed_ips(in, peer->allowed_ips);
  } else if (std::vector<WireguardPeer>* peers = tunnel_peers(parts)) {
    read_next(in, *peers);
  } else {
    in.fail("record", "belongs to no tunnel with peers");
  }
}

void read_activity_part(LeakRecordKind kind, RecordFields& in, LeakParts& parts) {
  TunnelActivity* activity = last_of(in, &parts.activity);
  if (activity == nullptr) return;
  if (kind == LeakRecordKind::kInterfaceActivity) return read_next(in, activity->interfaces);
  std::vector<WireguardPeer>* peers = peers_of_look(in, *activity);
  if (kind == LeakRecordKind::kActivityPeerMore) {
    if (WireguardPeer* peer = last_of(in, peers)) read_allowed_ips(in, peer->allowed_ips);
  } else if (peers != nullptr) {
    read_next(in, *peers);
  } else {
    in.fail("record", "stands before what it belongs to");
  }
}

void read_xfrm_part(LeakRecordKind kind, RecordFields& in, LeakParts& parts) {
  Xfrm* xfrm = last_of(in, &parts.xfrm);
  if (xfrm == nullptr) return;
  kind == LeakRecordKind::kXfrmPolicy ? read_next(in, xfrm->policies) : read_next(in, xfrm->states);
}

}  // namespace

void read_leak_record(LeakRecordKind kind, RecordFields& in, LeakParts& parts) {
  switch (kind) {
    case LeakRecordKind::kTunnel:
      return read_next(in, parts.tunnels);
    case LeakRecordKind::kTunnelMore:
    case LeakRecordKind::kTunnelPeer:
    case LeakRecordKind::kTunnelPeerMore:
      return read_tunnel_part(kind, in, parts);
    case LeakRecordKind::kActivity:
      return read(in, only_one(in, parts.activity));
    case LeakRecordKind::kInterfaceActivity:
    case LeakRecordKind::kActivityPeer:
    case LeakRecordKind::kActivityPeerMore:
      return read_activity_part(kind, in, parts);
    case LeakRecordKind::kXfrm:
      return read(in, only_one(in, parts.xfrm));
    case LeakRecordKind::kXfrmPolicy:
    case LeakRecordKind::kXfrmState:
      return read_xfrm_part(kind, in, parts);
    case LeakRecordKind::kLease:
      return read_next(in, parts.leases);
    case LeakRecordKind::kLeaseMore:
      if (InterfaceConfiguration* lease = last_of(in, &parts.leases)) read_ways(in, lease->ways);
      return;
    case LeakRecordKind::kVpnSign:
      return read_next(in, parts.vpn_signs);
  }
}

}  // namespace vpndoctor
