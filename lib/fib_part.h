// SPDX-License-Identifier: Apache-2.0
// A small machine cut out of a large one: what decides about a few addresses. "What if the tunnels were gone?" then
// takes one look at each route, and neither a copy nor an index of them all.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vpndoctor/snapshot.h"

namespace vpndoctor {

/// What the part is asked for, and what it is to lack.
struct PartQuestion {
  std::vector<IpAddress> addresses;          ///< every destination and given source of the flows to look up
  std::vector<std::uint32_t> left_out = {};  ///< numbers of routes that it is to lack, ascending
  std::vector<std::string> without_links =
      {};  ///< interfaces that it is to lack, as without_interface() takes one away
};

/// Returns the facets that a lookup reads (links, addresses, rules, next hop objects, neighbours, settings, names,
/// tunnels), with those routes alone that a lookup of the addresses may meet: a Fib of it answers such flows as one of
/// the whole machine does. The other facets are missing.
Snapshot part_of(const Snapshot& snapshot, PartQuestion question);

/// Takes interfaces away from a snapshot: their links, addresses, legs, neighbours; see without_interface().
void take_links_away(Snapshot& snapshot, const std::vector<std::string>& interfaces);

}  // namespace vpndoctor
