// SPDX-License-Identifier: Apache-2.0
// An interface whose link or addresses differ explains the kernel's own routes through it; an address that wanders
// explains its host route.
#include "derived_routes.h"

#include <set>
#include <string>

#include "facet_diff.h"

namespace vpndoctor {
namespace {

/// What explains routes on one side.
struct Explanations {
  std::set<std::string> interfaces;
  std::set<IpAddress> wandering;
};

template <class T, class NameOf>
std::set<std::string> differing(const Observed<std::vector<T>>& before, const Observed<std::vector<T>>& after,
                                const FacetDiff& facet, NameOf name_of) {
  std::set<std::string> names;
  if (!before || !after) return names;
  for (const std::uint32_t index : facet.removed) names.insert(name_of((*before)[index]));
  for (const std::uint32_t index : facet.added) names.insert(name_of((*after)[index]));
  for (const FacetDiff::Changed& changed : facet.changed) names.insert(name_of((*after)[changed.after]));
  return names;
}

void collect_wandering(const Snapshot& snapshot, std::set<IpAddress>& addresses) {
  if (!snapshot.addresses) return;
  for (const Address& address : *snapshot.addresses) {
    if (is_wandering(address)) addresses.insert(address.address);
  }
}

Explanations explanations_of(const Snapshot& before, const Snapshot& after, const SnapshotDiff& diff) {
  Explanations found;
  found.interfaces = differing(before.links, after.links, diff.links, [](const Link& link) { return link.name; });
  found.interfaces.merge(differing(before.addresses, after.addresses, diff.addresses,
                                   [](const Address& address) { return address.interface; }));
  collect_wandering(before, found.wandering);
  collect_wandering(after, found.wandering);
  return found;
}

bool follows(const RouteTable& table, const Route& route, const Explanations& explanations) {
  if (!is_kernel_made(table, route)) return false;
  if (route.destination.is_host() && explanations.wandering.contains(route.destination.address)) return true;
  const std::vector<NextHop>& hops = table.hops(route);
  return !hops.empty() && explanations.interfaces.contains(hops.front().interface);
}

}  // namespace

bool is_kernel_made(const RouteTable& table, const Route& route) {
  if (route.protocol != kProtocolKernel) return false;
  const std::vector<NextHop>& hops = table.hops(route);
  return route.table == kTableLocal || hops.empty() || !hops.front().gateway;
}

void fold_derived_routes(const Snapshot& before, const Snapshot& after, SnapshotDiff& diff) {
  if (diff.routes.is_empty()) return;
  const Explanations explanations = explanations_of(before, after, diff);
  const auto follows_before = [&](std::uint32_t index) {
    return follows(*before.routes, before.routes->routes[index], explanations);
  };
  const auto follows_after = [&](std::uint32_t index) {
    return follows(*after.routes, after.routes->routes[index], explanations);
  };
  diff.derived_changes += std::erase_if(diff.routes.removed, follows_before);
  diff.derived_changes += std::erase_if(diff.routes.added, follows_after);
  diff.derived_changes += std::erase_if(diff.routes.changed, [&](const FacetDiff::Changed& changed) {
    return follows_before(changed.before) && follows_after(changed.after);
  });
}

}  // namespace vpndoctor
