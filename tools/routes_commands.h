// SPDX-License-Identifier: Apache-2.0
// The routes commands: what each was asked for, and the function that runs it. Each joins probes and lib, and prints
// nothing but what streams (flows, events).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "command_line.h"
#include "interrupt.h"
#include "vpndoctor/report.h"

namespace vpndoctor {

Report run_routes_show(const RoutesShowCommand& command, const OutputOptions& output);
Report run_routes_save(const RoutesSaveCommand& command, const OutputOptions& output);
Report run_routes_diff(const RoutesDiffCommand& command, const OutputOptions& output);
/// Explains one flow.
Report run_routes_explain(const RoutesExplainCommand& command, const OutputOptions& output);
/// Answers a file of flows, one line each, on standard output; returns the exit code.
int run_routes_flows(const RoutesExplainCommand& command, const OutputOptions& output, const Interrupt& interrupt);
Report run_routes_audit(const RoutesAuditCommand& command, const OutputOptions& output);
Report run_routes_restore(const RoutesRestoreCommand& command, const OutputOptions& output, const Interrupt& interrupt);
/// Prints every change as it happens, then the summary; returns the exit code.
int run_routes_watch(const RoutesWatchCommand& command, const OutputOptions& output, const Interrupt& interrupt);

}  // namespace vpndoctor
