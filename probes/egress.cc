// SPDX-License-Identifier: Apache-2.0
// Reads the egress of a packet: route, link, and which of the kernel's MTU values is configuration and which a cached
// exception. See the header.
#include "vpndoctor/egress.h"

#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "egress_refusal.h"
#include "holder_facts.h"
#include "proc_files.h"
#include "rtnl_query.h"
#include "tun_holder.h"
#include "tunnel_kind.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMaxListed = 12;

Error no_such_interface(const std::string& name) {
  std::string names;
  std::size_t listed = 0;
  if (const auto links = ask_links()) {
    for (const Link& link : *links) {
      if (++listed > kMaxListed) continue;
      names += (names.empty() ? "" : ", ") + link.name;
    }
  }
  if (listed > kMaxListed) names += fmt::format(" and {} more", listed - kMaxListed);
  const std::string shown = shorten(escape_controls(name), 4 * IFNAMSIZ);
  return {ErrorKind::kUsage, fmt::format("there is no interface '{}'", shown), "this machine has " + names};
}

Result<Link> find_link(const std::string& name) {
  const auto link = ask_link(0, name);
  if (!link) return std::unexpected(link.error());
  // The kernel also answers to alternative names; a NUL inside the name would cut it short.
  if (!*link || name.find('\0') != std::string::npos) return std::unexpected(no_such_interface(name));
  return **link;
}

/// A local route to it covers what no interface lists: 127.0.0.0/8 and prefixes that are routed to this machine.
Result<bool> is_own_address(const IpAddress& address) {
  const auto own = ask_own_addresses(address.family);
  if (!own) return std::unexpected(own.error());
  if (std::ranges::find(*own, address) != own->end()) return true;
  const auto answer = ask_route({.target = address, .source = {}, .mark = {}});
  if (!answer) return std::unexpected(answer.error());
  return answer->route && answer->route->route.type == RouteType::kLocal;
}

Result<void> check_source(const EgressQuery& query) {
  if (!query.source) return {};
  if (query.source->family != query.target.family) {
    return failure(ErrorKind::kUsage,
                   fmt::format("source {} and target {} are of different families", *query.source, query.target),
                   "use a source address of the target's family");
  }
  const auto own = is_own_address(*query.source);
  if (!own) return std::unexpected(own.error());
  if (*own) return {};
  return failure(ErrorKind::kUsage, fmt::format("source {} is not an address of this machine", *query.source),
                 "see `ip address` for those it has");
}

/// The interface that the lookup is bound to; index 0 for none.
Result<int> bound_interface(const EgressQuery& query) {
  if (query.interface.empty()) return 0;
  const auto link = find_link(query.interface);
  if (!link) return std::unexpected(link.error());
  if (!link->is_up()) {
    return failure(ErrorKind::kNoRoute, fmt::format("interface {} is down", link->name),
                   fmt::format("bring it up: `ip link set {} up`", link->name));
  }
  return link->index;
}

Family family_of(const RouteMessage& message) { return message.route.destination.family(); }

/// Null when the route has no MTU of its own.
std::optional<std::uint32_t> mtu_of(const RouteMessage& message) {
  constexpr std::uint16_t kMtu = 2;  // RTAX_MTU
  const auto& metrics = message.attributes.metrics;
  const auto mtu = std::ranges::find(metrics, kMtu, &RouteMetric::kind);
  return mtu == metrics.end() || mtu->value == 0 ? std::nullopt : std::optional(mtu->value);
}

/// The two lookups of a path: what results, caches included, and the configured entry behind it.
struct Lookup {
  RouteAnswer path;
  std::optional<std::uint32_t> configured_mtu_bytes;
};

Result<Lookup> look_up(const EgressQuery& query) {
  const auto bound = bound_interface(query);
  if (!bound) return std::unexpected(bound.error());
  RouteQuery route{query.target, *bound, query.source, query.mark};
  auto path = ask_route(route);
  if (!path) return std::unexpected(path.error());
  Lookup lookup{std::move(*path), std::nullopt};
  if (!lookup.path.route) return lookup;
  route.fib_entry = true;
  // Kernels before 4.13 do not know the flag; then no metric is known, which is what an absent one says too.
  if (const auto entry = ask_route(route); entry && entry->route) lookup.configured_mtu_bytes = mtu_of(*entry->route);
  return lookup;
}

