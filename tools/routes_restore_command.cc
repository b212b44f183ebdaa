// SPDX-License-Identifier: Apache-2.0
// `vpndoctor routes restore`: plans the way back, and with --apply goes it, reads the state back and waits for the
// confirmation. Decides nothing about routes.
#include <fmt/format.h>

#include <cstdio>
#include <utility>

#include "restore_guard.h"
#include "restore_source.h"
#include "routes_commands.h"
#include "state_source.h"
#include "vpndoctor/apply_plan.h"
#include "vpndoctor/collect.h"

namespace vpndoctor {
namespace {

/// Why the plan must not be carried out; nullopt: it may.
std::optional<Error> objection(const RestorePlan& plan, const RestoreSource& source, bool force) {
  if (plan.platform == Platform::kMacos) {
    return Error{ErrorKind::kUnavailable, "a plan for macOS is only printed: the system owns the table there", {}};
  }
  if (auto distrust = source.check_trusted()) return distrust;
  if (plan.managers.empty() || force) return std::nullopt;
  std::string names;
  for (const TableManager& manager : plan.managers) {
    names += fmt::format("{}{} ({})", names.empty() ? "" : ", ", manager.name, manager.evidence);
  }
  return Error{ErrorKind::kUnavailable,
               fmt::format("not applied, because what the plan touches is managed by {}", names),
               "stop it first, or use --force"};
}

bool has_work(const RestorePlan& plan, bool optional_too) {
  for (const RestoreOperation& each : plan.operations) {
    if (each.applicable && (optional_too || !each.optional)) return true;
  }
  return false;
}

/// Reads the state back: nothing may be left to do.
bool is_restored(const RestoreSource& source, bool optional_too, RoutesRestoreReport& result) {
  const auto now = collect_snapshot();
  const auto rest = now ? source.plan(*now) : std::unexpected(now.error());
  if (!rest) {
    result.messages.push_back("the state could not be read back: " + rest.error().message);
    return false;
  }
  for (const RestoreOperation& each : rest->operations) {
    if (!each.applicable || (each.optional && !optional_too)) continue;
    result.messages.push_back(fmt::format("still to be done: {}", fmt::join(each.argv, " ")));
  }
  return !has_work(*rest, optional_too);
}

void wait_for_confirmation(RestoreGuard& guard, double seconds, const Interrupt& interrupt,
                           RoutesRestoreReport& result) {
  const auto prompt = [seconds] {
    std::fprintf(stderr,
                 "The plan is applied. Press Enter within %g seconds to keep it, or run\n"
                 "  vpndoctor routes restore --confirmed\n"
                 "in another shell; otherwise everything is rolled back.\n",
                 seconds);
  };
  const GuardOutcome outcome = guard.wait(interrupt, prompt);
  if (outcome == GuardOutcome::kKept) return;
  result.applied = false;
  result.verified.reset();
  result.rolled_back = outcome == GuardOutcome::kRolledBack;
  const char* why = interrupt.happened() ? "interrupted" : "not confirmed in time";
  result.messages.push_back(result.rolled_back
                                ? fmt::format("{}: everything was rolled back", why)
                                : fmt::format("{}, and not everything could be rolled back: run it again", why));
}

struct Application {
  const RoutesRestoreCommand* command;
  const RestoreSource* source;
  const Interrupt* interrupt;
};

/// Carries the plan out and looks whether it worked.
std::optional<Error> carry_out(const Application& application, RoutesRestoreReport& result) {
  const bool optional_too = application.command->with_optional;
  auto outcome = apply_plan(result.plan, optional_too);
  if (!outcome) {
    Error error = std::move(outcome.error());
    if (error.kind == ErrorKind::kPermission) error.hint = "it takes root: sudo vpndoctor routes restore --apply";
    return error;
  }
  result.applied = outcome->applied;
  result.rolled_back = outcome->rolled_back;
  result.messages = std::move(outcome->messages);
  if (result.applied) result.verified = is_restored(*application.source, optional_too, result);
  return std::nullopt;
}

/// The same under a guard, which is there before anything is changed.
std::optional<Error> carry_out_guarded(const Application& application, const Snapshot& now,
                                       RoutesRestoreReport& result) {
  const RoutesRestoreCommand& command = *application.command;
  const std::chrono::duration<double> patience(*command.confirm_seconds);
  auto guard = RestoreGuard::start({&result.plan, &now, command.with_optional, patience});
  if (!guard) return guard.error();
  auto error = carry_out(application, result);
  if (error || !result.applied) {
    guard->dismiss();
    return error;
  }
  wait_for_confirmation(*guard, *command.confirm_seconds, *application.interrupt, result);
  return std::nullopt;
}

std::optional<Error> apply(const Application& application, const Snapshot& now, RoutesRestoreReport& result) {
  const RoutesRestoreCommand& command = *application.command;
  if (auto error = objection(result.plan, *application.source, command.force)) return error;
  if (!has_work(result.plan, command.with_optional)) return std::nullopt;
  if (command.confirm_seconds) return carry_out_guarded(application, now, result);
  return carry_out(application, result);
}

/// Operations that are pending, still or again, are the problem; a step that failed leaves the question open.
Verdict verdict_of(const RoutesRestoreReport& result, bool was_to_apply) {
  if (result.applied) return result.verified.value_or(false) ? Verdict::kOk : Verdict::kProblem;
  if (result.plan.pending() == 0) return Verdict::kOk;
  return was_to_apply && !result.messages.empty() && !result.rolled_back ? Verdict::kUndetermined : Verdict::kProblem;
}

Report confirm() {
  Report report;
  report.command = "routes restore";
  if (const auto confirmed = confirm_restore(); !confirmed) {
    report.error = confirmed.error();
    return report;
  }
  RoutesRestoreReport result;
  result.confirmed = true;
  report.verdict = Verdict::kOk;
  report.data = std::move(result);
  return report;
}

/// Plans, and applies when asked to.
Result<RoutesRestoreReport> restore(const RoutesRestoreCommand& command, std::optional<Interrupt>& interrupt) {
  const auto source = RestoreSource::open(command);
  if (!source) return std::unexpected(source.error());
  const auto now = read_state(command.from);
  if (!now) return std::unexpected(now.error());
  auto plan = source->plan(**now);
  if (!plan) return std::unexpected(plan.error());
  RoutesRestoreReport result;
  result.plan = std::move(*plan);
  result.baseline_name = source->name();
  result.with_optional = command.with_optional;
  if (!command.apply) return result;
  interrupt.emplace();
  if (auto error = apply({&command, &*source, &*interrupt}, **now, result)) return std::unexpected(std::move(*error));
  return result;
}

}  // namespace

Report run_routes_restore(const RoutesRestoreCommand& command, const OutputOptions&,
                          std::optional<Interrupt>& interrupt) {
  if (command.confirmed) return confirm();
  Report report;
  report.command = "routes restore";
  auto result = restore(command, interrupt);
  if (!result) {
    report.error = std::move(result.error());
    return report;
  }
  report.verdict = verdict_of(*result, command.apply);
  report.data = std::move(*result);
  return report;
}

}  // namespace vpndoctor
