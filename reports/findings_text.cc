// SPDX-License-Identifier: Apache-2.0
// Findings for a person. Evidence is cut to a few lines unless the page is verbose.
#include "findings_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace vpndoctor {
namespace {

constexpr std::size_t kEvidenceShown = 3;

std::string system_text(const std::string& os) {
  if (os == "linux") return "Linux:";
  if (os == "macos") return "macOS:";
  if (os == "wireguard") return "WireGuard, in the [Interface] section of its configuration:";
  if (os == "openvpn") return "OpenVPN, in its configuration:";
  return os + ":";
}

bool same(const Command& a, const Command& b) { return a.os == b.os && a.argv == b.argv; }

/// True when every command of `finding` is one of an earlier finding of the list.
bool said_before(const Finding& finding, const std::vector<Finding>& findings) {
  const auto said = [&](const Command& command) {
    for (const Finding& earlier : findings) {
      if (&earlier == &finding) return false;
      if (std::ranges::any_of(earlier.remedy.commands, [&](const Command& c) { return same(c, command); })) return true;
    }
    return false;
  };
  return !finding.remedy.commands.empty() && std::ranges::all_of(finding.remedy.commands, said);
}

void write_commands(const std::vector<Command>& commands, Page& page) {
  const std::string* system = nullptr;
  for (const Command& command : commands) {
    if (system == nullptr || *system != command.os) page.paragraph(system_text(command.os), 4, Style::kQuiet);
    system = &command.os;
    page.command(command, 6);
  }
}

Style severity_style(Severity severity) {
  if (severity == Severity::kError) return Style::kBad;
  return severity == Severity::kWarning ? Style::kDoubtful : Style::kStrong;
}

void write_evidence(const Finding& finding, Page& page) {
  const std::size_t shown =
      page.verbose() ? finding.evidence.size() : std::min(kEvidenceShown, finding.evidence.size());
  for (std::size_t i = 0; i < shown; ++i) {
    const Evidence& each = finding.evidence[i];
    const bool with_source = page.verbose() && !each.source.empty();
    page.item(with_source ? fmt::format("{} [{}, {}]", each.text, each.kind, each.source) : each.text, 4);
  }
  if (shown < finding.evidence.size())
    page.item(fmt::format("{} more with --verbose", finding.evidence.size() - shown), 4);
}

/// Joins the codes that were skipped for the same reason, in the order of their first code.
std::vector<std::pair<std::string, std::string>> by_reason(const std::vector<Skipped>& skipped) {
  std::vector<std::pair<std::string, std::string>> reasons;
  for (const Skipped& each : skipped) {
    const auto known = std::ranges::find(reasons, each.reason, &std::pair<std::string, std::string>::first);
    if (known == reasons.end()) {
      reasons.emplace_back(each.reason, each.code);
    } else {
      known->second += ", " + each.code;
    }
  }
  return reasons;
}

}  // namespace

void write_meaning(const std::vector<Finding>& findings, Page& page) {
  const auto has_detail = [](const Finding& finding) { return !finding.detail.empty(); };
  if (std::ranges::none_of(findings, has_detail)) return;
  page.heading("What it means");
  for (const Finding& finding : findings) {
    if (has_detail(finding)) page.item(finding.detail);
  }
}

void write_remedies(const std::vector<Finding>& findings, Page& page) {
  const auto has_remedy = [](const Finding& finding) {
    return !finding.remedy.summary.empty() || !finding.remedy.commands.empty();
  };
  if (std::ranges::none_of(findings, has_remedy)) return;
  page.heading("What to do");
  for (const Finding& finding : findings) {
    if (!has_remedy(finding)) continue;
    page.item(finding.remedy.summary.empty() ? finding.title : finding.remedy.summary);
    if (said_before(finding, findings)) {
      page.paragraph("The commands are among those above.", 4);
    } else {
      write_commands(finding.remedy.commands, page);
    }
  }
}

void write_findings(const std::vector<Finding>& findings, Page& page) {
  if (findings.empty()) return;
  page.heading("Findings");
  for (const Finding& finding : findings) {
    page.paragraph(
        fmt::format("{} {}, {}", finding.code, severity_name(finding.severity), confidence_name(finding.confidence)), 2,
        severity_style(finding.severity));
    page.paragraph(finding.title, 4);
    write_evidence(finding, page);
    for (const std::string& cause : finding.caused_by) page.item("a consequence of " + cause, 4);
  }
  page.paragraph(fmt::format("`vpndoctor explain {}` says what a code means.", findings.front().code));
}

void write_blind_spots(const std::vector<std::string>& could_not_see, const std::vector<Skipped>& skipped, Page& page) {
  if (could_not_see.empty() && skipped.empty()) return;
  page.heading("What could not be seen");
  for (const std::string& each : could_not_see) page.item(each);
  for (const auto& [reason, codes] : by_reason(skipped)) page.item(fmt::format("{} not checked: {}", codes, reason));
}

}  // namespace vpndoctor
