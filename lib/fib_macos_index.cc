// SPDX-License-Identifier: Apache-2.0
// Sorts the routes of a capture by their scope. The scope of a route is the interface that netstat shows, but for host
// routes to addresses of this machine, which lead to the loopback interface and are scoped to where the address is.
#include <algorithm>
#include <utility>

#include "fib_macos.h"

namespace vpndoctor {
namespace {

/// The scopes of a route; an empty one is none.
std::vector<std::string_view> scopes_of(const FibIndex& index, const Route& route) {
  const NextHop* hop = macos_hop(index, route);
  const bool scoped = has_macos_flag(index, route, 'I') || is_of_one_link(route.destination.address);
  if (!scoped || hop == nullptr) return {std::string_view{}};
  std::vector<std::string_view> scopes;
  const bool to_itself = index.links[index.find(hop->interface)].loopback && route.destination.is_host();
  if (to_itself && index.snapshot->addresses) {
    for (const Address& address : *index.snapshot->addresses) {
      if (address.address == route.destination.address) scopes.emplace_back(address.interface);
    }
  }
  if (scopes.empty()) scopes.emplace_back(hop->interface);
  return scopes;
}

}  // namespace

bool is_of_one_link(const IpAddress& address) {
  if (address.family == Family::kInet) return false;
  const unsigned scope = address.bytes[1] & 0x0fU;
  return address.is_link_local() || (address.is_multicast() && (scope == 1 || scope == 2));
}

bool has_macos_flag(const FibIndex& index, const Route& route, char flag) {
  return index.routes->attributes(route).macos_flags.find(flag) != std::string::npos;
}

const NextHop* macos_hop(const FibIndex& index, const Route& route) {
  const auto& hops = index.routes->hops(route);
  return hops.empty() ? nullptr : &hops.front();
}

// A route of a hypothesis has no flags.
bool is_macos_host_route(const FibIndex& index, const Route& route) {
  if (index.routes->attributes(route).macos_flags.empty()) return route.destination.is_host();
  return has_macos_flag(index, route, 'H');
}

const Address* own_address(const FibIndex& index, const IpAddress& address, std::string_view interface) {
  const Address* found = nullptr;
  if (!index.snapshot->addresses) return nullptr;
  for (const Address& each : *index.snapshot->addresses) {
    if (each.address != address) continue;
    if (each.interface == interface) return &each;
    if (found == nullptr) found = &each;
  }
  return found;
}

MacosIndex::MacosIndex(const FibIndex& index) : index_(&index) {
  add_tables(Family::kInet, inet_);
  add_tables(Family::kInet6, inet6_);
}

template <class Key>
void MacosIndex::add_tables(Family family, Tables<Key>& tables) {
  std::map<std::string_view, std::vector<PrefixEntry<Key>>> entries;
  const RouteTable& routes = *index_->routes;
  for (std::uint32_t number = 0; number < routes.routes.size(); ++number) {
    const Route& route = routes.routes[number];
    if (route.destination.family() != family) continue;
    for (const std::string_view scope : scopes_of(*index_, route)) {
      const Route*& primary = defaults_[family == Family::kInet ? 0 : 1];
      if (scope.empty() && route.destination.is_default() && primary == nullptr) primary = &route;
      entries[scope].push_back(
          {.address = key_of<Key>(route.destination.address), .length = route.destination.length, .route = number});
    }
  }
  // A host's route stands before that of a network of full length (bsd/net/radix.c rn_addroute()).
  const auto order = [this](std::span<std::uint32_t> numbers) {
    std::ranges::stable_sort(numbers, [this](std::uint32_t a, std::uint32_t b) {
      const bool left = is_macos_host_route(*index_, index_->route(a));
      const bool right = is_macos_host_route(*index_, index_->route(b));
      return left != right ? left : a < b;
    });
  };
  for (auto& [scope, of_scope] : entries) tables.emplace(scope, LongestPrefix<Key>(std::move(of_scope), order));
}

template <class Key>
const Route* MacosIndex::match_in(const Tables<Key>& tables, std::string_view scope,
                                  const IpAddress& destination) const {
  const auto table = tables.find(scope);
  if (table == tables.end()) return nullptr;
  const auto* node = table->second.find(key_of<Key>(destination));
  return node == nullptr ? nullptr : &index_->route(table->second.routes(*node).front());
}

const Route* MacosIndex::match(std::string_view scope, const IpAddress& destination) const {
  return destination.family == Family::kInet ? match_in(inet_, scope, destination)
                                             : match_in(inet6_, scope, destination);
}

std::vector<IpPrefix> MacosIndex::edges(Family family) const {
  std::vector<IpPrefix> found;
  const auto add = [&](const IpPrefix& prefix) {
    if (prefix.family() == family) found.push_back(prefix);
  };
  for (const Route& route : index_->routes->routes) add(route.destination);
  if (!index_->snapshot->addresses) return found;
  for (const Address& address : *index_->snapshot->addresses) {
    add(IpPrefix::host(address.address));
    if (address.broadcast) add(IpPrefix::host(*address.broadcast));
  }
  return found;
}

}  // namespace vpndoctor
