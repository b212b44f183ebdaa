// SPDX-License-Identifier: Apache-2.0
// Carries operations out one by one, each acknowledged by the kernel before the next. See the header.
#include "vpndoctor/apply_plan.h"

#include <fmt/format.h>
#include <linux/rtnetlink.h>

#include <cerrno>
#include <map>
#include <ranges>
#include <utility>

#include "netlink.h"
#include "rtnl_encode.h"
#include "rtnl_query.h"

namespace vpndoctor {
namespace {

/// Remembers the indexes: a plan names few interfaces many times.
class Indexes {
 public:
  std::optional<int> of(const std::string& name) {
    const auto known = indexes_.find(name);
    if (known != indexes_.end()) return known->second;
    const auto link = ask_link(0, name);
    if (!link || !*link) return std::nullopt;
    return indexes_[name] = (*link)->index;
  }

 private:
  std::map<std::string, int> indexes_;
};

int route_flags(const RestoreOperation& operation) {
  if (operation.action == RestoreAction::kDelete) return 0;
  if (operation.action == RestoreAction::kReplace) return NLM_F_CREATE | NLM_F_REPLACE;
  switch (operation.placement) {
    case RoutePlacement::kFirst:
      return NLM_F_CREATE;
    case RoutePlacement::kLast:
      return NLM_F_CREATE | NLM_F_APPEND;
    case RoutePlacement::kAlone:
      break;
  }
  return NLM_F_CREATE | NLM_F_EXCL;
}

NlMessage message_of(const RestoreOperation& operation, const IndexOfInterface& index_of) {
  const bool deletes = operation.action == RestoreAction::kDelete;
  const int create = deletes ? 0 : NLM_F_CREATE;
  if (const auto* route = std::get_if<StandaloneRoute>(&operation.object)) {
    return encode_route(deletes ? RTM_DELROUTE : RTM_NEWROUTE, route_flags(operation), *route, index_of);
  }
  // Without NLM_F_EXCL: undoing the deletion of one of several equal rules adds a copy.
  if (const auto* rule = std::get_if<Rule>(&operation.object)) {
    return encode_rule(deletes ? RTM_DELRULE : RTM_NEWRULE, create, *rule);
  }
  return encode_address(deletes ? RTM_DELADDR : RTM_NEWADDR, create, std::get<Address>(operation.object), index_of);
}

std::string command_text(const RestoreOperation& operation) {
  return fmt::format("`{}`", fmt::join(operation.argv, " "));
}

Result<void> carry_out(const RestoreOperation& operation, Indexes& indexes) {
  const NlMessage message = message_of(operation, [&](const std::string& name) { return indexes.of(name); });
  if (!message) {
    return failure(ErrorKind::kUnavailable,
                   fmt::format("{}: an interface that it names does not exist", command_text(operation)));
  }
  const auto reply = netlink_exchange(NETLINK_ROUTE, *message);
  if (!reply) return failure(reply.error().kind, fmt::format("{}: {}", command_text(operation), reply.error().message));
  if (reply->error_number == 0) return {};
  const bool forbidden = reply->error_number == EPERM;
  return failure(forbidden ? ErrorKind::kPermission : ErrorKind::kUnavailable,
                 fmt::format("{}: {}", command_text(operation), reply->why()));
}

/// The opposite of an operation that does not know its undoing.
RestoreOperation opposite(const RestoreOperation& operation) {
  RestoreOperation inverse = operation;
  inverse.placement = RoutePlacement::kLast;
  if (operation.replaced) {
    inverse.object = *operation.replaced;
    return inverse;
  }
  inverse.action = operation.action == RestoreAction::kDelete ? RestoreAction::kAdd : RestoreAction::kDelete;
  return inverse;
}

Result<void> undo(const RestoreOperation& operation, Indexes& indexes) {
  if (operation.undo.empty()) return carry_out(opposite(operation), indexes);
  for (const RestoreOperation& step : operation.undo) {
    if (const auto done = carry_out(step, indexes); !done) return done;
  }
  return {};
}

using Operations = std::vector<const RestoreOperation*>;

Operations wanted(const RestorePlan& plan, bool optional_too) {
  Operations operations;
  for (const RestoreOperation& operation : plan.operations) {
    if (operation.applicable && (optional_too || !operation.optional)) operations.push_back(&operation);
  }
  return operations;
}

/// Goes on after a step that cannot be undone: the rest is still worth it.
bool undo_all(const Operations& done, Indexes& indexes, ApplyOutcome& outcome) {
  bool complete = true;
  for (const RestoreOperation* operation : done | std::views::reverse) {
    if (const auto undone = undo(*operation, indexes); !undone) {
      complete = false;
      outcome.messages.push_back("could not be undone: " + undone.error().message);
    }
  }
  return complete;
}

}  // namespace

Result<ApplyOutcome> apply_plan(const RestorePlan& plan, bool optional_too) {
  const Operations operations = wanted(plan, optional_too);
  Indexes indexes;
  Operations done;
  ApplyOutcome outcome;
  for (const RestoreOperation* operation : operations) {
    const auto result = carry_out(*operation, indexes);
    if (result) {
      done.push_back(operation);
      continue;
    }
    if (done.empty() && result.error().kind == ErrorKind::kPermission) return std::unexpected(result.error());
    outcome.messages.push_back(
        fmt::format("step {} of {} failed: {}", done.size() + 1, operations.size(), result.error().message));
    outcome.rolled_back = undo_all(done, indexes, outcome);
    return outcome;
  }
  outcome.applied = true;
  return outcome;
}

Result<ApplyOutcome> undo_plan(const RestorePlan& plan, bool optional_too) {
  Indexes indexes;
  ApplyOutcome outcome;
  outcome.rolled_back = undo_all(wanted(plan, optional_too), indexes, outcome);
  return outcome;
}

}  // namespace vpndoctor
