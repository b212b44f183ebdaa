// SPDX-License-Identifier: Apache-2.0
// The routes and addresses that VPN clients left behind; their rules are in vpn_leftover_rules.cc.
#include "vpn_leftovers.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "server_routes.h"
#include "vpn_leftover_rules.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

/// True for a tunnel that is up without a carrier, and that no program is seen to hold.
bool lacks_program(const Snapshot& now, const Link& link) {
  if (link.kind != "tun" || !link.is_up() || link.has_carrier() || !link.tun_persistent.value_or(true)) return false;
  const Tunnel* tunnel = now.find_tunnel(link.name);
  return (tunnel == nullptr || !tunnel->holder_pid) && is_tunnel(now, link.name);
}

/// Why it is not known who holds it; empty when that is known.
std::string unseen_holder(const Snapshot& now, const Link& link) {
  const Tunnel* tunnel = now.find_tunnel(link.name);
  return tunnel == nullptr ? std::string() : tunnel->holder_not_seen;
}

/// True when some tunnel works whose outer packets may go to that host.
bool may_be_endpoint(const Snapshot& now, const IpAddress& host) {
  if (!now.links.is_complete()) return true;
  return std::ranges::any_of(*now.links, [&](const Link& link) {
    if (!link.is_up() || !is_tunnel(now, link.name) || is_dead_tunnel(now, link)) return false;
    const Tunnel* tunnel = now.find_tunnel(link.name);
    return tunnel == nullptr || tunnel->endpoints.empty() ||
           std::ranges::find(tunnel->endpoints, host, &OuterEndpoint::address) != tunnel->endpoints.end();
  });
}

class Finder {
 public:
  Finder(const Snapshot& now, const std::vector<ConfiguredRoute>& wished) : now_(now), wished_(wished) {}

  VpnLeftovers find() {
    if (now_.links) find_dead_tunnels();
    if (now_.routes) find_routes();
    if (now_.addresses) find_addresses();
    find_leftover_rules(now_, found_);
    return std::move(found_);
  }

 private:
  bool is_dead(const std::string& interface) const { return std::ranges::count(dead_, interface) != 0; }
  void find_dead_tunnels() {
    for (const Link& link : *now_.links) {
      if (is_dead_tunnel(now_, link)) dead_.push_back(link.name);
      if (std::string why = undecided_death(now_, link); !why.empty()) found_.undecided.push_back(std::move(why));
    }
  }
  void find_routes();
  void find_addresses();
  bool is_wished(const Route& route) const;
  bool leads_into_dead_tunnel(const Route& route) const;
  bool may_pin_server(const Route& route) const;
  std::optional<IpPrefix> same_way_without(const Route& route) const;
  void judge_server_route(std::size_t index);

  const Snapshot& now_;
  const std::vector<ConfiguredRoute>& wished_;
  std::vector<std::string> dead_;
  VpnLeftovers found_;
};

bool Finder::is_wished(const Route& route) const {
  return std::ranges::any_of(wished_, [&](const ConfiguredRoute& wish) {
    return wish.route.route.destination == route.destination && wish.route.route.table == route.table &&
           is_same_way(wish.route.next_hops.hops, now_.routes->hops(route));
  });
}

/// What the kernel made for the tunnel's address goes with the address.
bool Finder::leads_into_dead_tunnel(const Route& route) const {
  const auto& hops = now_.routes->hops(route);
  return route.protocol != kProtocolKernel && !hops.empty() &&
         std::ranges::all_of(hops, [&](const NextHop& hop) { return is_dead(hop.interface); });
}

/// The shape of a route that keeps a VPN server out of its own tunnel: one host, through a router.
bool Finder::may_pin_server(const Route& route) const {
  const auto& hops = now_.routes->hops(route);
  return route.destination.is_host() && route.table == kTableMain && route.type == RouteType::kUnicast &&
         route.protocol == kProtocolBoot && hops.size() == 1 && hops[0].gateway && !is_tunnel(now_, hops[0].interface);
}

