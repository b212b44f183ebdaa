// SPDX-License-Identifier: Apache-2.0
// Whether two snapshots say the same, in every field: for tests of what carries snapshots.
#pragma once

#include <string>

#include "vpndoctor/snapshot.h"

namespace vpndoctor::testing_support {

/// Names the first thing that differs; empty when nothing does. The order of interned sets does not matter.
std::string difference(const Snapshot& left, const Snapshot& right);

}  // namespace vpndoctor::testing_support
