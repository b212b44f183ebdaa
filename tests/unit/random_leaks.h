// SPDX-License-Identifier: Apache-2.0
// Tunnels, IPsec policies, leases and signs of VPNs of any content that the model can hold.
#pragma once

#include "unit/draw.h"
#include "vpndoctor/snapshot.h"

namespace vpndoctor::testing_support {

/// Draws the facets that the leak detector needs; each may be known, known in part, or missing.
void draw_leak_facets(Draw& draw, Snapshot& snapshot);

}  // namespace vpndoctor::testing_support
