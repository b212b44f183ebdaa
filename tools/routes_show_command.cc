// SPDX-License-Identifier: Apache-2.0
// `routes show`: reads the state, sums it up and runs the routing checks. Prints nothing.
#include <unistd.h>

#include <memory>
#include <utility>

#include "routes_commands.h"
#include "state_source.h"
#include "vpndoctor/routing_checks.h"

namespace vpndoctor {

Report run_routes_show(const RoutesShowCommand& command, const OutputOptions& output) {
  Report report;
  report.command = "routes show";
  auto state = read_state(command.from);
  if (!state) {
    report.error = std::move(state.error());
    return report;
  }
  RoutesShowReport show;
  show.snapshot = std::move(*state);
  show.unfolded = command.all;
  const Fib fib(*show.snapshot);
  CheckResults results = check_routing(*show.snapshot, fib, ::getuid());
  show.overview = routes_overview(*show.snapshot, fib, ::getuid());
  report.findings = std::move(results.findings);
  report.skipped = std::move(results.skipped);
  report.verdict = decide_verdict(report.findings, output.fail_on, show.snapshot->routes.is_known());
  report.data = std::move(show);
  return report;
}

}  // namespace vpndoctor
