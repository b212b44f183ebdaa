// SPDX-License-Identifier: Apache-2.0
// Snapshots of any content that the model can hold. Nothing about them is plausible: they test what carries snapshots,
// not what judges them.
#pragma once

#include <random>

#include "vpndoctor/snapshot.h"

namespace vpndoctor::testing_support {

/// Draws a snapshot; every facet may be known, known in part, or missing.
Snapshot random_snapshot(std::mt19937_64& random);

}  // namespace vpndoctor::testing_support
