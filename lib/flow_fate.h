// SPDX-License-Identifier: Apache-2.0
// What a fate means for a packet that was to leave the machine.
#pragma once

#include "vpndoctor/fib.h"

namespace vpndoctor {

/// True for what is no destination of a packet that leaves: this machine's own addresses, those of many, and impossible
/// ones.
inline bool is_no_way_out(FlowFate fate) {
  return fate == FlowFate::kLocal || fate == FlowFate::kBroadcast || fate == FlowFate::kMulticast ||
         fate == FlowFate::kAnycast || fate == FlowFate::kMartian;
}

}  // namespace vpndoctor
