// SPDX-License-Identifier: Apache-2.0
// Weak answers while a command is being written; goes away with the last of them.
#include "routes_commands.h"
#include "state_source.h"

namespace vpndoctor {
namespace {
Report pending() {
  Report report;
  report.error = Error{ErrorKind::kUnavailable, "not there", {}};
  return report;
}
}  // namespace

[[gnu::weak]] Report run_routes_show(const RoutesShowCommand&, const OutputOptions&) { return pending(); }
[[gnu::weak]] Report run_routes_save(const RoutesSaveCommand&, const OutputOptions&) { return pending(); }
[[gnu::weak]] Report run_routes_diff(const RoutesDiffCommand&, const OutputOptions&) { return pending(); }
[[gnu::weak]] Report run_routes_explain(const RoutesExplainCommand&, const OutputOptions&) { return pending(); }
[[gnu::weak]] int run_routes_flows(const RoutesExplainCommand&, const OutputOptions&, const Interrupt&) { return 3; }
[[gnu::weak]] Report run_routes_audit(const RoutesAuditCommand&, const OutputOptions&) { return pending(); }
[[gnu::weak]] Report run_routes_restore(const RoutesRestoreCommand&, const OutputOptions&, const Interrupt&) {
  return pending();
}
[[gnu::weak]] int run_routes_watch(const RoutesWatchCommand&, const OutputOptions&, const Interrupt&) { return 3; }
[[gnu::weak]] Result<std::shared_ptr<const Snapshot>> read_state(const std::string&) {
  return failure(ErrorKind::kUnavailable, "not there");
}

}  // namespace vpndoctor
