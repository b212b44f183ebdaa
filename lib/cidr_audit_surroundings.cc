// SPDX-License-Identifier: Apache-2.0
// See the header.
#include "cidr_audit_surroundings.h"

#include <fmt/format.h>

#include <algorithm>

#include "routing_checks.h"
#include "vpn_leftovers.h"

namespace vpndoctor {

Surroundings::Surroundings(const Snapshot& snapshot) : snapshot_(snapshot) {
  if (snapshot.addresses) {
    for (const Address& address : *snapshot.addresses) networks_[address.interface].push_back(address.on_link());
  }
  if (!snapshot.tunnels) return;
  for (const Tunnel& tunnel : *snapshot.tunnels) {
    for (const OuterEndpoint& endpoint : tunnel.endpoints) tunnel_ends_.insert(endpoint.address);
    if (!tunnel.endpoints.empty() || tunnel.not_seen.empty()) continue;
    const Link* link = snapshot.find_link(tunnel.interface);
    if (link != nullptr && is_dead_tunnel(snapshot, *link)) continue;
    unseen_end_ = fmt::format("the other end of {} is not known, and a host route may be for it: {}", tunnel.interface,
                              tunnel.not_seen);
  }
}

bool Surroundings::leads_to_tunnel_end(const PieceWay& way) const {
  return way.route != nullptr && !way.interface.empty() && way.route->destination.is_host() &&
         tunnel_ends_.contains(way.route->destination.address);
}

bool Surroundings::may_lead_to_tunnel_end(const PieceWay& way) const {
  return !unseen_end_.empty() && way.route != nullptr && !way.interface.empty() && way.route->destination.is_host() &&
         has_gateway(*way.route);
}

bool Surroundings::is_own_network(const PieceWay& way) const {
  if (way.route == nullptr || way.interface.empty() || nature_of(way.interface).is_tunnel) return false;
  if (way.route->protocol == kProtocolKernel) return true;
  const auto networks = networks_.find(way.interface);
  if (networks == networks_.end() || has_gateway(*way.route)) return false;
  return std::ranges::any_of(networks->second,
                             [&way](const IpPrefix& network) { return network.contains(way.route->destination); });
}

bool Surroundings::leaves_in_clear(std::string_view interface) const {
  return !interface.empty() && nature_of(interface).leaves_in_clear;
}

bool Surroundings::has_gateway(const Route& route) const {
  return std::ranges::any_of(snapshot_.routes->hops(route), [](const NextHop& hop) { return hop.gateway.has_value(); });
}

const Surroundings::Nature& Surroundings::nature_of(std::string_view interface) const {
  const auto [known, is_new] = natures_.try_emplace(interface);
  if (!is_new) return known->second;
  const Link* link = snapshot_.find_link(interface);
  const bool carries =
      !snapshot_.links || (why_dead(snapshot_, interface).empty() && !link->is_loopback() && link->kind != "dummy");
  const bool tunnel = is_tunnel(snapshot_, interface);
  return known->second = {.is_tunnel = tunnel, .leaves_in_clear = carries && !tunnel};
}

}  // namespace vpndoctor
