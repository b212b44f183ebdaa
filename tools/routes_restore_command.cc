// SPDX-License-Identifier: Apache-2.0
// `vpndoctor routes restore`: plans the way back, and with --apply goes it, reads the state back and waits for the
// confirmation. Decides nothing about routes.
#include <fmt/format.h>

#include <cstdio>
#include <utility>

#include "restore_guard.h"
#include "restore_rollback.h"
#include "restore_source.h"
#include "routes_commands.h"
#include "state_source.h"
#include "vpndoctor/apply_plan.h"
#include "vpndoctor/collect.h"
#include "vpndoctor/shell_words.h"

namespace vpndoctor {
namespace {

constexpr double kUsualConfirm = 30;  ///< seconds, for the command that a plan offers

/// Why the plan must not be carried out; nullopt: it may.
std::optional<Error> objection(const RestorePlan& plan, const RestoreSource& source, bool force) {
  if (plan.platform == Platform::kMacos) {
    return Error{ErrorKind::kUnavailable, "a plan for macOS is only printed: the system owns the table there", {}};
  }
  if (source.distrust()) return source.distrust();
  if (plan.managers.empty() || force) return std::nullopt;
  std::string names;
  for (const TableManager& manager : plan.managers) {
    names += fmt::format("{}{} ({})", names.empty() ? "" : ", ", manager.name, manager.evidence);
  }
  return Error{ErrorKind::kUnavailable,
               fmt::format("not applied, because what the plan touches is managed by {}", names),
               "stop it first, or use --force"};
}

/// The command that carries out what `command` plans, for root.
std::vector<std::string> command_of(const RoutesRestoreCommand& command) {
  std::vector<std::string> words = {"vpndoctor", "routes", "restore"};
  if (command.infer) words.emplace_back("--infer");
  if (!command.baseline.empty()) words.push_back(command.baseline);
  if (command.with_optional) words.emplace_back("--optional");
  words.emplace_back("--apply");
  if (command.force) words.emplace_back("--force");
  // A plan that was only looked at is best tried first.
  const auto seconds = command.apply ? command.confirm_seconds : std::optional(kUsualConfirm);
  if (seconds) words.insert(words.end(), {"--confirm", fmt::format("{:g}", *seconds)});
  return words;
}

/// The same as a shell reads it.
std::string command_for_root(const RoutesRestoreCommand& command) {
  std::string text = "sudo";
  for (const std::string& word : command_of(command)) text += " " + shell_quoted(word);
  return text;
}

bool has_work(const RestorePlan& plan, bool optional_too) {
  for (const RestoreOperation& each : plan.operations) {
    if (each.applicable && (optional_too || !each.optional)) return true;
  }
  return false;
}

/// Reads the state back: nothing may be left to do.
bool is_restored(const RestoreSource& source, const RoutesRestoreCommand& command, RoutesRestoreReport& result) {
  const bool optional_too = command.with_optional;
  const auto now = collect_snapshot();
  const auto rest = now ? source.plan(*now, command.force) : std::unexpected(now.error());
  if (!rest) {
    result.messages.push_back("the state could not be read back: " + rest.error().message);
    return false;
  }
  result.plan.unanswered = rest->unanswered;
  for (const RestoreOperation& each : rest->operations) {
    if (!each.applicable || (each.optional && !optional_too)) continue;
    result.messages.push_back(fmt::format("still to be done: {}", fmt::join(each.argv, " ")));
  }
  return !has_work(*rest, optional_too);
}

void append(std::vector<std::string>& messages, const std::vector<std::string>& more) {
  messages.insert(messages.end(), more.begin(), more.end());
}

/// Everything about one application of a plan.
struct Application {
  const RoutesRestoreCommand* command;
  const RestoreSource* source;
  const Interrupt* interrupt;
  const Snapshot* before;
};

/// The guard is gone: nobody else can take back what was applied.
GuardOutcome roll_back_here(const Application& application, RoutesRestoreReport& result) {
  const RollBack back =
      roll_back({&result.plan, application.before, application.command->with_optional, /*is_applied=*/true});
  append(result.messages, back.messages);
  return back.complete ? GuardOutcome::kRolledBack : GuardOutcome::kFailed;
}

void wait_for_confirmation(RestoreGuard& guard, const Application& application, RoutesRestoreReport& result) {
  const auto prompt = [seconds = *application.command->confirm_seconds] {
    std::fprintf(stderr,
                 "The plan is applied. Press Enter within %g %s to keep it, or run\n"
                 "  vpndoctor routes restore --confirmed\n"
                 "in another shell; otherwise everything is rolled back.\n",
                 seconds, seconds == 1 ? "second" : "seconds");
  };
  GuardOutcome outcome = guard.wait(*application.interrupt, prompt);
  if (outcome == GuardOutcome::kKept) return;
  const char* why = application.interrupt->happened() ? "interrupted" : "not confirmed in time";
  if (outcome == GuardOutcome::kGone) {
    why = "the process that was to wait for the confirmation is gone";
    outcome = roll_back_here(application, result);
  }
  result.applied = false;
  result.verified.reset();
  result.rolled_back = outcome == GuardOutcome::kRolledBack;
  result.messages.push_back(result.rolled_back
                                ? fmt::format("{}: everything was rolled back", why)
                                : fmt::format("{}, and not everything could be rolled back: run it again", why));
}

/// Carries the plan out and looks whether it worked, or whether everything is as before.
std::optional<Error> carry_out(const Application& application, RoutesRestoreReport& result) {
  const bool optional_too = application.command->with_optional;
  auto outcome = apply_plan(result.plan, optional_too);
  if (!outcome) {
    Error error = std::move(outcome.error());
    if (error.kind == ErrorKind::kPermission) error.hint = "it takes root: " + command_for_root(*application.command);
    return error;
  }
  result.applied = outcome->applied;
  result.messages = std::move(outcome->messages);
  if (result.applied) {
    result.verified = is_restored(*application.source, *application.command, result);
    return std::nullopt;
  }
  const RollBack back = check_rolled_back(*application.before);
  append(result.messages, back.messages);
  result.rolled_back = back.complete;
  return std::nullopt;
}

/// The same under a guard, which is there before anything is changed.
std::optional<Error> carry_out_guarded(const Application& application, RoutesRestoreReport& result) {
  const RoutesRestoreCommand& command = *application.command;
  const std::chrono::duration<double> patience(*command.confirm_seconds);
  auto guard = RestoreGuard::start({&result.plan, application.before, command.with_optional, patience});
  if (!guard) return guard.error();
  auto error = carry_out(application, result);
  if (result.applied) {
    wait_for_confirmation(*guard, application, result);
  } else if (error || result.rolled_back) {
    guard->dismiss();
  } else {
    result.rolled_back = guard->roll_back() == GuardOutcome::kRolledBack;
    if (result.rolled_back) result.messages.emplace_back("a second attempt rolled everything back");
  }
  return error;
}

std::optional<Error> apply(const Application& application, RoutesRestoreReport& result) {
  const RoutesRestoreCommand& command = *application.command;
  if (auto error = objection(result.plan, *application.source, command.force)) return error;
  if (!has_work(result.plan, command.with_optional)) return std::nullopt;
  if (command.confirm_seconds) return carry_out_guarded(application, result);
  return carry_out(application, result);
}

/// Operations that are pending, still or again, are the problem; a step that failed and could not be taken back, or a
/// part of the plan that nothing is known about, leaves the question open.
Verdict verdict_of(const RoutesRestoreReport& result, bool was_to_apply) {
  if (result.applied && !result.verified.value_or(false)) return Verdict::kProblem;
  if (result.applied) return result.plan.is_whole() ? Verdict::kOk : Verdict::kUndetermined;
  if (result.rolled_back) return Verdict::kProblem;
  if (was_to_apply && !result.messages.empty()) return Verdict::kUndetermined;
  if (result.plan.pending() > 0) return Verdict::kProblem;
  return result.plan.is_whole() ? Verdict::kOk : Verdict::kUndetermined;
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
  auto plan = source->plan(**now, command.force);
  if (!plan) return std::unexpected(plan.error());
  RoutesRestoreReport result;
  result.plan = std::move(*plan);
  result.baseline_name = source->name();
  result.with_optional = command.with_optional;
  const bool can_apply = command.from.empty() && command.baseline != "-" && result.plan.platform != Platform::kMacos;
  if (can_apply) result.apply_argv = command_of(command);
  if (!command.apply) return result;
  interrupt.emplace();
  const Application application{&command, &*source, &*interrupt, &**now};
  if (auto error = apply(application, result)) return std::unexpected(std::move(*error));
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
