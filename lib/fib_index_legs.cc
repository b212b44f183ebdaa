// SPDX-License-Identifier: Apache-2.0
// The next hops of an index: their interfaces, their state, and whether an IPv4 gateway is one at all. The kernel
// decided the last when the route was made; here the tables of today stand in for those of then.
#include <algorithm>

#include "fib_index.h"

namespace vpndoctor {
namespace {

/// The routes of a user that deliver IPv4 prefixes to this machine.
using LocalRoutes = std::vector<const Route*>;

LocalRoutes local_routes_of_users(const FibIndex& index) {
  LocalRoutes found;
  for (const Route& route : index.routes->routes) {
    const bool users = route.type == RouteType::kLocal && route.protocol != kProtocolKernel;
    if (users && route.destination.family() == Family::kInet) found.push_back(&route);
  }
  return found;
}

bool looks_at_local_first(const FibIndex& index) {
  if (index.inet.rules.empty()) return false;
  const FibRule& first = index.inet.rules.front();
  return !first.has_selectors && first.rule->action == RuleAction::kToTable && first.rule->table == kTableLocal;
}

// The kernel looks a gateway up in the route's own table, and then by the rules: fib_check_nh_v4_gw().
bool may_lie_in_another_table(const FibIndex& index, const IpAddress& gateway) {
  return std::ranges::any_of(index.inet.tables, [&](const FibTable<std::uint32_t>& table) {
    return table.id != kTableLocal && table.id != kTableMain &&
           table.prefixes.find(key_of<std::uint32_t>(gateway)) != nullptr;
  });
}

// A gateway on the way to which lies a local route got that route's scope, and is not used: fib_check_nh_v4_gw() and
// rt_set_nexthop().
void judge_gateway(const FibIndex& index, const LocalRoutes& local_routes, FibLeg& leg) {
  const NextHop& hop = *leg.hop;
  if (!hop.gateway) return;
  // Of an uncached IPv4 path rt_set_nexthop() writes the destination over a gateway whose first four bytes are zero.
  leg.gateway_is_doubtful = hop.gateway->family == Family::kInet6 && key_of<std::uint32_t>(*hop.gateway) == 0;
  if (hop.gateway->family != Family::kInet || (hop.flags & kNextHopOnLink) != 0) return;
  const FibLink& link = index.links[leg.link];
  const auto is_gateway = [&](const Address* address) { return address->address == *hop.gateway; };
  // Only a local route leads to the loopback interface.
  leg.gateway_is_own = link.loopback || std::ranges::any_of(link.inet_addresses, is_gateway);
  leg.gateway_is_doubtful =
      leg.gateway_is_own && (!looks_at_local_first(index) || may_lie_in_another_table(index, *hop.gateway));
  for (const Route* route : local_routes) {
    const auto uses_link = [&](const NextHop& other) { return other.interface == hop.interface; };
    if (!leg.gateway_is_own && route->destination.contains(*hop.gateway) &&
        std::ranges::any_of(index.routes->hops(*route), uses_link)) {
      leg.gateway_is_doubtful = true;
    }
  }
}

// A dump calls a leg dead too when its interface ignores routes without a carrier (fib_nexthop_info()); only one whose
// link is down is dead for every lookup.
FibLeg leg_of(const FibIndex& index, const NextHop& hop) {
  FibLeg leg{.hop = &hop, .link = index.find(hop.interface)};
  const FibLink& link = index.links[leg.link];
  const bool ignores = link.ignores_linkdown || link.ignores_linkdown6;
  leg.linkdown = (hop.flags & kNextHopLinkDown) != 0;
  if (hop.gateway) leg.neighbour = index.neighbour_state(leg.link, *hop.gateway).value_or(0);
  leg.dead = (hop.flags & kNextHopDead) != 0 && !(leg.linkdown && ignores && link.up);
  return leg;
}

}  // namespace

void add_legs(FibIndex& index) {
  const LocalRoutes local_routes = local_routes_of_users(index);
  std::map<std::uint32_t, bool> blackholes;
  if (const auto* objects = index.snapshot->next_hop_objects.get(); objects != nullptr) {
    for (const NextHopObject& object : *objects) blackholes[object.id] = object.blackhole;
  }
  index.leg_sets.reserve(index.routes->next_hop_sets.size());
  for (const NextHopSet& set : index.routes->next_hop_sets) {
    FibLegs legs{.first = static_cast<std::uint32_t>(index.legs.size()),
                 .count = static_cast<std::uint32_t>(set.hops.size())};
    for (const NextHop& hop : set.hops) {
      index.legs.push_back(leg_of(index, hop));
      judge_gateway(index, local_routes, index.legs.back());
    }
    legs.object = set.object_id.has_value();
    legs.blackhole = legs.object && blackholes.contains(*set.object_id) && blackholes[*set.object_id];
    const auto added = std::span(index.legs).subspan(legs.first);
    legs.all_dead = !added.empty() && std::ranges::all_of(added, &FibLeg::dead);
    index.leg_sets.push_back(legs);
  }
}

}  // namespace vpndoctor
