// SPDX-License-Identifier: Apache-2.0
// `vpndoctor leaks`: looks at tunnels, at what the tables let out beside them, and at what does leave.
#pragma once

#include <optional>

#include "command_line.h"
#include "interrupt.h"
#include "vpndoctor/report.h"

namespace vpndoctor {

/// Runs the command; `interrupt` is made once there is something to report: cut short, it says what was known by then.
Report run_leaks(const LeaksCommand& command, const OutputOptions& output, std::optional<Interrupt>& interrupt);

}  // namespace vpndoctor
