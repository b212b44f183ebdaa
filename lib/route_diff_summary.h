// SPDX-License-Identifier: Apache-2.0
// What differs, in sentences: what a person would tell another, most important first.
#pragma once

#include <vector>

#include "vpndoctor/route_diff.h"

namespace vpndoctor {

/// Words the differences of `diff`, whose facets are compared already.
std::vector<DiffSentence> summarize(const Snapshot& before, const Snapshot& after, const SnapshotDiff& diff);

}  // namespace vpndoctor
