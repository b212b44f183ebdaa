// SPDX-License-Identifier: Apache-2.0
// The order of the text report. What each section says is written in its own file.
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "dns_text.h"
#include "findings_text.h"
#include "leaks_text.h"
#include "page.h"
#include "path_mtu_text.h"
#include "routes_text.h"
#include "vpndoctor/render.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

struct Label {
  const char* word;
  Style style;
};

/// The word before the verdict follows the findings, not --fail-on: a black hole is never shown as OK. What only
/// compares, plans or explains is no judgement.
Label label_of(const Report& report) {
  if (const auto* diff = std::get_if<RoutesDiffReport>(&report.data)) {
    if (!diff->diff.is_equal()) return {"DIFFERENT", Style::kDoubtful};
    return diff->diff.is_partial() ? Label{"UNDETERMINED", Style::kDoubtful} : Label{"EQUAL", Style::kGood};
  }
  if (const auto* restore = std::get_if<RoutesRestoreReport>(&report.data)) {
    if (report.verdict == Verdict::kOk) return {"OK", Style::kGood};
    if (report.verdict == Verdict::kUndetermined) return {"UNDETERMINED", Style::kDoubtful};
    return {restore->applied || restore->rolled_back ? "PROBLEM" : "PENDING", Style::kDoubtful};
  }
  if (std::holds_alternative<RoutesExplainReport>(report.data)) return {"ROUTE", Style::kStrong};
  if (std::holds_alternative<DnsExplainReport>(report.data)) return {"DNS", Style::kStrong};
  const auto has = [&report](Severity severity) {
    return std::ranges::any_of(report.findings, [severity](const Finding& each) { return each.severity == severity; });
  };
  if (report.verdict == Verdict::kProblem || has(Severity::kError)) return {"PROBLEM", Style::kBad};
  if (report.verdict == Verdict::kUndetermined) return {"UNDETERMINED", Style::kDoubtful};
  if (has(Severity::kWarning)) return {"WARNING", Style::kDoubtful};
  return {"OK", Style::kGood};
}

/// What was asked for with --expect-min is answered, although the path MTU is not.
bool is_enough(const PathMtuDiagnosis& diagnosis) {
  return diagnosis.status == PathMtuStatus::kUndetermined && diagnosis.meets_expectation.value_or(false);
}

std::string enough_headline(const PathMtuReport& path) {
  return fmt::format("Packets of {} bytes get through to {}, as was asked; whether larger ones do is not known.",
                     path.diagnosis.path_mtu_at_least_bytes.value_or(0), path.measurement.target.host);
}

std::string headline_of(const PathMtuReport& path) {
  return is_enough(path.diagnosis) ? enough_headline(path) : path_mtu_headline(path.measurement, path.diagnosis);
}

std::string headline_of(std::monostate) { return "Nothing was examined."; }

template <class Data>
std::string headline_of(const Data& data) {
  return data_headline(data);
}

/// A bare look at the machine, whose findings are what it was for.
template <class Data>
constexpr bool kLooks =
    std::is_same_v<Data, RoutesShowReport> || std::is_same_v<Data, DnsShowReport> || std::is_same_v<Data, LeaksReport>;

/// Commands that look for what is wrong: their first finding is the answer.
template <class Data>
constexpr bool kSearches = kLooks<Data> || std::is_same_v<Data, DnsTestReport> || std::is_same_v<Data, CaptureFlows>;

/// The first finding; many of its kind are counted.
std::string findings_headline(const std::vector<Finding>& findings) {
  constexpr std::ptrdiff_t kFew = 3;
  const Finding& first = findings.front();
  const std::ptrdiff_t count = std::ranges::count(findings, first.code, &Finding::code);
  return count <= kFew ? first.title : fmt::format("{}; so it is with {} more", first.title, count - 1);
}

