// SPDX-License-Identifier: Apache-2.0
// Joins probes and lib for one measurement, the tunnel's own path included, or for a capture. Prints nothing.
#include "mtu_command.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "terminal.h"
#include "vpndoctor/capture_file.h"
#include "vpndoctor/capture_flows.h"

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

/// The question of a capture is answered by any flow that says something.
bool is_answered(const CaptureFlows& flows) {
  return std::ranges::any_of(flows.flows,
                             [](const FlowMtu& flow) { return flow.status != FlowMtuStatus::kUndetermined; });
}

Report run_mtu_read(const MtuCommand& command, const OutputOptions& output, const Interrupt& interrupt) {
  Report report;
  report.command = "mtu";
  CaptureFlowReader reader;
  auto file = read_capture_file(command.read_file, interrupt.descriptor(),
                                [&reader](const CapturedPacket& packet) { reader.take(packet); });
  if (!file) {
    report.error = std::move(file.error());
    return report;
  }
  CaptureFlows flows = reader.result();
  flows.file = command.read_file;
  if (!file->cut_off.empty()) flows.limits.push_back(file->cut_off);
  report.incomplete = file->interrupted;
  report.findings = judge_capture_flows(flows);
  report.verdict = decide_verdict(report.findings, output.fail_on, is_answered(flows));
  report.data = std::move(flows);
  return report;
}

}  // namespace

Report run_mtu(const MtuCommand& command, const OutputOptions& output, const Interrupt& interrupt) {
  if (!command.read_file.empty()) return run_mtu_read(command, output, interrupt);
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
