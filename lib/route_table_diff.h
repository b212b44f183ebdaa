// SPDX-License-Identifier: Apache-2.0
// What differs between two route tables by the kernel's own keys. Knows nothing of addresses and links: what follows
// from those is sorted out elsewhere.
#pragma once

#include "vpndoctor/network.h"
#include "vpndoctor/route_diff.h"

namespace vpndoctor {

/// Compares two tables; the indexes of each list ascend. Among IPv4 routes of one key outside the local table the order
/// counts: one that changed its place is removed and added.
FacetDiff diff_route_tables(const RouteTable& before, const RouteTable& after);

}  // namespace vpndoctor
