// SPDX-License-Identifier: Apache-2.0
// Snapshot files on disk: where the baseline lies, written whole or not at all, readable by its owner alone.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "vpndoctor/result.h"
#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// Whose baseline is used. Under sudo it is the invoking user's, and the report says so.
struct BaselinePlace {
  std::string path;       ///< $XDG_STATE_HOME/vpndoctor/baseline.jsonl, or below ~/.local/state
  std::string user_name;  ///< whose it is
  uid_t uid = 0;
  gid_t gid = 0;
  bool through_sudo = false;
};

/// Returns the user who is behind this process: under sudo the one who called it.
uid_t invoking_user();

/// Finds the place of the baseline for the invoking user. kUnavailable when there is no home.
Result<BaselinePlace> baseline_place();

/// Writes atomically with mode 0600: a reader sees the old file or the new one. Under sudo the baseline and the folders
/// made for it belong to the invoking user. A path of "-" writes to standard output.
Result<void> save_snapshot(const Snapshot& snapshot, const std::string& path, const BaselinePlace* owner = nullptr);

/// Reads a file, or standard input for "-", or a folder of raw captures of macOS. kUsage with the place of the fault
/// for what is no snapshot; kPermission when it cannot be opened.
Result<Snapshot> load_snapshot(const std::string& path);

/// A saved state, and why a plan made from it must not be applied.
struct LoadedSnapshot {
  Snapshot snapshot;
  /// kPermission: somebody other than root or the invoking user could have written what was read, or chosen which file
  /// that was. Null: nobody could.
  std::optional<Error> distrust;
};

/// The same as load_snapshot(), with the trust in the very file that was read.
Result<LoadedSnapshot> load_snapshot_file(const std::string& path);

}  // namespace vpndoctor
