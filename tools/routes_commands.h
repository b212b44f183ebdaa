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
/// True when the snapshot itself is the result: nothing else may be on standard output then.
inline bool saves_to_standard_output(const RoutesSaveCommand& command) {
  return command.file == "-" || command.file == "/dev/stdout";
}
Report run_routes_save(const RoutesSaveCommand& command, const OutputOptions& output);
Report run_routes_diff(const RoutesDiffCommand& command, const OutputOptions& output);
/// Explains one flow.
Report run_routes_explain(const RoutesExplainCommand& command, const OutputOptions& output);
/// Answers a file of flows, one line each, on standard output; returns the exit code.
int run_routes_flows(const RoutesExplainCommand& command, const OutputOptions& output);
Report run_routes_audit(const RoutesAuditCommand& command, const OutputOptions& output);
/// Makes the Interrupt when it begins to change something; until then a signal ends the program.
Report run_routes_restore(const RoutesRestoreCommand& command, const OutputOptions& output,
                          std::optional<Interrupt>& interrupt);
/// Prints every change as it happens, then the summary; returns the exit code.
int run_routes_watch(const RoutesWatchCommand& command, const OutputOptions& output);

}  // namespace vpndoctor
