// SPDX-License-Identifier: Apache-2.0
// What uses a tunnel: routes, rules, resolver scopes. One walk over the tables for all tunnels of a snapshot.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vpndoctor/fib.h"
#include "vpndoctor/snapshot.h"

namespace vpndoctor {

/// True for a route that takes packets somewhere: no local or broadcast address, no multicast, no link's own network.
bool counts_as_use(const RouteTable& routes, const Route& route);

/// Counts the users of every interface; the snapshot must outlive it unchanged.
class TunnelUsers {
 public:
  /// `fib`: the index of the snapshot's routes, when the caller has one; null: one is made if it is needed.
  explicit TunnelUsers(const Snapshot& snapshot, const Fib* fib = nullptr);

  std::size_t routes_count(const std::string& interface) const;
  /// The routes that lead into it, in the order of the tables.
  std::vector<const Route*> routes(std::string_view interface) const;
  /// The rules that name it or lead to a table whose routes all lead into it.
  std::vector<const Rule*> rules(const std::string& interface) const;
  /// Ids of resolver scopes of the interface, and of those without an interface that have a server behind it.
  std::vector<std::string> dns_scopes(const std::string& interface) const;

 private:
  void count_routes();
  void find_scopes(const Fib* fib);

  const Snapshot& snapshot_;
  std::map<std::string, std::size_t, std::less<>> routes_;
  /// The interface that all routes of a table lead into; empty: they lead into several.
  std::map<std::pair<Family, std::uint32_t>, std::string> table_interface_;
  std::multimap<std::string, std::string, std::less<>> scopes_;  ///< ids by interface
};

}  // namespace vpndoctor
