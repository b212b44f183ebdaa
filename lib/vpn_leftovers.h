// SPDX-License-Identifier: Apache-2.0
// What VPN clients left behind when they crashed, recognised without knowing the state before: rules to empty tables,
// routes into dead tunnels, host routes to a server. Only what no live tunnel can need; undoes nothing.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "vpndoctor/configured_state.h"

namespace vpndoctor {

/// One entry of a facet of the snapshot, by its index there.
struct Leftover {
  std::size_t index = 0;
  std::string reason;
  std::string source;  ///< whose leftover it is
  Confidence confidence = Confidence::kLikely;
};

struct VpnLeftovers {
  std::vector<Leftover> routes;  ///< by ascending index, as the others
  std::vector<Leftover> rules;
  std::vector<Leftover> addresses;  ///< of dead tunnels
  std::vector<std::string> notes;
  std::vector<std::string> undecided;  ///< what may be a leftover: why that is not known
};

/// Finds them. What `wished` asks for is none; its routes count as being there.
VpnLeftovers find_vpn_leftovers(const Snapshot& now, const std::vector<ConfiguredRoute>& wished);

/// True for a tunnel device that is up and that no program holds any more.
bool is_dead_tunnel(const Snapshot& now, const Link& link);

/// Why it is not known whether the tunnel is dead, a phrase; empty when that is known.
std::string undecided_death(const Snapshot& now, const Link& link);

/// True when both are one leg, and lead to the same gateway through the same interface.
bool is_same_way(const std::vector<NextHop>& left, const std::vector<NextHop>& right);

}  // namespace vpndoctor
