// SPDX-License-Identifier: Apache-2.0
// A process of its own that takes a restored state back unless somebody confirms it in time: it survives the terminal,
// the connection and the program that started it. Knows how to wait and to undo, not what a plan is for.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <optional>
#include <string>

#include "interrupt.h"
#include "vpndoctor/restore_plan.h"
#include "vpndoctor/result.h"
#include "vpndoctor/snapshot.h"

namespace vpndoctor {

struct GuardRequest {
  const RestorePlan* plan = nullptr;
  const Snapshot* before = nullptr;  ///< the state to go back to when it is not known how far the plan was carried out
  bool optional_too = false;
  std::chrono::duration<double> patience{};
};

enum class GuardOutcome {
  kKept,        ///< confirmed in time
  kRolledBack,  ///< not confirmed, or told to
  kFailed,      ///< could not be rolled back completely
  kGone,        ///< the guard ended without a word: what was applied is still there
};

/// The guard, as the program that started it sees it. When this program ends without a word, the guard waits on, and
/// rolls back when its time is over.
class RestoreGuard {
 public:
  /// Starts the guard, before anything is changed. From here until wait() or the end of this object the terminal cannot
  /// stop the program (Ctrl-Z). kUnavailable when another restore waits for its confirmation here.
  static Result<RestoreGuard> start(const GuardRequest& request);
  RestoreGuard(RestoreGuard&& other) noexcept;
  RestoreGuard& operator=(RestoreGuard&&) = delete;
  ~RestoreGuard();

  /// Tells that nothing was changed: the guard ends.
  void dismiss();
  /// Tells that the plan was carried out in part, and is still so: the guard rolls back now.
  GuardOutcome roll_back();
  /// Tells that the plan was carried out, calls `prompt`, and waits: for Enter on the terminal, for `routes restore
  /// --confirmed` from another shell, for an interrupt (which rolls back at once), or for the time to be over. What was
  /// typed before the prompt does not count; in the background of a terminal nothing that is typed does.
  GuardOutcome wait(const Interrupt& interrupt, const std::function<void()>& prompt);

 private:
  RestoreGuard(pid_t pid, int channel, const sigset_t& signals) : pid_(pid), channel_(channel), signals_(signals) {}
  void unblock_stops();

  pid_t pid_ = -1;
  int channel_ = -1;
  std::optional<sigset_t> signals_;  ///< what was blocked before start()
};

/// Confirms the restore that waits in this network namespace. kUnavailable when there is none, or when it is
/// another user's.
Result<void> confirm_restore();

}  // namespace vpndoctor
