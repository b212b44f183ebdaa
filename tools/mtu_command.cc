// SPDX-License-Identifier: Apache-2.0
// Joins probes and lib for one measurement, the tunnel's own path included. Prints nothing.
#include "mtu_command.h"

#include <chrono>
#include <memory>
#include <utility>

#include "terminal.h"

namespace vpndoctor {
namespace {

void judge(const MtuCommand& command, PathMtuRun run, FailOn fail_on, Report& report) {
  PathMtuReport result;
  result.measurement = std::move(run.inner);
  if (run.outer) {
    result.outer = std::make_unique<PathMtuReport>();
    result.outer->measurement = std::move(*run.outer);
    result.outer->diagnosis = diagnose_path_mtu(result.outer->measurement);
  }
  result.diagnosis = diagnose_path_mtu(result.measurement,
                                       {command.expect_min_bytes, result.outer ? &result.outer->measurement : nullptr});
  report.incomplete = result.measurement.incomplete;
  report.findings = result.diagnosis.findings;
  report.skipped = result.diagnosis.skipped;
  const bool is_answered = command.expect_min_bytes ? result.diagnosis.meets_expectation.has_value()
                                                    : result.diagnosis.status != PathMtuStatus::kUndetermined;
  report.verdict = decide_verdict(report.findings, fail_on, is_answered);
  report.data = std::move(result);
}

}  // namespace

Report run_mtu(const MtuCommand& command, const OutputOptions& output, const Interrupt& interrupt) {
  Report report;
  report.command = "mtu";
  Progress progress(!output.quiet);
  PathMtuRequest request = command.request;
  request.interrupt_descriptor = interrupt.descriptor();
  request.progress = [&progress](const std::string& text) { progress.show(text); };
  const auto started = std::chrono::steady_clock::now();
  auto run = run_path_mtu(request);
  if (run) {
    judge(command, std::move(*run), output.fail_on, report);
  } else {
    report.error = run.error();
    report.incomplete = std::chrono::steady_clock::now() - started >= request.deadline;
  }
  return report;
}

}  // namespace vpndoctor
