// SPDX-License-Identifier: Apache-2.0
// `vpndoctor mtu HOST`: resolve, look up the way out, measure, judge.
#pragma once

#include "command_line.h"
#include "interrupt.h"
#include "vpndoctor/report.h"

namespace vpndoctor {

/// Runs the command; the report says what was found, or which error ended it.
Report run_mtu(const MtuCommand& command, const OutputOptions& output, const Interrupt& interrupt);

}  // namespace vpndoctor
