// SPDX-License-Identifier: Apache-2.0
// `dns test`: asks the servers of every scope and compares the ways of each name. Prints nothing.
#include <utility>

#include "dns_commands.h"
#include "state_source.h"

namespace vpndoctor {

Report run_dns_test(const DnsTestCommand& /*command*/, const OutputOptions& output, Interrupt& /*interrupt*/) {
  Report report;
  report.command = "dns test";
  auto state = read_dns_state({});
  if (!state) {
    report.error = std::move(state.error());
    return report;
  }
  DnsTestReport test{std::move(*state), {}};
  report.findings = judge_dns_test(*test.snapshot, test.results);
  report.verdict = decide_verdict(report.findings, output.fail_on, !test.results.servers.empty());
  report.data = std::move(test);
  return report;
}

}  // namespace vpndoctor
