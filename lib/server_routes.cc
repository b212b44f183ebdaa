// SPDX-License-Identifier: Apache-2.0
// Finds the host routes of VPN servers; see the header.
#include "server_routes.h"

#include <fmt/format.h>

#include <algorithm>

#include "address_classes.h"
#include "vpn_leftovers.h"

namespace vpndoctor {

bool is_platform_address(const IpAddress& address) {
  constexpr IpAddress kAzure{Family::kInet, {168, 63, 129, 16}};
  return address == kAzure;
}

ServerRoutes::ServerRoutes(const Snapshot& snapshot) : snapshot_(snapshot) {
  for (const Route& route : snapshot.routes->routes) {
    if (!route.destination.is_default()) continue;
    for (const NextHop& hop : snapshot.routes->hops(route)) {
      if (is_tunnel(snapshot, hop.interface)) continue;
      if (route.table == kTableMain && route.type == RouteType::kUnicast) {
        main_defaults_[route.destination.family() == Family::kInet6].emplace(hop.interface, hop.gateway);
      }
      if (!hop.gateway) continue;
      has_default_[route.destination.family() == Family::kInet6] = true;
      default_gateways_.emplace(hop.interface, *hop.gateway);
    }
  }
}

std::vector<const Route*> ServerRoutes::first(bool with_signature) const {
  std::vector<const Route*> found;
  for (const Route& route : snapshot_.routes->routes) {
    if (!has_the_shape(route) || is_endpoint(route.destination.address)) continue;
    if (with_signature && !has_crash_signature(route)) continue;
    found.push_back(&route);
    if (found.size() > kMost) break;
  }
  return found;
}

std::vector<const Route*> ServerRoutes::unused() const {
  std::vector<const Route*> found = first(false);
  return found.size() > kMost ? std::vector<const Route*>() : found;
}

std::vector<const Route*> ServerRoutes::abandoned() const {
  std::vector<const Route*> found = first(true);
  return found.size() > kMost ? std::vector<const Route*>() : found;
}

bool ServerRoutes::are_unused_many() const { return first(false).size() > kMost; }

bool ServerRoutes::are_abandoned_many() const { return first(true).size() > kMost; }

bool ServerRoutes::has_crash_signature(const Route& route) const {
  constexpr std::uint32_t kMetricOfInet6 = 1024;  // what the kernel gives a route without one (IP6_RT_PRIO_USER)
  const Family family = route.destination.family();
  const AddressClass what = registered_class(route.destination.address);
  if (!is_public_class(what)) return false;
  const bool has_metric = route.metric != 0 && !(family == Family::kInet6 && route.metric == kMetricOfInet6);
  if (route.protocol != kProtocolBoot || has_metric) return false;
  const auto& defaults = main_defaults_[family == Family::kInet6];
  const NextHop& hop = snapshot_.routes->hops(route)[0];
  return defaults.empty() || defaults.contains({hop.interface, hop.gateway});
}

/// A host by a gateway, by no manager and no protocol. An address of one link needs no server's route.
bool ServerRoutes::has_the_shape(const Route& route) const {
  if (!route.destination.is_host() || route.type != RouteType::kUnicast || route.table != kTableMain) return false;
  if (route.destination.address.is_link_local() || is_platform_address(route.destination.address)) return false;
  if (route.protocol != kProtocolBoot && route.protocol != kProtocolStatic && route.protocol != kProtocolUnspecified) {
    return false;
  }
  const auto& hops = snapshot_.routes->hops(route);
  return hops.size() == 1 && hops[0].gateway && !is_tunnel(snapshot_, hops[0].interface) &&
         !route.destination.contains(*hops[0].gateway) && may_have_been_default(route, hops[0]);
}

/// A client takes the gateway of the default route. By another one that is there, somebody made it on purpose.
bool ServerRoutes::may_have_been_default(const Route& route, const NextHop& hop) const {
  if (is_default_gateway(hop) || !has_default(route.destination.family())) return true;
  return std::ranges::none_of(*snapshot_.addresses, [&hop](const Address& address) {
    return address.interface == hop.interface && address.on_link().contains(*hop.gateway);
  });
}

bool ServerRoutes::is_endpoint(const IpAddress& server) const {
  return std::ranges::any_of(*snapshot_.tunnels, [&server](const Tunnel& tunnel) {
    return std::ranges::count(tunnel.endpoints, server, &OuterEndpoint::address) != 0;
  });
}

std::string too_many_server_routes() {
  return fmt::format("more than {} host routes are there that no tunnel uses: too many for a VPN's servers",
                     ServerRoutes::kMost);
}

std::string server_routes_undecided(const Snapshot& snapshot) {
  for (const Tunnel& tunnel : *snapshot.tunnels) {
    // A tunnel that was read and has no other end uses no server, nor does one that no program holds.
    if (!tunnel.endpoints.empty() || tunnel.not_seen.empty()) continue;
    const Link* link = snapshot.find_link(tunnel.interface);
    if (link != nullptr && is_dead_tunnel(snapshot, *link)) continue;
    if (ServerRoutes(snapshot).unused().empty()) return {};
    return fmt::format("the endpoint of {} is not known, and a host route may be for it: {}", tunnel.interface,
                       tunnel.not_seen);
  }
  return {};
}

}  // namespace vpndoctor
