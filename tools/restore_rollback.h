// SPDX-License-Identifier: Apache-2.0
// Takes a restore back, and says so only when the machine is as it was. Knows nothing of guards and confirmations.
#pragma once

#include <string>
#include <vector>

#include "vpndoctor/restore_plan.h"
#include "vpndoctor/snapshot.h"

namespace vpndoctor {

struct RollBackRequest {
  const RestorePlan* plan = nullptr;
  const Snapshot* before = nullptr;  ///< the state to be back in
  bool optional_too = false;
  bool is_applied = false;  ///< all of the plan was carried out; else it is not known how much of it
};

struct RollBack {
  bool complete = false;              ///< read back: routes, rules and addresses are those of before
  std::vector<std::string> messages;  ///< what is still different
};

/// Undoes the plan, plans the way back from what is there where that is not enough, and reads the state back.
RollBack roll_back(const RollBackRequest& request);

/// Reads the state back and compares it with the one before; changes nothing.
RollBack check_rolled_back(const Snapshot& before);

}  // namespace vpndoctor
