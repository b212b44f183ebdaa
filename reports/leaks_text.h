// SPDX-License-Identifier: Apache-2.0
// The text of the leaks command and of `mtu --read`.
#pragma once

#include <string>

#include "page.h"
#include "vpndoctor/capture_flows.h"
#include "vpndoctor/leaks_report.h"

namespace vpndoctor {

std::string data_headline(const LeaksReport& report);
std::string data_headline(const CaptureFlows& flows);

/// Each writes the sections below the headline; findings are written by the caller.
void write_sections(const LeaksReport& report, Page& page);
void write_sections(const CaptureFlows& flows, Page& page);

}  // namespace vpndoctor
