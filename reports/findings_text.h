// SPDX-License-Identifier: Apache-2.0
// The sections of a text report on findings, the same for every command: what they mean, what to do, the proof.
#pragma once

#include <string_view>
#include <vector>

#include "page.h"
#include "vpndoctor/finding.h"

namespace vpndoctor {

/// Writes what the findings mean for the user, most severe first as they are.
void write_meaning(const std::vector<Finding>& findings, Page& page);
/// Writes the remedies as numbered steps, each with its own commands; what several findings ask for comes once.
void write_remedies(const std::vector<Finding>& findings, Page& page);
/// Writes steps under a heading, numbered.
void write_steps(std::string_view heading, const std::vector<RemedyStep>& steps, Page& page);
/// Writes code, severity and title of each finding; on a verbose page the evidence too.
void write_findings(const std::vector<Finding>& findings, Page& page);
/// Writes what the privileges, the target or the interface left in the dark.
void write_blind_spots(const std::vector<std::string>& could_not_see, const std::vector<Skipped>& skipped, Page& page);

}  // namespace vpndoctor
