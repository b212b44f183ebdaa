// SPDX-License-Identifier: Apache-2.0
// Draws every field of the model by itself, its usual value often.
#include "unit/random_snapshot.h"

#include "unit/draw.h"
#include "unit/random_dns.h"
#include "unit/random_leaks.h"
#include "vpndoctor/route_table_builder.h"

namespace vpndoctor::testing_support {
namespace {

Link random_link(Draw& draw) {
  Link link;
  link.index = static_cast<int>(draw.number<std::uint32_t>());
  link.name = draw.interface();
  link.alternative_names = draw.list(2, [&] { return draw.unchecked_interface(); });
  link.kind = draw.text();
  link.flags = draw.number<std::uint32_t>();
  link.hardware_type = draw.number<std::uint16_t>();
  link.operational_state = draw.number<std::uint8_t>();
  link.hardware_address = draw.text();
  link.mtu_bytes = draw.maybe_number<std::uint32_t>();
  link.master = draw.maybe_interface();
  link.lower = draw.maybe_interface();
  link.lower_is_elsewhere = draw.chance(2);
  link.group = draw.number<std::uint32_t>();
  link.vrf_table = draw.maybe_number<std::uint32_t>();
  link.tun_type = draw.maybe_number<std::uint8_t>();
  link.tun_persistent = draw.maybe_truth();
  link.carrier = draw.maybe_truth();
  link.tunnel_local = draw.maybe_address();
  link.tunnel_remote = draw.maybe_address();
  return link;
}

Address random_address(Draw& draw) {
  Address address;
  address.interface = draw.maybe_interface();
  address.address = draw.address();
  address.prefix_length = static_cast<std::uint8_t>(draw.below(address_bits(address.address.family) + 1));
  address.peer = draw.maybe_address();
  address.broadcast = draw.maybe_address();
  address.scope = draw.number<std::uint8_t>();
  address.flags = draw.number<std::uint32_t>();
  address.route_metric = draw.number<std::uint32_t>();
  address.protocol = draw.number<std::uint8_t>();
  address.label = draw.text();
  address.valid_seconds = draw.maybe_number<std::uint32_t>();
  address.preferred_seconds = draw.maybe_number<std::uint32_t>();
  return address;
}

NextHop random_hop(Draw& draw) {
  NextHop hop;
  hop.gateway = draw.maybe_address();
  hop.interface = draw.maybe_interface();
  hop.weight = draw.number<std::uint16_t>();
  hop.flags = draw.number<std::uint8_t>();
  if (draw.chance(3)) hop.encapsulation = {draw.number<std::uint16_t>(), draw.bytes()};
  return hop;
}

NextHopSet random_hops(Draw& draw) {
  return {draw.list(3, [&] { return random_hop(draw); }), draw.maybe_number<std::uint32_t>()};
}

RouteAttributes random_attributes(Draw& draw, Family family) {
  RouteAttributes attributes;
  if (draw.chance(2)) return attributes;
  attributes.source = draw.maybe_prefix(family);
  attributes.preferred_source = draw.maybe_address(family);
  for (std::uint16_t kind = 0; kind < 32; ++kind) {
    if (draw.chance(8)) attributes.metrics.push_back({kind, draw.number<std::uint32_t>()});
  }
  attributes.locked_metrics = draw.number<std::uint32_t>();
  attributes.congestion_control = draw.text();
  attributes.realms = draw.number<std::uint32_t>();
  attributes.preference = draw.number<std::uint8_t>();
  attributes.ttl_propagate = draw.maybe_number<std::uint8_t>();
  attributes.expires_seconds = draw.maybe_number<std::uint32_t>();
  attributes.flags = draw.number<std::uint32_t>();
  attributes.not_understood = draw.list(3, [&] { return draw.number<std::uint16_t>(); });
  attributes.macos_flags = draw.text();
  return attributes;
}

RouteTable random_routes(Draw& draw) {
  RouteTableBuilder builder;
  for (auto left = draw.below(12); left > 0; --left) {
    Route route;
    const Family family = draw.family();
    route.destination = draw.prefix(family);
    route.tos = draw.number<std::uint8_t>();
    route.type = static_cast<RouteType>(draw.number<std::uint8_t>());
    route.protocol = draw.number<std::uint8_t>();
    route.scope = draw.number<std::uint8_t>();
    route.table = draw.chance(3) ? static_cast<std::uint32_t>(kTableMain) : draw.number<std::uint32_t>();
    route.metric = draw.number<std::uint32_t>();
    route.next_hops = builder.intern(random_hops(draw));
    route.attributes = builder.intern(random_attributes(draw, family));
    builder.add(route);
    if (draw.chance(3)) builder.add(route);
  }
  return builder.take();
}

void draw_selectors(Draw& draw, Rule& rule) {
  rule.inverted = draw.chance(2);
  rule.source = draw.maybe_prefix(rule.family);
  rule.destination = draw.maybe_prefix(rule.family);
  rule.input_interface = draw.maybe_unchecked_interface();
  rule.output_interface = draw.maybe_unchecked_interface();
  rule.input_interface_detached = draw.chance(2);
  rule.output_interface_detached = draw.chance(2);
  rule.mark = draw.number<std::uint32_t>();
  rule.mark_mask = draw.number<std::uint32_t>();
  rule.tos = draw.number<std::uint8_t>();
  rule.dscp = draw.maybe_number<std::uint8_t>();
  rule.dscp_mask = draw.maybe_number<std::uint8_t>();
  rule.uids = draw.maybe_range();
  rule.ip_protocol = draw.number<std::uint8_t>();
  rule.source_ports = draw.maybe_range();
  rule.destination_ports = draw.maybe_range();
  rule.source_port_mask = draw.maybe_number<std::uint32_t>();
  rule.destination_port_mask = draw.maybe_number<std::uint32_t>();
  rule.tunnel_id = draw.number<std::uint64_t>();
  rule.l3mdev = draw.chance(2);
  rule.flow_label = draw.maybe_number<std::uint32_t>();
  rule.flow_label_mask = draw.maybe_number<std::uint32_t>();
}

Rule random_rule(Draw& draw) {
  Rule rule;
  rule.family = draw.family();
  rule.priority = draw.number<std::uint32_t>();
  draw_selectors(draw, rule);
  rule.action = static_cast<RuleAction>(draw.number<std::uint8_t>());
  rule.table = draw.number<std::uint32_t>();
  rule.goto_priority = draw.maybe_number<std::uint32_t>();
  rule.goto_unresolved = draw.chance(2);
  rule.suppress_prefix_length = draw.maybe_number<std::uint32_t>();
  rule.suppress_interface_group = draw.maybe_number<std::uint32_t>();
  rule.realms = draw.number<std::uint32_t>();
  rule.protocol = draw.number<std::uint8_t>();
  rule.not_understood = draw.list(2, [&] { return draw.number<std::uint16_t>(); });
  return rule;
}

NextHopObject random_object(Draw& draw) {
  NextHopObject object;
  object.id = draw.number<std::uint32_t>();
  object.family = draw.family();
  object.protocol = draw.number<std::uint8_t>();
  object.blackhole = draw.chance(2);
  object.fdb = draw.chance(2);
  if (draw.chance(2)) object.hop = random_hop(draw);
  object.group =
      draw.list(3, [&] { return NextHopObject::Member{draw.number<std::uint32_t>(), draw.number<std::uint16_t>()}; });
  object.group_type = draw.number<std::uint16_t>();
  return object;
}

Neighbour random_neighbour(Draw& draw) {
  return {draw.maybe_interface(), draw.address(), draw.text(), draw.number<std::uint16_t>(), draw.chance(2)};
}

std::optional<int> maybe_setting(Draw& draw) {
  if (draw.chance(2)) return std::nullopt;
  return static_cast<int>(draw.number<std::uint32_t>());
}

InterfaceSettings random_interface_settings(Draw& draw) {
  InterfaceSettings settings;
  for (auto* each :
       {&settings.forwarding, &settings.ignore_routes_with_linkdown, &settings.reverse_path_filter,
        &settings.source_valid_mark, &settings.accept_local, &settings.route_localnet, &settings.accept_source_route,
        &settings.accept_router_advertisements, &settings.disabled, &settings.use_temporary_addresses}) {
    *each = maybe_setting(draw);
  }
  return settings;
}

RoutingSettings random_settings(Draw& draw) {
  RoutingSettings settings;
  settings.multipath_hash_policy = maybe_setting(draw);
  settings.multipath_use_neighbours = maybe_setting(draw);
  settings.multipath_hash_policy6 = maybe_setting(draw);
  while (!draw.chance(3)) settings.inet[draw.interface()] = random_interface_settings(draw);
  while (!draw.chance(3)) settings.inet6[draw.interface()] = random_interface_settings(draw);
  return settings;
}

NumberNames random_names(Draw& draw) {
  NumberNames names;
  for (auto* each : {&names.tables, &names.protocols, &names.groups}) {
    while (!draw.chance(3)) (*each)[draw.number<std::uint32_t>()] = draw.text();
  }
  return names;
}

}  // namespace

Snapshot random_snapshot(std::mt19937_64& random) {
  Draw draw(random);
  Snapshot snapshot;
  snapshot.platform = draw.chance(2) ? Platform::kLinux : Platform::kMacos;
  const std::int64_t nanoseconds = static_cast<std::int64_t>(draw.below(1ULL << 62U)) - (1LL << 61U);
  snapshot.taken_at = std::chrono::system_clock::time_point(std::chrono::nanoseconds(nanoseconds));
  snapshot.tool_version = draw.text();
  snapshot.kernel_release = draw.text();
  snapshot.host_name = draw.text();
  snapshot.namespace_inode = draw.maybe_number<std::uint64_t>();
  snapshot.stable = draw.maybe_truth();
  snapshot.links = draw.observed(draw.list(4, [&] { return random_link(draw); }));
  snapshot.addresses = draw.observed(draw.list(4, [&] { return random_address(draw); }));
  snapshot.routes = draw.observed(random_routes(draw));
  snapshot.rules = draw.observed(draw.list(4, [&] { return random_rule(draw); }));
  snapshot.next_hop_objects = draw.observed(draw.list(3, [&] { return random_object(draw); }));
  snapshot.neighbours = draw.observed(draw.list(3, [&] { return random_neighbour(draw); }));
  snapshot.settings = draw.observed(random_settings(draw));
  snapshot.names = draw.observed(random_names(draw));
  snapshot.dns = random_dns(draw);
  draw_leak_facets(draw, snapshot);
  return snapshot;
}

}  // namespace vpndoctor::testing_support
