// SPDX-License-Identifier: Apache-2.0
// The sections of the text report on a path MTU: what was measured, hop by hop and size by size, and the arithmetic
// that follows. Shows the diagnosis; decides nothing.
#pragma once

#include "page.h"
#include "vpndoctor/report.h"

namespace vpndoctor {

/// Writes target, egress, path MTU and round trip as labelled lines.
void write_path_summary(const PathMtuReport& report, Page& page);
/// Writes the hop table, with a line where packets that are too large stop.
void write_hops(const PathMtuReport& report, Page& page);
/// Writes what became of each size, condensed unless the page is verbose.
void write_sizes(const PathMtuReport& report, Page& page);
/// Writes the too-big messages that came, and those that a capture saw and no socket received.
void write_too_big_messages(const PathMtuMeasurement& measurement, Page& page);
/// Writes what TCP showed; nothing when TCP was not asked.
void write_tcp(const PathMtuMeasurement& measurement, Page& page);
/// Writes encapsulation, MSS and the MTU of tunnels over this path.
void write_arithmetic(const PathMtuDiagnosis& diagnosis, Page& page);
/// Writes what was tried when nothing answered.
void write_attempts(const PathMtuReport& report, Page& page);
/// Writes what to run next when the path MTU could not be determined.
void write_next_steps(const PathMtuDiagnosis& diagnosis, Page& page);
/// Writes how the probing was done and what it cost, on a verbose page: else the summary has a line on it.
void write_probing(const PathMtuMeasurement& measurement, Page& page);

}  // namespace vpndoctor
