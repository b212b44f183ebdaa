// SPDX-License-Identifier: Apache-2.0
// Routes that went and came again with one thing about them changed: their place or their metric.
#pragma once

#include <vector>

#include "vpndoctor/route_diff.h"

namespace vpndoctor {

struct RoutePairs {
  std::vector<FacetDiff::Changed> reordered;   ///< equal but for their place among the routes of their key
  std::vector<FacetDiff::Changed> new_metric;  ///< the same destination, table and legs with another metric
};

/// Pairs `removed` and `added` of a comparison of two tables.
RoutePairs pair_routes(const RouteTable& before, const RouteTable& after, const FacetDiff& diff);

}  // namespace vpndoctor
