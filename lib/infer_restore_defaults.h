// SPDX-License-Identifier: Apache-2.0
// Whether an inferred plan leaves a family without a default route, and what asks for one. Plans nothing.
#pragma once

#include "vpndoctor/configured_state.h"

namespace vpndoctor {

/// Adds to `plan.unanswered` every family that the machine has global addresses of and that would have no default after
/// the plan, whose target is `target`.
void find_unanswered_defaults(const Snapshot& now, const Snapshot& target, const ConfiguredState& configured,
                              RestorePlan& plan);

}  // namespace vpndoctor
