// SPDX-License-Identifier: Apache-2.0
// Host routes of the shape that VPN clients give to the way to their server, which keeps it out of the tunnel. Finds
// those that no tunnel uses any more; whether that is a fault is for others to say.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "vpndoctor/snapshot.h"

namespace vpndoctor {

/// Azure's virtual host, which every machine there is given a route to by DHCP.
bool is_platform_address(const IpAddress& address);

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
  /// A client has few servers: of more host routes nothing is concluded, they may be somebody's list.
  static constexpr std::size_t kMost = 16;

  /// Those that no tunnel is known to use; none when they are more than kMost.
  std::vector<const Route*> unused() const;
  /// Those of them that a client leaves when it dies, as it was measured: to a public address, by protocol boot,
  /// without a metric of its own, in the table main, and one way with the default route there; or there is no default
  /// any more. Whatever differs, an administrator made. None when they are more than kMost.
  std::vector<const Route*> abandoned() const;
  /// True when they are more.
  bool are_unused_many() const;
  bool are_abandoned_many() const;

 private:
  /// Those of the shape, with the signature or any; at most one more than kMost.
  std::vector<const Route*> first(bool with_signature) const;
  bool has_crash_signature(const Route& route) const;
  bool has_the_shape(const Route& route) const;
  bool may_have_been_default(const Route& route, const NextHop& hop) const;
  bool is_endpoint(const IpAddress& server) const;

  const Snapshot& snapshot_;
  std::set<std::pair<std::string, IpAddress>> default_gateways_;
  std::array<bool, 2> has_default_{};  ///< whether it is IPv6's
  /// Of the default routes of the table main outside of tunnels, by whether it is IPv6's; no gateway: on the link.
  std::array<std::set<std::pair<std::string, std::optional<IpAddress>>>, 2> main_defaults_;
};

/// Why it cannot be told whether a tunnel uses such a route; empty when it can, or there is none, or they are many.
std::string server_routes_undecided(const Snapshot& snapshot);

/// Why nothing is concluded of so many, a phrase.
std::string too_many_server_routes();

}  // namespace vpndoctor
