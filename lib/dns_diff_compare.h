// SPDX-License-Identifier: Apache-2.0
// Compares the resolver configurations of two states source by source.
#pragma once

#include "vpndoctor/route_diff.h"

namespace vpndoctor {

/// Fills the resolver part of `diff`. A source that is known on one side only is not compared, and said.
void diff_dns(const DnsConfiguration& before, const DnsConfiguration& after, SnapshotDiff& diff);

}  // namespace vpndoctor