/// An exception is what the path has and the configured entry has not. IPv4 marks it by an expiry (net/ipv4/route.c,
/// rt_fill_info), IPv6 by the cloned flag (net/ipv6/route.c, rt6_fill_node: its expiry may be a router lifetime).
/// A redirect makes an exception too; the MTU in it is then the configured one.
std::optional<std::uint32_t> cached_mtu(const Lookup& lookup) {
  if (!lookup.path.route) return std::nullopt;
  const RouteMessage& path = *lookup.path.route;
  const bool exception =
      family_of(path) == Family::kInet ? path.attributes.expires_seconds.has_value() : path.is_cloned();
  const auto mtu = mtu_of(path);
  return exception && mtu != lookup.configured_mtu_bytes ? mtu : std::nullopt;
}

/// The device's own IPv6 MTU, which a router advertisement lowers without touching any route.
std::optional<std::uint32_t> device_mtu6(const std::string& interface) {
  const auto text = read_small_file(fmt::format("/proc/sys/net/ipv6/conf/{}/mtu", interface));
  if (!text) return std::nullopt;
  std::uint32_t mtu = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), mtu);
  return error == std::errc{} && mtu != 0 ? std::optional(mtu) : std::nullopt;
}

std::optional<std::uint32_t> configured_mtu(const Lookup& lookup, const Link& link) {
  if (lookup.configured_mtu_bytes || family_of(*lookup.path.route) == Family::kInet) return lookup.configured_mtu_bytes;
  const auto mtu6 = device_mtu6(link.name);
  return mtu6 && link.mtu_bytes && *mtu6 < *link.mtu_bytes ? mtu6 : std::nullopt;
}

std::string kind_of(const Link& link) {
  if (link.kind != "tun") return tunnel_kind(link, {});
  return tunnel_kind(link, holder_facts(link, find_tun_holders(link.name)));
}

bool network_up() {
  const auto links = ask_links();
  return !links || std::ranges::any_of(*links, [](const Link& link) { return link.is_up() && link.name != "lo"; });
}

/// Route types that forbid; the kernel mostly answers them with an errno instead.
int refusal_of_type(RouteType type) {
  switch (type) {
    case RouteType::kUnreachable:
      return EHOSTUNREACH;
    case RouteType::kProhibit:
      return EACCES;
    case RouteType::kBlackhole:
      return EINVAL;
    default:
      return 0;
  }
}

Egress describe(const EgressQuery& query, const Lookup& lookup, const Link& link) {
  const RouteMessage& path = *lookup.path.route;
  const RouteType type = path.route.type;
  Egress egress;
  egress.interface = link.name;
  egress.interface_index = link.index;
  egress.source.family = query.target.family;
  if (path.attributes.preferred_source) egress.source = *path.attributes.preferred_source;
  if (query.source) egress.source = *query.source;
  if (!path.next_hops.hops.empty()) egress.gateway = path.next_hops.hops.front().gateway;
  egress.link_mtu_bytes = link.mtu_bytes;
  egress.route_mtu_bytes = configured_mtu(lookup, link);
  egress.kernel_path_mtu_bytes = cached_mtu(lookup);
  egress.is_local = type == RouteType::kLocal || type == RouteType::kAnycast;
  egress.tunnel_kind = kind_of(link);
  egress.is_tunnel = !egress.tunnel_kind.empty();
  return egress;
}

}  // namespace

Result<int> interface_index(const std::string& name) {
  const auto link = find_link(name);
  if (!link) return std::unexpected(link.error());
  return link->index;
}

Result<Egress> query_egress(const EgressQuery& query) {
  if (query.target.is_multicast()) return std::unexpected(egress_not_unicast(query, false));
  if (const auto source = check_source(query); !source) return std::unexpected(source.error());
  auto lookup = look_up(query);
  if (!lookup) return std::unexpected(lookup.error());
  if (const auto& route = lookup->path.route; route && refusal_of_type(route->route.type) != 0) {
    lookup->path = {std::nullopt, refusal_of_type(route->route.type), {}};
  }
  if (!lookup->path.route) return std::unexpected(egress_refusal(query, lookup->path, network_up()));
  const RouteMessage& route = *lookup->path.route;
  if (route.route.type == RouteType::kBroadcast) return std::unexpected(egress_not_unicast(query, true));
  const auto link = ask_link(route.interface_index, {});
  if (!link) return std::unexpected(link.error());
  if (!*link)
    return failure(ErrorKind::kNoRoute, fmt::format("no route to {}: its interface just went away", query.target));
  return describe(query, *lookup, **link);
}

Result<std::optional<std::uint32_t>> query_cached_path_mtu(const EgressQuery& query) {
  const auto lookup = look_up(query);
  if (!lookup) return std::unexpected(lookup.error());
  return cached_mtu(*lookup);
}

}  // namespace vpndoctor
