// SPDX-License-Identifier: Apache-2.0
// `dns show`: reads the resolver configuration, sums it up and runs the checks of name resolution. Prints nothing.
#include <unistd.h>

#include <utility>

#include "dns_commands.h"
#include "state_source.h"
#include "vpndoctor/dns_checks.h"

namespace vpndoctor {

Report run_dns_show(const DnsShowCommand& command, const OutputOptions& output) {
  Report report;
  report.command = "dns show";
  auto state = read_dns_state(command.from);
  if (!state) {
    report.error = std::move(state.error());
    return report;
  }
  DnsShowReport show;
  show.snapshot = std::move(*state);
  show.overview = overview_of_dns(*show.snapshot);
  CheckResults results = check_dns(*show.snapshot, ::getuid());
  report.findings = std::move(results.findings);
  report.skipped = std::move(results.skipped);
  const bool is_answered = show.overview.model != DnsModel::kUnknown;
  report.verdict = decide_verdict(report.findings, output.fail_on, is_answered);
  report.data = std::move(show);
  return report;
}

}  // namespace vpndoctor
