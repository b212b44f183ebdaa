// SPDX-License-Identifier: Apache-2.0
// Steps among IPv6 routes of one key: their order does not matter, and those with gateways are one multipath route.
#pragma once

#include "restore_groups.h"

namespace vpndoctor {

std::vector<SequenceStep> sibling_steps(const EntryGroup& group, const EntryList& from, const EntryList& to);
StepResult after_sibling_step(const EntryGroup& group, const EntryList& list, const SequenceStep& step);

}  // namespace vpndoctor
