// SPDX-License-Identifier: Apache-2.0
// Counts what uses a tunnel; see the header. What the kernel makes for an address itself (local, multicast, fe80::/64)
// is nobody's use.
#include "tunnel_users.h"

#include <algorithm>
#include <optional>
#include <ranges>

#include "dns_ground.h"
#include "filled_tables.h"
#include "vpndoctor/dns_overview.h"

namespace vpndoctor {
namespace {

bool leads_into(const RouteTable& routes, const Route& route, std::string_view interface) {
  return std::ranges::any_of(routes.hops(route), [&](const NextHop& hop) { return hop.interface == interface; });
}

/// The interface of all legs; null when there is no leg, or they differ.
const std::string* only_interface(const std::vector<NextHop>& hops) {
  if (hops.empty()) return nullptr;
  const std::string& first = hops.front().interface;
  const bool all_same = std::ranges::all_of(hops, [&](const NextHop& hop) { return hop.interface == first; });
  return all_same ? &first : nullptr;
}

/// macOS gives every interface a default route that only sockets bound to it take.
bool is_scoped(const RouteTable& routes, const Route& route) {
  return routes.attributes(route).macos_flags.find('I') != std::string::npos;
}

}  // namespace

bool counts_as_use(const RouteTable& routes, const Route& route) {
  return route.table != kTableLocal && route.type == RouteType::kUnicast && !route.destination.address.is_multicast() &&
         !route.destination.address.is_link_local() && !is_scoped(routes, route);
}

TunnelUsers::TunnelUsers(const Snapshot& snapshot, const Fib* fib) : snapshot_(snapshot) {
  if (snapshot.routes) count_routes();
  find_scopes(fib);
}

void TunnelUsers::count_routes() {
  const RouteTable& table = *snapshot_.routes;
  std::vector<std::size_t> by_hops(table.next_hop_sets.size());
  for (const Route& route : table.routes) {
    if (!counts_as_use(table, route)) continue;
    ++by_hops[route.next_hops];
    if (is_kernels_table(route.table)) continue;
    const std::string* only = only_interface(table.hops(route));
    const auto [entry, is_new] =
        table_interface_.try_emplace({route.destination.family(), route.table}, only == nullptr ? "" : *only);
    if (!is_new && (only == nullptr || *only != entry->second)) entry->second.clear();
  }
  for (std::size_t i = 0; i < by_hops.size(); ++i) {
    std::vector<std::string_view> seen;
    for (const NextHop& hop : table.next_hop_sets[i].hops) {
      if (by_hops[i] == 0 || std::ranges::count(seen, hop.interface) != 0) continue;
      seen.push_back(hop.interface);
      routes_[hop.interface] += by_hops[i];
    }
  }
}

std::size_t TunnelUsers::routes_count(const std::string& interface) const {
  const auto found = routes_.find(interface);
  return found == routes_.end() ? 0 : found->second;
}

std::vector<const Route*> TunnelUsers::routes(std::string_view interface) const {
  std::vector<const Route*> found;
  if (!snapshot_.routes || !routes_.contains(interface)) return found;
  for (const Route& route : snapshot_.routes->routes) {
    if (counts_as_use(*snapshot_.routes, route) && leads_into(*snapshot_.routes, route, interface)) {
      found.push_back(&route);
    }
  }
  return found;
}

std::vector<const Rule*> TunnelUsers::rules(const std::string& interface) const {
  std::vector<const Rule*> found;
  if (!snapshot_.rules) return found;
  for (const Rule& rule : *snapshot_.rules) {
    const bool is_named = rule.input_interface == interface || rule.output_interface == interface;
    const auto table = table_interface_.find({rule.family, rule.table});
    const bool leads_there = rule.action == RuleAction::kToTable && !is_kernels_table(rule.table) &&
                             table != table_interface_.end() && table->second == interface;
    if (is_named || leads_there) found.push_back(&rule);
  }
  return found;
}

void TunnelUsers::find_scopes(const Fib* fib) {
  std::optional<DnsGround> ground;  // an index of all routes: made only when a server is to be looked up
  for (const DnsScopeView& scope : overview_of_dns(snapshot_).scopes) {
    if (!scope.interface.empty()) {
      if (!scope.servers.empty() || !scope.domains.empty()) scopes_.emplace(scope.interface, scope.id);
      continue;
    }
    std::vector<std::string> reached;
    for (const DnsServer& server : scope.servers) {
      if (is_own_address(snapshot_, server.address)) continue;
      if (!ground && fib != nullptr) ground.emplace(snapshot_, *fib);
      if (!ground) ground.emplace(snapshot_);
      std::string interface = dns_egress(*ground, server).interface;
      if (!interface.empty() && std::ranges::count(reached, interface) == 0) reached.push_back(std::move(interface));
    }
    for (std::string& interface : reached) scopes_.emplace(std::move(interface), scope.id);
  }
}

std::vector<std::string> TunnelUsers::dns_scopes(const std::string& interface) const {
  std::vector<std::string> found;
  const auto [first, last] = scopes_.equal_range(interface);
  for (auto entry = first; entry != last; ++entry) found.push_back(entry->second);
  return found;
}

}  // namespace vpndoctor
