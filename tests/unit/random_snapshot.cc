// SPDX-License-Identifier: Apache-2.0
// Draws every field of the model by itself, its usual value often.
#include "unit/random_snapshot.h"

#include <algorithm>
#include <array>
#include <limits>

#include "vpndoctor/route_table_builder.h"

namespace vpndoctor::testing_support {
namespace {

/// Draws values of every type of the model.
class Draw {
 public:
  explicit Draw(std::mt19937_64& random) : random_(&random) {}

  std::uint64_t below(std::uint64_t end) { return (*random_)() % end; }
  bool chance(unsigned one_in) { return below(one_in) == 0; }

  template <class T>
  T number() {
    constexpr std::array<std::uint64_t, 5> kEdges = {0, 1, 2, std::numeric_limits<T>::max(), 255};
    return static_cast<T>(chance(3) ? (*random_)() : kEdges[below(kEdges.size())]);
  }
  template <class T>
  std::optional<T> maybe_number() {
    return chance(2) ? std::nullopt : std::optional<T>(number<T>());
  }
  std::optional<bool> maybe_truth() { return chance(2) ? std::nullopt : std::optional<bool>(chance(2)); }

  std::string text() {
    constexpr std::array<std::string_view, 12> kPieces = {
        "a", "\"", "\\", "\n", "\x01", "\x7f", "ü", "{\"x\":", "\xe2\x80\xae", "\xf0\x9f\xa6\x8a", " ", "/"};
    return joined(kPieces, 6);
  }
  std::string interface() {
    constexpr std::array<std::string_view, 9> kPieces = {"wg0", "eth", "-", ".1", "\"", "\\", "é", "@", "\x1b[31m"};
    std::string name = joined(kPieces, 4);
    return name.empty() ? "lo" : name;
  }
  /// An alternative name, or one in a rule: the kernel checks neither.
  std::string unchecked_interface() { return chance(2) ? interface() : "x" + text(); }
  std::string maybe_unchecked_interface() { return chance(2) ? std::string() : unchecked_interface(); }
  std::string maybe_interface() { return chance(2) ? std::string() : interface(); }
  std::string bytes() {
    std::string drawn(below(9), '\0');
    for (char& each : drawn) each = static_cast<char>(below(256));
    return drawn;
  }

  Family family() { return chance(2) ? Family::kInet : Family::kInet6; }
  IpAddress address(Family of) {
    IpAddress drawn{.family = of, .bytes = {}};
    const std::size_t size = drawn.octets().size();
    for (std::size_t i = 0; i < size; ++i) drawn.bytes[i] = chance(2) ? std::uint8_t{0} : number<std::uint8_t>();
    return drawn;
  }
  IpAddress address() { return address(family()); }
  std::optional<IpAddress> maybe_address() { return chance(2) ? std::nullopt : std::optional(address()); }
  std::optional<IpAddress> maybe_address(Family of) { return chance(2) ? std::nullopt : std::optional(address(of)); }
  IpPrefix prefix(Family of) { return IpPrefix::of(address(of), static_cast<unsigned>(below(address_bits(of) + 1))); }
  std::optional<IpPrefix> maybe_prefix(Family of) { return chance(2) ? std::nullopt : std::optional(prefix(of)); }
  std::optional<NumberRange> maybe_range() {
    if (chance(2)) return std::nullopt;
    return NumberRange{number<std::uint32_t>(), number<std::uint32_t>()};
  }

  template <class Make>
  auto list(std::uint64_t most, Make make) {
    std::vector<decltype(make())> drawn(below(most + 1));
    std::generate(drawn.begin(), drawn.end(), make);
    return drawn;
  }

  template <class T>
  Observed<T> observed(T value) {
    auto drawn = chance(5) ? Observed<T>::missing(text()) : Observed<T>(std::move(value), text());
    while (chance(4)) drawn.add_limit(text());
    return drawn;
  }

 private:
  template <std::size_t kCount>
  std::string joined(const std::array<std::string_view, kCount>& pieces, std::uint64_t most) {
    std::string drawn;
    for (auto left = below(most); left > 0; --left) drawn += pieces[below(kCount)];
    return drawn;
  }

  std::mt19937_64* random_;
};

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

Tunnel random_tunnel(Draw& draw) {
  Tunnel tunnel;
  tunnel.interface = draw.maybe_interface();
  tunnel.kind = draw.text();
  tunnel.holder_pid = draw.maybe_number<std::uint32_t>();
  tunnel.holder_name = draw.text();
  tunnel.endpoints = draw.list(3, [&] { return OuterEndpoint{draw.address(), draw.maybe_number<std::uint16_t>()}; });
  tunnel.mark = draw.maybe_number<std::uint32_t>();
  tunnel.not_seen = draw.text();
  return tunnel;
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
  snapshot.tunnels = draw.observed(draw.list(3, [&] { return random_tunnel(draw); }));
  snapshot.names = draw.observed(random_names(draw));
  return snapshot;
}

}  // namespace vpndoctor::testing_support
