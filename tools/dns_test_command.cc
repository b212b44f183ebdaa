// SPDX-License-Identifier: Apache-2.0
// `dns test`: asks the servers of every scope and compares the ways of each name. Prints nothing.
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "dns_commands.h"
#include "state_source.h"
#include "terminal.h"
#include "vpndoctor/dns_test_plan.h"
#include "vpndoctor/dns_test_run.h"

namespace vpndoctor {
namespace {

DnsTestRequest request_of(const DnsTestCommand& command) {
  DnsTestRequest request;
  request.names = command.names;
  request.type = command.type;
  request.servers = command.servers;
  request.hijack = command.hijack_test;
  request.uid = ::getuid();
  return request;
}

/// Something was asked, and came to an end.
bool is_answered(const DnsTestResults& results) {
  const auto is_made = [](const DnsServerTest& server) { return server.udp.outcome != DnsOutcome::kNotAsked; };
  return std::ranges::any_of(results.servers, is_made);
}

}  // namespace

Report run_dns_test(const DnsTestCommand& command, const OutputOptions& output, Interrupt& interrupt) {
  Report report;
  report.command = "dns test";
  auto state = read_dns_state({});
  if (!state) {
    report.error = std::move(state.error());
    return report;
  }
  Progress progress(!output.quiet);
  DnsTestRunOptions options;
  options.timeout = Milliseconds(command.timeout_seconds * 1000);
  options.interrupt_descriptor = interrupt.descriptor();
  options.progress = [&progress](const std::string& text) { progress.show(text); };
  DnsTestReport test{std::move(*state), {}};
  DnsTestRun run = run_dns_test_plan(plan_dns_test(*test.snapshot, request_of(command)), options);
  progress.finish();
  test.results = std::move(run.results);
  report.incomplete = run.interrupted;
  report.findings = judge_dns_test(*test.snapshot, test.results);
  report.verdict = decide_verdict(report.findings, output.fail_on, is_answered(test.results));
  report.data = std::move(test);
  return report;
}

}  // namespace vpndoctor