/// The prefix that the host would be reached by without this route, when that is the same way: then the route changes
/// nothing, and without it nothing is lost.
std::optional<IpPrefix> Finder::same_way_without(const Route& route) const {
  const Route* best = nullptr;
  bool is_same = false;
  const auto consider = [&](const Route& other, const std::vector<NextHop>& hops) {
    if (other.table != kTableMain || other.destination.is_host()) return;
    if (!other.destination.contains(route.destination)) return;
    // The longest prefix decides, then the lowest metric.
    const auto rank = [](const Route& each) { return std::pair(-each.destination.length, each.metric); };
    if (best != nullptr && rank(*best) <= rank(other)) return;
    best = &other;
    is_same = is_same_way(hops, now_.routes->hops(route));
  };
  for (const Route& other : now_.routes->routes) {
    if (!leads_into_dead_tunnel(other)) consider(other, now_.routes->hops(other));
  }
  for (const ConfiguredRoute& wish : wished_) consider(wish.route.route, wish.route.next_hops.hops);
  return is_same ? std::optional(best->destination) : std::nullopt;
}

void Finder::judge_server_route(std::size_t index) {
  const Route& route = now_.routes->routes[index];
  if (may_be_endpoint(now_, route.destination.address)) return;
  const auto covering = same_way_without(route);
  if (!covering) return;
  found_.routes.push_back(
      {index,
       fmt::format("VPN clients pin the way to their server like this; no tunnel is up that needs it, and {} leads the "
                   "same way",
                   *covering),
       "leftover of a VPN client", Confidence::kLikely});
}

void Finder::find_routes() {
  std::vector<std::size_t> server_routes;
  const auto& routes = now_.routes->routes;
  for (std::size_t i = 0; i < routes.size(); ++i) {
    if (!dead_.empty() && leads_into_dead_tunnel(routes[i])) {
      const std::string name = escape_controls(now_.routes->hops(routes[i])[0].interface);
      found_.routes.push_back({i,
                               fmt::format("it leads into {}, which has no carrier: no program holds the tunnel", name),
                               fmt::format("leftover in {}", name), Confidence::kProven});
    } else if (may_pin_server(routes[i]) && !is_wished(routes[i])) {
      server_routes.push_back(i);
    }
  }
  if (server_routes.size() > ServerRoutes::kMost) {
    found_.notes.push_back(
        fmt::format("{} host routes are left alone: too many for a VPN's servers", server_routes.size()));
    return;
  }
  for (const std::size_t index : server_routes) judge_server_route(index);
  std::ranges::sort(found_.routes, {}, &Leftover::index);
}

void Finder::find_addresses() {
  for (std::size_t i = 0; i < now_.addresses->size(); ++i) {
    const Address& address = (*now_.addresses)[i];
    if (!is_dead(address.interface)) continue;
    const std::string name = escape_controls(address.interface);
    found_.addresses.push_back({i,
                                fmt::format("the address keeps the kernel's routes into {}, a tunnel that no "
                                            "program holds",
                                            name),
                                fmt::format("leftover in {}", name), Confidence::kProven});
  }
}

}  // namespace

/// A tun device has a carrier while a program holds it (drivers/net/tun.c tun_attach(), __tun_detach()), unless that
/// program takes it away (TUNSETCARRIER): one whose holder may not be seen is not known to be dead.
bool is_dead_tunnel(const Snapshot& now, const Link& link) {
  return lacks_program(now, link) && unseen_holder(now, link).empty();
}

std::string undecided_death(const Snapshot& now, const Link& link) {
  const std::string unseen = unseen_holder(now, link);
  if (unseen.empty() || !lacks_program(now, link)) return {};
  return fmt::format("the tunnel {} has no carrier, and whether a program holds it is not known: {}",
                     escape_controls(link.name), escape_controls(unseen));
}

bool is_same_way(const std::vector<NextHop>& left, const std::vector<NextHop>& right) {
  return left.size() == 1 && right.size() == 1 && left[0].gateway == right[0].gateway &&
         left[0].interface == right[0].interface;
}

VpnLeftovers find_vpn_leftovers(const Snapshot& now, const std::vector<ConfiguredRoute>& wished) {
  return Finder(now, wished).find();
}

}  // namespace vpndoctor
