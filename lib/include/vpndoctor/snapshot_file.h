// SPDX-License-Identifier: Apache-2.0
// The text of a saved snapshot: JSON Lines, one record a line, as reports/schema/snapshot-1.schema.json describes. The
// first line says what it is, the last how many records there were, so that a file that was cut is noticed. Pure: gives
// and takes pieces of text, whoever reads and writes them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "vpndoctor/result.h"
#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// What to do about a source that holds no state at all.
inline constexpr const char* kHowToMakeState =
    "on Linux: vpndoctor routes save FILE; on macOS: netstat -rn > netstat.txt, ifconfig -v > ifconfig.txt and "
    "scutil --dns > scutil-dns.txt in a folder";

/// Takes a piece of text; returns false to stop (the disk is full).
using TextSink = std::function<bool(std::string_view)>;

/// Writes a snapshot in pieces of some 64 kB, each ending in a whole line. Returns false when the sink stopped it.
bool write_snapshot(const Snapshot& snapshot, const TextSink& sink);

/// Reads a snapshot from pieces of text of any size. Everything is checked: a damaged, cut, hostile or newer file gives
/// an Error of kind kUsage that names the line and the field.
class SnapshotReader {
 public:
  SnapshotReader();
  ~SnapshotReader();
  SnapshotReader(SnapshotReader&&) noexcept;
  SnapshotReader& operator=(SnapshotReader&&) noexcept;

  /// Takes the next piece. After an error nothing more is taken.
  std::optional<Error> feed(std::string_view piece);
  /// Ends the text and returns what was read.
  Result<Snapshot> finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Reads a whole text.
Result<Snapshot> parse_snapshot(std::string_view text);

}  // namespace vpndoctor
