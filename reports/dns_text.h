// SPDX-License-Identifier: Apache-2.0
// The text of each dns command: its headline, one sentence that answers what was asked, and its sections.
#pragma once

#include <string>

#include "page.h"
#include "vpndoctor/dns_report.h"

namespace vpndoctor {

std::string data_headline(const DnsShowReport& report);
std::string data_headline(const DnsExplainReport& report);
std::string data_headline(const DnsTestReport& report);

/// Each writes the sections below the headline; findings are written by the caller.
void write_sections(const DnsShowReport& report, Page& page);
void write_sections(const DnsExplainReport& report, Page& page);
void write_sections(const DnsTestReport& report, Page& page);

}  // namespace vpndoctor
