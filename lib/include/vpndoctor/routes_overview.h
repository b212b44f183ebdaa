// SPDX-License-Identifier: Apache-2.0
// What a person on a bad day asks first: where does everything go, and which tunnels are there. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/fib.h"
#include "vpndoctor/route_owner.h"
#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// Where a part of all addresses goes.
struct WayOut {
  FlowFate fate = FlowFate::kNone;
  std::string interface;                    ///< empty: nowhere
  std::optional<IpAddress> gateway;         ///< of its largest part
  std::uint32_t table = kTableUnspecified;  ///< of its largest part
  double share_ratio = 0;                   ///< of the family's unicast addresses
  bool is_tunnel = false;
  bool depends = false;  ///< a flow hash or a neighbour's state decides for a part of it
};

struct FamilyOverview {
  Family family = Family::kInet;
  std::vector<WayOut> ways;  ///< largest share first; empty: not known
  std::string uncertain;     ///< why this is not certain; empty: certain
};

struct TunnelOverview {
  std::string interface;
  std::string state;  ///< "up", "down", "no carrier", "not there"
  Owner owner;
  std::size_t routes_inet = 0;  ///< beside those of its own addresses
  std::size_t routes_inet6 = 0;
};

struct RoutesOverview {
  FamilyOverview inet;
  FamilyOverview inet6;
  std::vector<TunnelOverview> tunnels;  ///< in the order of the links, then those that routes alone name
};

/// Sums up a snapshot for packets of this machine that are unmarked, unbound and of `uid`. `fib` indexes the snapshot.
RoutesOverview routes_overview(const Snapshot& snapshot, const Fib& fib, std::uint32_t uid = 0);

/// Returns "up", "down", "no carrier" (of an interface that is up) or, for null, "not there".
const char* link_state_name(const Link* link);

}  // namespace vpndoctor
