// SPDX-License-Identifier: Apache-2.0
// The text of `routes restore`: the plan step by step with its commands, what cannot be restored here and why, and
// what became of it.
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "routes_text.h"
#include "units.h"
#include "vpndoctor/route_words.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostSteps = 60;  ///< more steps than these are counted, unless all are asked for

bool is_offered(const RestoreOperation& operation) { return operation.applicable && operation.optional; }
bool is_refused(const RestoreOperation& operation) { return !operation.applicable; }

/// Words begin with a capital letter; names of things, such as wg-quick and eth0, stay as they are.
std::string sentence(std::string text) {
  const auto is_small = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto end = std::ranges::find_if_not(text, is_small);
  const bool is_word = end != text.begin() && (end == text.end() || std::string_view(" ,:;'").contains(*end));
  if (is_word) text.front() = static_cast<char>(text.front() - 'a' + 'A');
  return text + ".";
}

/// Where a line comes from, unless it is the baseline that the headline names, and how sure that is.
std::string reason_of(const RestoreOperation& operation) {
  std::string text = operation.reason;
  if (!operation.source.empty() && operation.source != "baseline") text += fmt::format(" ({})", operation.source);
  if (operation.confidence != Confidence::kProven) text += fmt::format(", {}", confidence_name(operation.confidence));
  return sentence(std::move(text));
}

template <class Wanted, class Write>
void write_some(const RestorePlan& plan, Page& page, Wanted wanted, Write write) {
  std::size_t number = 0;
  for (const RestoreOperation& operation : plan.operations) {
    if (!wanted(operation)) continue;
    if (++number <= kMostSteps || page.verbose()) write(number, operation);
  }
  if (number > kMostSteps && !page.verbose()) {
    page.paragraph(fmt::format("... and {} more; --verbose lists them all.", number - kMostSteps), 2, Style::kQuiet);
  }
}

void write_steps(const RoutesRestoreReport& report, Page& page) {
  const bool is_macos = report.plan.platform == Platform::kMacos;
  const auto write = [&](std::size_t number, const RestoreOperation& operation) {
    const std::size_t column = page.step(number, reason_of(operation));
    page.command({is_macos ? "macos" : "linux", operation.argv, true}, column);
  };
  if (report.plan.pending() > 0) {
    page.heading(report.applied ? "Done" : "Plan");
    write_some(report.plan, page, std::mem_fn(&RestoreOperation::is_pending), write);
  }
  if (std::ranges::any_of(report.plan.operations, is_offered)) {
    const bool is_done = report.applied && report.with_optional;
    page.heading(is_done ? "Done as well" : "Offered (--optional carries it out as well)");
    write_some(report.plan, page, is_offered, write);
  }
}

/// How a plan that was only looked at is carried out.
void write_next_step(const RoutesRestoreReport& report, Page& page) {
  const bool is_untouched = !report.applied && !report.rolled_back && report.messages.empty();
  if (report.plan.pending() == 0 || report.apply_argv.empty() || !is_untouched) return;
  page.heading("To carry it out");
  page.command({"linux", report.apply_argv, true}, 2);
}

void write_refused(const RoutesRestoreReport& report, Page& page) {
  if (report.plan.refused() == 0) return;
  page.heading("Not possible here");
  write_some(report.plan, page, is_refused, [&](std::size_t, const RestoreOperation& operation) {
    page.item(fmt::format("{}: {}.", joined(operation.argv), operation.why_not));
  });
}

void write_remarks(const RoutesRestoreReport& report, Page& page) {
  if (!report.plan.managers.empty() && !report.applied) {
    page.heading("Managed by others (--apply asks for --force)");
    for (const TableManager& manager : report.plan.managers) {
      page.item(fmt::format("{}: {}", manager.name, manager.evidence));
    }
  }
  if (!report.plan.unanswered.empty()) {
    page.heading("Not worked out");
    for (const std::string& reason : report.plan.unanswered) page.item(sentence(reason));
  }
  if (!report.plan.notes.empty()) {
    page.heading("Notes");
    for (const std::string& note : report.plan.notes) page.item(sentence(note));
  }
  if (report.messages.empty()) return;
  page.heading("What happened");
  for (const std::string& message : report.messages) page.item(sentence(message));
}

/// What was carried out: with what was offered, when that was asked for.
std::size_t done_count(const RoutesRestoreReport& report) {
  const auto is_done = [&](const RestoreOperation& operation) {
    return operation.applicable && (report.with_optional || !operation.optional);
  };
  return static_cast<std::size_t>(std::ranges::count_if(report.plan.operations, is_done));
}

/// Why the target may not be reached when all that can be done is done: the first reason.
std::string why_open(const RestorePlan& plan) {
  if (!plan.unanswered.empty()) return plan.unanswered.front();
  return std::ranges::find_if(plan.operations, is_refused)->why_not;
}

/// Nothing can be done, yet the target may not be reached.
std::string open_headline(const RoutesRestoreReport& report) {
  const RestorePlan& plan = report.plan;
  if (!plan.unanswered.empty()) return fmt::format("Not everything could be worked out: {}.", why_open(plan));
  if (plan.refused() == 1) return fmt::format("Nothing can be done here: {}.", why_open(plan));
  return fmt::format("Nothing can be done here: {} not possible; the first: {}.", counted(plan.refused(), "operation"),
                     why_open(plan));
}

std::string applied_headline(const RoutesRestoreReport& report) {
  const std::size_t done = done_count(report);
  if (!report.plan.is_whole() && report.verified.value_or(false)) {
    return fmt::format("{} applied; more than that belongs to {}: {}.", counted(done, "operation"),
                       report.baseline_name, why_open(report.plan));
  }
  if (report.verified.value_or(false)) {
    return fmt::format("{} applied; routes and rules are as in {}.", counted(done, "operation"), report.baseline_name);
  }
  return fmt::format("{} applied, but the state that was read back is not that of {}.", counted(done, "operation"),
                     report.baseline_name);
}

}  // namespace

std::string data_headline(const RoutesRestoreReport& report) {
  const std::size_t pending = report.plan.pending();
  if (report.confirmed) return "Confirmed: the restored state is kept.";
  if (report.applied) return applied_headline(report);
  if (report.rolled_back) return "Nothing is changed: what was applied was rolled back.";
  if (!report.messages.empty()) return "The plan could not be applied, and not all could be rolled back.";
  if (pending == 0 && !report.plan.is_whole()) return open_headline(report);
  if (pending == 0) return fmt::format("Nothing to do to get to {}.", report.baseline_name);
  const std::size_t refused = report.plan.refused();
  const std::string rest = refused == 0 ? "" : fmt::format("; {} not possible here", counted(refused, "operation"));
  return fmt::format("{} to get to {}{}.", counted(pending, "operation"), report.baseline_name, rest);
}

void write_sections(const RoutesRestoreReport& report, Page& page) {
  write_steps(report, page);
  write_next_step(report, page);
  write_refused(report, page);
  write_remarks(report, page);
}

}  // namespace vpndoctor
