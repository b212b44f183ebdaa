// SPDX-License-Identifier: Apache-2.0
// The functions that run the dns commands. Each joins probes and lib, and prints nothing.
#pragma once

#include "command_line.h"
#include "interrupt.h"
#include "vpndoctor/report.h"

namespace vpndoctor {

Report run_dns_show(const DnsShowCommand& command, const OutputOptions& output);
Report run_dns_explain(const DnsExplainCommand& command, const OutputOptions& output);
/// Asks servers on the wire; cut short, it reports what was answered by then.
Report run_dns_test(const DnsTestCommand& command, const OutputOptions& output, Interrupt& interrupt);

}  // namespace vpndoctor
