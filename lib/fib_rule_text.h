// SPDX-License-Identifier: Apache-2.0
// What the steps of an explanation say of rules: why one does not match, what one does.
#pragma once

#include <string>

#include "fib_lookup.h"

namespace vpndoctor {

/// Why the rule does not apply; kNone: because it is inverted and everything matches.
std::string mismatch_text(const FibIndex& index, const FibRule& rule, const KernelFlow& flow, Mismatch mismatch);
/// What a goto or nop does.
std::string jump_text(const FibRule& rule);
/// What a rule does that looks up no table.
std::string action_text(RuleAction action);
/// Why a route that was found does not count.
std::string suppression_text(const FibIndex& index, const Rule& rule, const FibResult& result);

}  // namespace vpndoctor
