// SPDX-License-Identifier: Apache-2.0
// Draws every field of tunnels, IPsec, leases and signs by itself.
#include "unit/random_leaks.h"

#include "unit/random_firewall.h"

namespace vpndoctor::testing_support {
namespace {

std::chrono::system_clock::time_point random_time(Draw& draw) {
  const std::int64_t nanoseconds = static_cast<std::int64_t>(draw.below(1ULL << 62U)) - (1LL << 61U);
  return std::chrono::system_clock::time_point(std::chrono::nanoseconds(nanoseconds));
}

std::optional<std::chrono::seconds> maybe_seconds(Draw& draw) {
  if (draw.chance(2)) return std::nullopt;
  return std::chrono::seconds(draw.number<std::uint32_t>());
}

std::uint8_t random_length(Draw& draw, const IpAddress& address) {
  return static_cast<std::uint8_t>(draw.below(address_bits(address.family) + 1));
}

AllowedIp random_allowed_ip(Draw& draw) {
  const IpAddress address = draw.address();
  return {address, random_length(draw, address)};
}

WireguardPeer random_peer(Draw& draw) {
  WireguardPeer peer;
  peer.endpoint = draw.maybe_address();
  peer.endpoint_port = draw.number<std::uint16_t>();
  peer.allowed_ips = draw.list(3, [&] { return random_allowed_ip(draw); });
  peer.public_key = draw.text();
  if (draw.chance(2)) peer.last_handshake = random_time(draw);
  peer.received_bytes = draw.number<std::uint64_t>();
  peer.sent_bytes = draw.number<std::uint64_t>();
  peer.keepalive = maybe_seconds(draw);
  return peer;
}

OuterSocket random_socket(Draw& draw) {
  return {draw.number<std::uint8_t>(), draw.address(), draw.number<std::uint16_t>(), draw.maybe_address(),
          draw.number<std::uint16_t>()};
}

Tunnel random_tunnel(Draw& draw) {
  Tunnel tunnel;
  tunnel.interface = draw.maybe_interface();
  tunnel.kind = draw.text();
  tunnel.holder_pid = draw.maybe_number<std::uint32_t>();
  tunnel.holder_name = draw.text();
  tunnel.endpoints = draw.list(3, [&] { return OuterEndpoint{draw.address(), draw.maybe_number<std::uint16_t>()}; });
  tunnel.mark = draw.maybe_number<std::uint32_t>();
  tunnel.not_seen = draw.text();
  tunnel.holder_not_seen = draw.text();
  if (draw.chance(2)) tunnel.holder_state = "RSDTtZI"[draw.below(7)];
  tunnel.holder_is_elsewhere = draw.maybe_truth();
  tunnel.outer_is_elsewhere = draw.maybe_truth();
  tunnel.outer_sockets = draw.list(3, [&] { return random_socket(draw); });
  tunnel.listen_port = draw.maybe_number<std::uint16_t>();
  if (draw.chance(2)) tunnel.peers = draw.list(3, [&] { return random_peer(draw); });
  return tunnel;
}

InterfaceCounters random_counters(Draw& draw) {
  InterfaceCounters counters;
  for (auto* each : {&counters.received_packets, &counters.received_bytes, &counters.sent_packets, &counters.sent_bytes,
                     &counters.sent_dropped}) {
    *each = draw.number<std::uint64_t>();
  }
  counters.queued_packets = draw.maybe_number<std::uint64_t>();
  return counters;
}

TunnelActivity random_activity(Draw& draw) {
  TunnelActivity activity;
  activity.interval = std::chrono::milliseconds(draw.number<std::uint32_t>());
  activity.ended_at = random_time(draw);
  activity.interfaces = draw.list(3, [&] {
    InterfaceActivity each;
    each.interface = draw.maybe_interface();
    each.first = random_counters(draw);
    each.last = random_counters(draw);
    each.last_carrier = draw.maybe_truth();
    each.first_peers = draw.list(2, [&] { return random_peer(draw); });
    each.last_peers = draw.list(2, [&] { return random_peer(draw); });
    return each;
  });
  return activity;
}

XfrmTemplate random_template(Draw& draw) {
  return {draw.maybe_address(), draw.maybe_address(), draw.number<std::uint8_t>(), draw.number<std::uint8_t>(),
          draw.chance(2)};
}

XfrmPolicy random_policy(Draw& draw) {
  XfrmPolicy policy;
  policy.direction = static_cast<XfrmDirection>(draw.below(3));
  policy.family = draw.family();
  policy.source = draw.prefix(policy.family);
  policy.destination = draw.prefix(policy.family);
  policy.ip_protocol = draw.number<std::uint8_t>();
  policy.source_ports = draw.maybe_range();
  policy.destination_ports = draw.maybe_range();
  policy.source_port_mask = draw.maybe_number<std::uint16_t>();
  policy.destination_port_mask = draw.maybe_number<std::uint16_t>();
  policy.interface = draw.maybe_interface();
  for (auto* each : {&policy.priority, &policy.index, &policy.mark, &policy.mark_mask, &policy.interface_id}) {
    *each = draw.number<std::uint32_t>();
  }
  policy.blocks = draw.chance(2);
  policy.templates = draw.list(2, [&] { return random_template(draw); });
  return policy;
}

XfrmState random_state(Draw& draw) {
  return {draw.address(),
          draw.address(),
          draw.number<std::uint32_t>(),
          draw.number<std::uint8_t>(),
          draw.number<std::uint8_t>(),
          draw.maybe_number<std::uint16_t>(),
          draw.maybe_number<std::uint16_t>()};
}

ConfiguredWay random_way(Draw& draw) {
  ConfiguredWay way;
  way.destination = draw.prefix(draw.family());
  way.gateway = draw.maybe_address();
  way.type = static_cast<RouteType>(draw.below(11));
  way.metric = draw.maybe_number<std::uint32_t>();
  way.table = draw.maybe_number<std::uint32_t>();
  way.preferred_source = draw.maybe_address();
  way.on_link = draw.chance(2);
  way.place = draw.text();
  return way;
}

InterfaceConfiguration random_lease(Draw& draw) {
  InterfaceConfiguration lease;
  lease.manager = static_cast<ConfigurationManager>(draw.below(5));
  lease.source = draw.text();
  lease.interface = draw.text();
  lease.is_lease = draw.chance(2);
  lease.addresses = draw.list(2, [&] {
    const IpAddress address = draw.address();
    return ConfiguredAddress{address, draw.chance(2) ? std::nullopt : std::optional(random_length(draw, address))};
  });
  lease.ways = draw.list(3, [&] { return random_way(draw); });
  lease.metric = draw.maybe_number<std::uint32_t>();
  lease.ignores_lease_routes = draw.chance(2);
  lease.ignores_lease_gateway = draw.chance(2);
  if (draw.chance(2)) lease.expires_at = random_time(draw);
  lease.never_expires = draw.chance(2);
  lease.lifetime = maybe_seconds(draw);
  lease.not_understood = draw.list(2, [&] { return draw.text(); });
  return lease;
}

VpnSign random_sign(Draw& draw) {
  return {static_cast<VpnSignKind>(draw.below(5)), draw.text(), draw.maybe_number<std::uint32_t>(), draw.text()};
}

}  // namespace

void draw_leak_facets(Draw& draw, Snapshot& snapshot) {
  snapshot.tunnels = draw.observed(draw.list(3, [&] { return random_tunnel(draw); }));
  snapshot.activity = draw.observed(random_activity(draw));
  Xfrm xfrm;
  xfrm.policies = draw.list(3, [&] { return random_policy(draw); });
  xfrm.states = draw.list(3, [&] { return random_state(draw); });
  xfrm.blocks_output_by_default = draw.chance(2);
  snapshot.xfrm = draw.observed(xfrm);
  snapshot.firewall = draw.observed(random_firewall(draw));
  snapshot.leases = draw.observed(draw.list(3, [&] { return random_lease(draw); }));
  snapshot.vpn_signs = draw.observed(draw.list(3, [&] { return random_sign(draw); }));
}

}  // namespace vpndoctor::testing_support
