// SPDX-License-Identifier: Apache-2.0
// Host routes of the shape that VPN clients give to the way to their server, which keeps it out of the tunnel. Finds
// those that no tunnel uses any more; whether that is a fault is for others to say.
#pragma once

#include <array>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "vpndoctor/snapshot.h"

namespace vpndoctor {

/// Over a snapshot that knows its addresses, routes and tunnels, and outlives it.
class ServerRoutes {
 public:
  explicit ServerRoutes(const Snapshot& snapshot);

  /// True when a default route outside of tunnels takes this gateway.
  bool is_default_gateway(const NextHop& hop) const {
    return default_gateways_.contains({hop.interface, *hop.gateway});
  }
  /// True when the family has a default route by a gateway outside of tunnels.
  bool has_default(Family family) const { return has_default_[family == Family::kInet6]; }
  /// A few that no tunnel is known to use; none when they are many: then they are somebody's list of hosts.
  std::vector<const Route*> unused() const;

 private:
  bool has_the_shape(const Route& route) const;
  bool may_have_been_default(const Route& route, const NextHop& hop) const;
  bool is_endpoint(const IpAddress& server) const;

  const Snapshot& snapshot_;
  std::set<std::pair<std::string, IpAddress>> default_gateways_;
  std::array<bool, 2> has_default_{};  ///< whether it is IPv6's
};

/// Why it cannot be told whether a tunnel uses such a route; empty when it can, or there is none.
std::string server_routes_undecided(const Snapshot& snapshot);

}  // namespace vpndoctor
