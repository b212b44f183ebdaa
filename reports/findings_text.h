// SPDX-License-Identifier: Apache-2.0
// The sections of a text report on findings, the same for every command: what they mean, what to do, the proof.
#pragma once

#include <vector>

#include "page.h"
#include "vpndoctor/finding.h"

namespace vpndoctor {

/// Writes what the findings mean for the user, most severe first as they are.
void write_meaning(const std::vector<Finding>& findings, Page& page);
/// Writes the remedies with their commands.
void write_remedies(const std::vector<Finding>& findings, Page& page);
/// Writes code, severity, confidence, title and evidence of each finding.
void write_findings(const std::vector<Finding>& findings, Page& page);
/// Writes what the privileges, the target or the interface left in the dark.
void write_blind_spots(const std::vector<std::string>& could_not_see, const std::vector<Skipped>& skipped, Page& page);

}  // namespace vpndoctor
