// SPDX-License-Identifier: Apache-2.0
// Joins probes and lib for the leaks command. Prints nothing.
#include "leaks_command.h"

#include <unistd.h>

#include <memory>
#include <utility>

#include "state_source.h"
#include "vpndoctor/tunnel_activity.h"

namespace vpndoctor {
namespace {

/// The state with both looks at the counters; a saved state keeps those that it has.
Result<std::shared_ptr<const Snapshot>> watched_state(const std::string& from, const Interrupt& interrupt) {
  auto state = read_leak_state(from);
  if (!state || !from.empty()) return state;
  TunnelActivityReader activity(**state);
  auto watched = std::make_shared<Snapshot>(**state);
  watched->activity = activity.finish(interrupt.descriptor());
  return watched;
}

}  // namespace

Report run_leaks(const LeaksCommand& command, const OutputOptions& output, const Interrupt& interrupt) {
  Report report;
  report.command = "leaks";
  auto state = watched_state(command.from, interrupt);
  if (!state) {
    report.error = std::move(state.error());
    return report;
  }
  LeaksReport leaks;
  leaks.snapshot = std::move(*state);
  leaks.expectation = command.expectation;
  const Fib fib(*leaks.snapshot);
  leaks.coverage = find_coverage(*leaks.snapshot, fib, ::getuid());
  leaks.tunnels = judge_tunnels(*leaks.snapshot);
  const LeakFacts facts{.snapshot = *leaks.snapshot,
                        .fib = fib,
                        .uid = ::getuid(),
                        .tunnels = leaks.tunnels,
                        .coverage = leaks.coverage,
                        .expectation = leaks.expectation};
  CheckResults results = check_leaks(facts);
  report.findings = std::move(results.findings);
  report.skipped = std::move(results.skipped);
  report.verdict = decide_verdict(report.findings, output.fail_on, why_expectation_undecided(facts).empty());
  report.data = std::move(leaks);
  return report;
}

}  // namespace vpndoctor
