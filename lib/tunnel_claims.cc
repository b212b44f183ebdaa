// SPDX-License-Identifier: Apache-2.0
// Which prefixes tunnels claim. A million routes share few next hops, so that each set of them is judged once.
#include <algorithm>

#include "routing_checks.h"

namespace vpndoctor {
namespace {

/// The tunnel that all legs lead into; null when there is none, or when they part.
const std::string* only_tunnel(const Snapshot& snapshot, const NextHopSet& set) {
  if (set.hops.empty()) return nullptr;
  const std::string& interface = set.hops.front().interface;
  const bool same = std::ranges::all_of(set.hops, [&](const NextHop& hop) { return hop.interface == interface; });
  return same && is_tunnel(snapshot, interface) ? &interface : nullptr;
}

}  // namespace

std::vector<TunnelClaim> tunnel_claims(const Snapshot& snapshot) {
  const RouteTable& table = *snapshot.routes;
  std::vector<const std::string*> tunnels;
  tunnels.reserve(table.next_hop_sets.size());
  for (const NextHopSet& set : table.next_hop_sets) tunnels.push_back(only_tunnel(snapshot, set));
  std::vector<TunnelClaim> claims;
  for (const Route& route : table.routes) {
    const std::string* tunnel = tunnels[route.next_hops];
    const IpAddress& address = route.destination.address;
    if (tunnel == nullptr || route.type != RouteType::kUnicast) continue;
    if (!address.is_multicast() && !address.is_link_local()) claims.push_back({&route, tunnel});
  }
  const auto prefix = [](const TunnelClaim& claim) { return claim.prefix(); };
  if (!std::ranges::is_sorted(claims, {}, prefix)) std::ranges::stable_sort(claims, {}, prefix);
  return claims;
}

}  // namespace vpndoctor
