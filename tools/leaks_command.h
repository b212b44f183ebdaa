// SPDX-License-Identifier: Apache-2.0
// `vpndoctor leaks`: looks at tunnels, at what the tables let out beside them, and at what does leave.
#pragma once

#include "command_line.h"
#include "interrupt.h"
#include "vpndoctor/report.h"

namespace vpndoctor {

/// Runs the command; cut short, it reports what was known by then.
Report run_leaks(const LeaksCommand& command, const OutputOptions& output, const Interrupt& interrupt);

}  // namespace vpndoctor
