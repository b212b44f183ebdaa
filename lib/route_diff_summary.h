// SPDX-License-Identifier: Apache-2.0
// What differs, in sentences: what a person would tell another, most important first.
#pragma once

#include <vector>

#include "vpndoctor/route_diff.h"

namespace vpndoctor {

/// Words the differences of `diff`, whose facets are compared already; `new_metric` pairs removed and added routes.
std::vector<DiffSentence> summarize(const Snapshot& before, const Snapshot& after, const SnapshotDiff& diff,
                                    const std::vector<FacetDiff::Changed>& new_metric);

}  // namespace vpndoctor
