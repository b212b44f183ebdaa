// SPDX-License-Identifier: Apache-2.0
// The text of each routes command: its headline, one sentence that answers what was asked, and its sections.
#pragma once

#include <string>

#include "page.h"
#include "vpndoctor/routes_report.h"

namespace vpndoctor {

std::string data_headline(const RoutesShowReport& report);
std::string data_headline(const RoutesDiffReport& report);
std::string data_headline(const RoutesExplainReport& report);
std::string data_headline(const RoutesAuditReport& report);
std::string data_headline(const RoutesRestoreReport& report);

/// Each writes the sections below the headline; findings are written by the caller.
void write_sections(const RoutesShowReport& report, Page& page);
void write_sections(const RoutesDiffReport& report, Page& page);
void write_sections(const RoutesExplainReport& report, Page& page);
void write_sections(const RoutesAuditReport& report, Page& page);
void write_sections(const RoutesRestoreReport& report, Page& page);

}  // namespace vpndoctor
