// SPDX-License-Identifier: Apache-2.0
// Findings for a person. Evidence is shown on verbose pages alone.
#include "findings_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace vpndoctor {
namespace {

std::string consequence_text(const Finding& finding) {
  if (finding.caused_by.empty()) return "";
  return fmt::format(" (follows from {})", fmt::join(finding.caused_by, ", "));
}

void write_evidence(const Finding& finding, Page& page) {
  for (const Evidence& each : finding.evidence) {
    page.item(each.source.empty() ? each.text : fmt::format("{} [{}, {}]", each.text, each.kind, each.source), 4);
  }
}

/// Tables and lists above have shown what the evidence says; here only its verdicts are wanted.
void write_short_findings(const std::vector<Finding>& findings, Page& page) {
  StyledTable table;
  table.table.columns = {{"code"}, {"severity"}, {"what was found", false, true}};
  for (const Finding& finding : findings) {
    table.table.rows.push_back({finding.code, severity_name(finding.severity), qualified_title(finding)});
    table.styles.push_back(finding.severity == Severity::kNotice ? Style::kPlain : severity_style(finding.severity));
  }
  page.table(table);
}

void write_long_findings(const std::vector<Finding>& findings, Page& page) {
  for (const Finding& finding : findings) {
    page.paragraph(fmt::format("{} {}, {}{}", finding.code, severity_name(finding.severity),
                               confidence_name(finding.confidence), consequence_text(finding)),
                   2, severity_style(finding.severity));
    page.paragraph(finding.title, 4);
    write_evidence(finding, page);
  }
}

/// A reason, and the codes that were skipped for it.
using Reasons = std::vector<std::pair<std::string, std::string>>;

/// Joins the codes that were skipped for the same reason, in the order of their first code.
Reasons by_reason(const std::vector<Skipped>& skipped) {
  Reasons reasons;
  for (const Skipped& each : skipped) {
    const auto known = std::ranges::find(reasons, each.reason, &Reasons::value_type::first);
    if (known == reasons.end()) {
      reasons.emplace_back(each.reason, each.code);
    } else {
      known->second += ", " + each.code;
    }
  }
  return reasons;
}

/// What is behind "packet filter: " or "the rules of the packet filter are not known: ".
std::string_view cause_of(std::string_view text) {
  const std::size_t colon = text.find(": ");
  return colon == std::string_view::npos ? std::string_view() : text.substr(colon);
}

/// The one line that gives the reason's cause already; null when there is none, or more than one.
const std::string* said_by(const std::string& reason, const std::vector<std::string>& lines) {
  const std::string_view cause = cause_of(reason);
  const std::string* found = nullptr;
  for (const std::string& line : lines) {
    if (cause.empty() || cause_of(line) != cause) continue;
    if (found != nullptr) return nullptr;
    found = &line;
  }
  return found;
}

/// "; not checked: TUN007, FWL001" for the line whose cause kept checks from being made; else empty.
std::string unchecked_text(const std::string& line, const std::vector<std::string>& lines, const Reasons& reasons) {
  std::string text;
  for (const auto& [reason, codes] : reasons) {
    if (said_by(reason, lines) == &line) text += (text.empty() ? "; not checked: " : ", ") + codes;
  }
  return text;
}

}  // namespace

Style severity_style(Severity severity) {
  if (severity == Severity::kError) return Style::kBad;
  return severity == Severity::kWarning ? Style::kDoubtful : Style::kStrong;
}

std::string qualified_title(const Finding& finding) {
  const bool is_sure = finding.confidence == Confidence::kProven;
  const std::string doubt = is_sure ? "" : fmt::format(" ({})", confidence_name(finding.confidence));
  return finding.title + doubt + consequence_text(finding);
}

void write_findings(const std::vector<Finding>& findings, Page& page) {
  if (findings.empty()) return;
  page.heading("Findings");
  if (page.verbose()) {
    write_long_findings(findings, page);
  } else {
    write_short_findings(findings, page);
  }
  const char* more = page.verbose() ? "" : "; --verbose shows the evidence";
  page.paragraph(fmt::format("`vpndoctor explain {}` tells more{}.", findings.front().code, more));
}

void write_blind_spots(const std::vector<std::string>& could_not_see, const std::vector<Skipped>& skipped, Page& page) {
  if (could_not_see.empty() && skipped.empty()) return;
  page.heading("What could not be seen");
  const auto reasons = by_reason(skipped);
  for (const std::string& each : could_not_see) page.item(each + unchecked_text(each, could_not_see, reasons));
  for (const auto& [reason, codes] : reasons) {
    if (said_by(reason, could_not_see) == nullptr) page.item(fmt::format("{} not checked: {}", codes, reason));
  }
}

}  // namespace vpndoctor
