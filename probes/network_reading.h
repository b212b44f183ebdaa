// SPDX-License-Identifier: Apache-2.0
// Reads what rtnetlink has of this namespace, once: links first, since names come from them. Says whether the pieces
// fit together; reading again is the caller's.
#pragma once

#include <vector>

#include "vpndoctor/result.h"
#include "vpndoctor/snapshot.h"

namespace vpndoctor {

/// Fills the facets of `snapshot` that rtnetlink knows. Returns false when the pieces do not fit: an interface is
/// referred to that was not listed, or a dump was interrupted or overrun. Fails when links cannot be read at all.
Result<bool> read_network(Snapshot& snapshot);

}  // namespace vpndoctor
