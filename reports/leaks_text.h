// SPDX-License-Identifier: Apache-2.0
// The text of the leaks command and of `mtu --read`.
#pragma once

#include <string>
#include <vector>

#include "page.h"
#include "vpndoctor/capture_flows.h"
#include "vpndoctor/leaks_report.h"

namespace vpndoctor {

std::string data_headline(const LeaksReport& report);
std::string data_headline(const CaptureFlows& flows);

/// What could not be read, or not wholly, one line a facet.
std::vector<std::string> unread_lines(const LeaksReport& report);

/// Each writes the sections below the headline; findings are written by the caller.
void write_sections(const LeaksReport& report, Page& page);
void write_sections(const CaptureFlows& flows, Page& page);

}  // namespace vpndoctor