/// What a command was asked for comes first; the checks' first finding is what a look for faults was for.
std::string headline(const Report& report) {
  const bool searches =
      std::visit([](const auto& data) { return kSearches<std::remove_cvref_t<decltype(data)>>; }, report.data);
  if (searches && !report.findings.empty() && report.findings.front().severity != Severity::kNotice) {
    return findings_headline(report.findings);
  }
  return std::visit([](const auto& data) { return headline_of(data); }, report.data);
}

std::string error_text(const Error& error, const TextOptions& options) {
  const auto safe = [&options](const std::string& text) {
    return options.utf8 ? escape_controls(text) : escape_non_ascii(text);
  };
  std::string text = "vpndoctor: " + safe(error.message);
  if (!error.hint.empty()) text += "; " + safe(error.hint);
  return text + "\n";
}

void write_outer(const PathMtuReport& outer, Page& page) {
  page.heading("The tunnel's own path");
  page.paragraph(path_mtu_headline(outer.measurement, outer.diagnosis));
  page.blank_line();
  write_path_summary(outer, page);
  write_hops(outer, page);
  write_sizes(outer, page);
  write_too_big_messages(outer.measurement, page);
}

void write_data(const Report& report, const PathMtuReport& path, Page& page) {
  page.blank_line();
  write_path_summary(path, page);
  write_hops(path, page);
  write_sizes(path, page);
  write_too_big_messages(path.measurement, page);
  write_tcp(path.measurement, page);
  write_attempts(path, page);
  write_next_steps(path.diagnosis, page);
  write_needed_help(report.findings, page);
  write_worth_knowing(report.findings, page);
  write_findings(report.findings, page);
  write_arithmetic(path.diagnosis, page);
  if (path.outer) write_outer(*path.outer, page);
  write_blind_spots(path.measurement.probing.could_not_see, report.skipped, page);
  write_probing(path.measurement, page);
}

void write_data(const Report& /*report*/, std::monostate /*nothing*/, Page& /*page*/) {}

const char* incomplete_text(const Report& report) {
  const auto* leaks = std::get_if<LeaksReport>(&report.data);
  const bool ended_early =
      leaks != nullptr && leaks->capture && !leaks->capture->interrupted && !leaks->capture->ended_early.empty();
  return ended_early ? "Incomplete: the capture, or a part of it, ended early."
                     : "Interrupted or out of time: this is what was known by then.";
}

bool has_severity(const Report& report, Severity least) {
  return std::ranges::any_of(report.findings, [least](const Finding& each) { return each.severity >= least; });
}

/// What was not read, where a command has no section of its own for it.
template <class Data>
std::vector<std::string> unread(const Data& data) {
  if constexpr (std::is_same_v<Data, LeaksReport>) {
    return unread_lines(data);
  } else {
    return {};
  }
}

template <class Data>
void write_data(const Report& report, const Data& data, Page& page) {
  // What is wrong, and what to do about it, does not wait for tables that fill a screen.
  const bool help_first = kLooks<Data> && has_severity(report, Severity::kWarning);
  if (help_first) write_needed_help(report.findings, page);
  write_sections(data, page);
  if (!help_first) write_needed_help(report.findings, page);
  write_worth_knowing(report.findings, page);
  write_findings(report.findings, page);
  write_blind_spots(unread(data), report.skipped, page);
}

}  // namespace

std::string render_text(const Report& report, const TextOptions& options) {
  if (report.error) return error_text(*report.error, options);
  const Label label = label_of(report);
  const std::string verdict = std::string(label.word) + ": " + headline(report);
  if (options.quiet) return (options.utf8 ? escape_controls(verdict) : escape_non_ascii(verdict)) + "\n";
  Page page(options);
  page.paragraph(verdict, 0, label.style);
  if (report.incomplete) page.paragraph(incomplete_text(report), 0, Style::kDoubtful);
  std::visit([&](const auto& data) { write_data(report, data, page); }, report.data);
  return page.text();
}

}  // namespace vpndoctor
