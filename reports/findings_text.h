// SPDX-License-Identifier: Apache-2.0
// The sections of a text report on findings, the same for every command: what they mean, what to do, the proof.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "page.h"
#include "vpndoctor/finding.h"

namespace vpndoctor {

Style severity_style(Severity severity);
/// The title with what makes it less than certain and what it follows from.
std::string qualified_title(const Finding& finding);

/// Writes what the errors and warnings mean and what to do, most severe first as they are: each finding with its own
/// numbered steps, when there are several; what several ask for comes once. A notice is written so when it is alone.
void write_needed_help(const std::vector<Finding>& findings, Page& page);
/// Writes what the notices mean and what may be done, apart from what is needed.
void write_worth_knowing(const std::vector<Finding>& findings, Page& page);
/// Writes steps under a heading, numbered.
void write_steps(std::string_view heading, const std::vector<RemedyStep>& steps, Page& page);
/// Writes code, severity and title of each finding; on a verbose page the evidence too.
void write_findings(const std::vector<Finding>& findings, Page& page);
/// Writes what the privileges, the target or the interface left in the dark.
void write_blind_spots(const std::vector<std::string>& could_not_see, const std::vector<Skipped>& skipped, Page& page);

}  // namespace vpndoctor
