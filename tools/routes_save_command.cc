// SPDX-License-Identifier: Apache-2.0
// `routes save [FILE]`: reads the state and writes it to a file, to the baseline by default.
#include <optional>
#include <utility>

#include "routes_commands.h"
#include "state_source.h"
#include "vpndoctor/snapshot_store.h"

namespace vpndoctor {
namespace {

/// Writes, and returns where to.
Result<std::string> save(const Snapshot& snapshot, const RoutesSaveCommand& command) {
  // The file is there wholly or not at all, and no half of it is left under another name. Standard output may have a
  // reader that does not read.
  std::optional<HeldSignals> held;
  if (!saves_to_standard_output(command)) held.emplace();
  Result<void> written;
  std::string path = command.file;
  if (path.empty()) {
    const auto place = baseline_place();
    if (!place) return std::unexpected(place.error());
    path = place->path;
    written = save_snapshot(snapshot, path, &*place);
  } else {
    written = save_snapshot(snapshot, path);
  }
  if (!written) return std::unexpected(std::move(written.error()));
  return path;
}

}  // namespace

Report run_routes_save(const RoutesSaveCommand& command, const OutputOptions&) {
  Report report;
  report.command = "routes save";
  auto state = read_leak_state(command.from);
  if (!state) {
    report.error = std::move(state.error());
    return report;
  }
  auto path = save(**state, command);
  if (!path) {
    report.error = std::move(path.error());
    return report;
  }
  RoutesShowReport saved;
  saved.snapshot = std::move(*state);
  saved.saved_to = std::move(*path);
  report.verdict = Verdict::kOk;
  report.data = std::move(saved);
  return report;
}

}  // namespace vpndoctor
