// SPDX-License-Identifier: Apache-2.0
// `dns explain`: reads the resolver configuration and works out who would be asked. Sends nothing, prints nothing.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "dns_commands.h"
#include "state_source.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

/// A mistyped interface has no answer.
std::optional<Error> check_interface(const Snapshot& snapshot, const std::string& name) {
  if (name.empty() || !snapshot.links || snapshot.find_link(name) != nullptr) return std::nullopt;
  return Error{ErrorKind::kUsage, fmt::format("--caller bound: there is no interface {}", in_quotes(name)),
               "vpndoctor routes show lists them"};
}

DnsExplanation explain(const DnsExplainCommand& command, const Snapshot& snapshot) {
  if (!command.caller) return explain_dns(snapshot, command.name, command.type);
  const DnsQuestion question{command.name, command.type, *command.caller, command.interface};
  return {command.name, command.type, {explain_dns_path(snapshot, question)}};
}

/// That nobody is asked is an answer; that it is not known who would be is none.
bool has_answer(const DnsPath& path) {
  return path.is_answered_here || !path.asked.empty() || (path.why_none.empty() && path.uncertain.empty());
}

/// That there is no such way here is an answer as well.
bool has_no_way(const DnsExplanation& explanation) {
  return std::ranges::all_of(explanation.paths, [](const DnsPath& path) { return !path.why_none.empty(); });
}

}  // namespace

Report run_dns_explain(const DnsExplainCommand& command, const OutputOptions& /*output*/) {
  Report report;
  report.command = "dns explain";
  auto state = read_dns_state(command.from);
  auto error = state ? check_interface(**state, command.interface) : std::optional(state.error());
  if (error) {
    report.error = std::move(*error);
    return report;
  }
  DnsExplainReport result{std::move(*state), {}};
  result.explanation = explain(command, *result.snapshot);
  const bool any = std::ranges::any_of(result.explanation.paths, has_answer) || has_no_way(result.explanation);
  report.verdict = any ? Verdict::kOk : Verdict::kUndetermined;
  report.data = std::move(result);
  return report;
}

}  // namespace vpndoctor
