// SPDX-License-Identifier: Apache-2.0
// What the leaks command is judged by: the state, the saved state that growth is measured against, their names.
#pragma once

#include <memory>
#include <string>

#include "command_line.h"
#include "vpndoctor/result.h"
#include "vpndoctor/snapshot.h"

namespace vpndoctor {

struct LeakInputs {
  std::shared_ptr<Snapshot> state;         ///< its counters are looked at a second time later
  std::string state_name;                  ///< the file it is from; empty: this machine's now
  std::shared_ptr<const Snapshot> before;  ///< null: there is none
  std::string before_name;                 ///< "the baseline", or the file; empty: there is none
  std::string why_no_before;               ///< why a baseline that is there was not used, a phrase; empty: nothing
};

/// Reads the state and what --before names. Without --before this machine's baseline serves, where there is one.
/// kUsage for an interface that the state does not have.
Result<LeakInputs> read_leak_inputs(const LeaksCommand& command);

}  // namespace vpndoctor
