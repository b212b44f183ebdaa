// SPDX-License-Identifier: Apache-2.0
// Snapshots of any content that the model can hold, and whether two of them are the same. Nothing about them is
// plausible: they test what carries snapshots, not what judges them.
#pragma once

#include <random>
#include <string>

#include "vpndoctor/snapshot.h"

namespace vpndoctor::testing_support {

/// Draws a snapshot; every facet may be known, known in part, or missing.
Snapshot random_snapshot(std::mt19937_64& random);

/// Names the first thing that differs; empty when nothing does. The order of interned sets does not matter.
std::string difference(const Snapshot& left, const Snapshot& right);

}  // namespace vpndoctor::testing_support
