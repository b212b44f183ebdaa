// SPDX-License-Identifier: Apache-2.0
// The checks of routing: what is wrong with a snapshot's tables, with proof and remedy. One table of small functions;
// a facet that is missing skips the checks that need it, with its reason. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "vpndoctor/fib.h"
#include "vpndoctor/finding.h"
#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

struct CheckResults {
  std::vector<Finding> findings;  ///< most severe first
  std::vector<Skipped> skipped;
};

/// Runs every routing check (codes RTE001 and following) over the snapshot that `fib` indexes, for packets of this
/// machine that are unmarked, unbound and of `uid`.
CheckResults check_routing(const Snapshot& snapshot, const Fib& fib, std::uint32_t uid = 0);

}  // namespace vpndoctor
