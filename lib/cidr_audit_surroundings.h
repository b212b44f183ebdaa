// SPDX-License-Identifier: Apache-2.0
// What the machine around a tunnel is to an audit of it: which ways out belong outside the tunnel.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cidr_audit_pieces.h"
#include "vpndoctor/snapshot.h"

namespace vpndoctor {

/// Looks at each interface once. The snapshot belongs to the caller.
class Surroundings {
 public:
  explicit Surroundings(const Snapshot& snapshot);

  const Snapshot& snapshot() const { return snapshot_; }

  /// True for a host route to the other end of a tunnel, whose outer packets cannot go through the tunnel.
  bool leads_to_tunnel_end(const PieceWay& way) const;
  /// True for any host route by a gateway, where some tunnel's other end is not known.
  bool may_lead_to_tunnel_end(const PieceWay& way) const;
  /// Why some tunnel's other end is not known; empty: all are.
  const std::string& unseen_end() const { return unseen_end_; }

  /// A link's own network stays on the link, whoever made its route; a server that sets on-link routes to other
  /// networks (TunnelVision) does not make them the link's own.
  bool is_own_network(const PieceWay& way) const;
  /// True for an interface that carries packets away from this machine outside any tunnel.
  bool leaves_in_clear(std::string_view interface) const;

 private:
  struct Nature {
    bool is_tunnel = false;
    bool leaves_in_clear = false;
  };

  bool has_gateway(const Route& route) const;
  const Nature& nature_of(std::string_view interface) const;

  const Snapshot& snapshot_;
  std::map<std::string_view, std::vector<IpPrefix>> networks_;
  std::set<IpAddress> tunnel_ends_;
  std::string unseen_end_;
  mutable std::map<std::string_view, Nature> natures_;
};

}  // namespace vpndoctor
