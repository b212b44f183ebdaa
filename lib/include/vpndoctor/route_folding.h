// SPDX-License-Identifier: Apache-2.0
// Folds routes for a reader: those that do the same for many destinations become one group with the fewest prefixes
// that say where. Pure; what is shown of it is the reports' business.
#pragma once

#include <cstdint>
#include <vector>

#include "vpndoctor/prefix.h"
#include "vpndoctor/route_owner.h"
#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// What a route is for, in the order in which a reader wants to see them.
enum class RoutePurpose : std::uint8_t {
  kDefault,  ///< everything, or one of the halves that a VPN lays over the default
  kTunnel,   ///< through a tunnel
  kOther,    ///< through a gateway, or refused
  kLink,     ///< what is on a link itself
  kLocal,    ///< this machine's own addresses, broadcast, multicast, link-local
};
const char* route_purpose_name(RoutePurpose purpose);  ///< "default", "tunnel", "other", "link", "local"

/// Routes of one table and family that differ in nothing but their destination; those to the other end of a tunnel are
/// apart.
struct RouteGroup {
  std::uint32_t table = kTableMain;
  Family family = Family::kInet;
  RoutePurpose purpose = RoutePurpose::kOther;
  Owner owner;                        ///< of the first of them
  std::vector<std::uint32_t> routes;  ///< into RouteTable::routes, in its order
  std::vector<IpPrefix> aggregate;    ///< their destinations in the fewest prefixes
};

/// Returns every route in exactly one group: the main table first, the local one last, then by family, purpose and
/// size. Empty when the routes are not known.
std::vector<RouteGroup> fold_routes(const Snapshot& snapshot);

/// Returns which share of its family's addresses the prefixes have, 0 to 1; they must not overlap.
double share_of_family(const std::vector<IpPrefix>& prefixes);

}  // namespace vpndoctor
