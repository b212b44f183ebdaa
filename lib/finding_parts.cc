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

std::string in_a_row(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t at = 0; at < words.size(); ++at) {
    const bool is_last = at + 1 == words.size();
    text += (at == 0 ? "" : is_last ? " and " : ", ") + words[at];
  }
  return text;
}

}  // namespace vpndoctor
