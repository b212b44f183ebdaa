// SPDX-License-Identifier: Apache-2.0
// Whether a gateway is on link, by the routes that are there; rules are not looked at, since the kernel tries the
// route's own table and then the main one in all that matters here.
#include <algorithm>

#include "restore_place.h"

namespace vpndoctor {

OnLink::OnLink(const Snapshot& now, std::vector<IpAddress> gateways) : gateways_(std::move(gateways)) {
  std::ranges::sort(gateways_);
  gateways_.erase(std::ranges::unique(gateways_).begin(), gateways_.end());
  if (!now.routes || gateways_.empty()) return;
  const RouteTable& table = *now.routes;
  for (std::size_t i = 0; i < table.routes.size(); ++i) add(table.routes[i], table.hops(table.routes[i]), i);
}

bool OnLink::matters(const IpPrefix& prefix) const {
  const auto first = std::ranges::lower_bound(gateways_, prefix.address);
  return first != gateways_.end() && prefix.contains(*first);
}

void OnLink::add(const Route& route, const std::vector<NextHop>& hops, std::size_t index) {
  if (!matters(route.destination) || route.type != RouteType::kUnicast) return;
  // The IPv4 lookup passes over routes of a wider scope than the link's (fib_table_lookup(), flowi4_scope).
  const bool is_inet = route.destination.family() == Family::kInet;
  if (is_inet && route.scope < kScopeLink) return;
  for (const NextHop& hop : hops) {
    entries_.push_back({route.destination, route.table, hop.interface, is_inet || !hop.gateway, index});
  }
}

void OnLink::add(const StandaloneRoute& route) { add(route.route, route.next_hops.hops, kAdded); }

void OnLink::remove(std::size_t route) {
  std::erase_if(entries_, [&](const Entry& entry) { return entry.index == route; });
}

const OnLink::Entry* OnLink::longest(const NextHop& hop, std::uint32_t table) const {
  const Entry* best = nullptr;
  for (const Entry& entry : entries_) {
    if (entry.table != table || entry.interface != hop.interface || !entry.prefix.contains(*hop.gateway)) continue;
    if (best == nullptr || entry.prefix.length > best->prefix.length ||
        (entry.prefix.length == best->prefix.length && entry.on_link)) {
      best = &entry;
    }
  }
  return best;
}

bool OnLink::reaches(const NextHop& hop, std::uint32_t table) const {
  // An IPv6 gateway on the link's own scope needs no route: fe80::/64 is there as long as the interface is.
  if (!hop.gateway || (hop.flags & kNextHopOnLink) != 0) return true;
  if (hop.gateway->family == Family::kInet6 && hop.gateway->is_link_local()) return true;
  for (const std::uint32_t each : {table, std::uint32_t{kTableMain}}) {
    const Entry* entry = longest(hop, each);
    if (entry != nullptr && entry->on_link) return true;
  }
  return false;
}

}  // namespace vpndoctor
