// SPDX-License-Identifier: Apache-2.0
// `vpndoctor routes diff`: two states, read from where the arguments say, compared. Judges nothing itself.
#include <fmt/format.h>

#include <utility>

#include "routes_commands.h"
#include "state_source.h"
#include "terminal.h"
#include "vpndoctor/route_diff.h"

namespace vpndoctor {
namespace {

/// A state and how a report names it.
struct NamedState {
  std::shared_ptr<const Snapshot> snapshot;
  std::string name;
};

Result<NamedState> load(const std::string& path, std::string name) {
  auto snapshot = load_snapshot(path);
  if (!snapshot) return std::unexpected(snapshot.error());
  return NamedState{std::make_shared<const Snapshot>(std::move(*snapshot)), std::move(name)};
}

std::string name_of_file(const std::string& path) { return path == "-" ? "standard input" : path; }

Result<NamedState> load_baseline() {
  const auto place = saved_baseline();
  if (!place) return std::unexpected(place.error());
  const std::string of = place->through_sudo ? fmt::format("{}'s baseline", place->user_name) : "the baseline";
  return load(place->path, of);
}

Result<NamedState> state_after(const RoutesDiffCommand& command) {
  if (!command.after.empty()) return load(command.after, name_of_file(command.after));
  auto snapshot = read_dns_state(command.from);
  if (!snapshot) return std::unexpected(snapshot.error());
  return NamedState{std::move(*snapshot), command.from.empty() ? "now" : name_of_file(command.from)};
}

Verdict verdict_of(const SnapshotDiff& diff) {
  if (!diff.is_equal()) return Verdict::kProblem;
  return diff.is_partial() ? Verdict::kUndetermined : Verdict::kOk;
}

/// Reads both states; an Error ends the command.
Result<RoutesDiffReport> compare(const RoutesDiffCommand& command, Progress& progress) {
  const bool reads_input_twice = command.before == "-" && (command.after == "-" || command.from == "-");
  if (reads_input_twice) {
    return failure(ErrorKind::kUsage, "standard input can be one of the two states only",
                   "give a file for one of them");
  }
  progress.show("reading the state before");
  auto before = command.before.empty() ? load_baseline() : load(command.before, name_of_file(command.before));
  if (!before) return std::unexpected(before.error());
  progress.show("reading the state after");
  auto after = state_after(command);
  if (!after) return std::unexpected(after.error());
  progress.show("comparing");
  RoutesDiffReport result;
  result.diff = diff_snapshots(*before->snapshot, *after->snapshot);
  result.before = std::move(before->snapshot);
  result.after = std::move(after->snapshot);
  result.before_name = std::move(before->name);
  result.after_name = std::move(after->name);
  return result;
}

}  // namespace

Report run_routes_diff(const RoutesDiffCommand& command, const OutputOptions& output) {
  Report report;
  report.command = "routes diff";
  Progress progress(!output.quiet);
  auto result = compare(command, progress);
  if (!result) {
    report.error = result.error();
    return report;
  }
  report.verdict = verdict_of(result->diff);
  report.data = std::move(*result);
  return report;
}

}  // namespace vpndoctor
