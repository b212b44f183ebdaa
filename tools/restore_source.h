// SPDX-License-Identifier: Apache-2.0
// Where a restore plan comes from: a saved state, or what the interfaces' configuration says. Applies nothing.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "command_line.h"
#include "vpndoctor/restore_plan.h"
#include "vpndoctor/result.h"
#include "vpndoctor/snapshot.h"

namespace vpndoctor {

/// What is to be restored.
class RestoreSource {
 public:
  /// Opens what the command names. kUnavailable when there is no baseline; kUsage for a file that is none.
  static Result<RestoreSource> open(const RoutesRestoreCommand& command);

  /// Plans the way from `now`. kUsage when the saved state is of another platform.
  /// With `force` objections that the user may pass over are passed over.
  Result<RestorePlan> plan(const Snapshot& now, bool force) const;
  /// How a report names it: "alice's baseline", a file, "what the interfaces' configuration says".
  const std::string& name() const { return name_; }
  /// Why the file must not be applied: kPermission when anybody else could have written what was read; null: it may.
  const std::optional<Error>& distrust() const { return distrust_; }

 private:
  std::string path_;  ///< empty: inferred
  std::string name_;
  std::shared_ptr<const Snapshot> target_;  ///< null: inferred
  std::optional<Error> distrust_;
  bool is_elsewhere_ = false;  ///< the state to start from is not this machine's
};

}  // namespace vpndoctor
