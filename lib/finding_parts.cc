// SPDX-License-Identifier: Apache-2.0
// Builds findings and remedies piece by piece.
#include "finding_parts.h"

#include <utility>

#include "vpndoctor/codes.h"

namespace vpndoctor {

Finding make_finding(const char* code, Subject subject) {
  Finding finding;
  finding.code = code;
  finding.subject = std::move(subject);
  if (const CodeEntry* entry = find_code(code)) {
    finding.severity = entry->severity;
    finding.title = entry->title;
  }
  return finding;
}

void add_step(Remedy& remedy, std::string summary, std::vector<Command> commands) {
  remedy.summary += (remedy.summary.empty() ? "" : " ") + summary;
  remedy.commands.insert(remedy.commands.end(), commands.begin(), commands.end());
  remedy.steps.push_back({std::move(summary), std::move(commands)});
}

Command root_command(std::vector<std::string> argv) { return {"linux", std::move(argv), true}; }

Command user_command(std::vector<std::string> argv) { return {"linux", std::move(argv), false}; }

}  // namespace vpndoctor
