// SPDX-License-Identifier: Apache-2.0
// Carries a restore plan out over netlink, and back when a step fails. The one place of this project that changes the
// machine.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "vpndoctor/restore_plan.h"
#include "vpndoctor/result.h"

namespace [[gnu::visibility("default")]] vpndoctor {

struct ApplyOutcome {
  bool applied = false;      ///< every applicable operation was carried out
  bool rolled_back = false;  ///< a step failed, and all before it were undone
  std::vector<std::string> messages;
};

/// Carries out the applicable operations of `plan` in order; `optional_too` those that are only offered as well. When
/// one fails, all before it are undone in reverse and the failed one is named with the kernel's reason. kPermission
/// without CAP_NET_ADMIN.
Result<ApplyOutcome> apply_plan(const RestorePlan& plan, bool optional_too = false);

/// Undoes what apply_plan() did: the same operations, each turned around, in reverse.
Result<ApplyOutcome> undo_plan(const RestorePlan& plan, bool optional_too = false);

}  // namespace vpndoctor
