// SPDX-License-Identifier: Apache-2.0
// Plans the rules, priority by priority: copies count, and among rules of one priority their order. A rule is added
// only where its table has routes to offer.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "filled_tables.h"
#include "restore_entries.h"
#include "restore_steps.h"
#include "restore_tunnels.h"
#include "vpndoctor/route_diff.h"
#include "vpndoctor/route_owner.h"

namespace vpndoctor {
namespace {

constexpr std::int64_t kAfterAllPriorities = 1LL << 33;

/// The rules of one family and priority.
struct RuleGroup {
  std::vector<Rule> entries;  ///< by number
  EntryList now;
  EntryList target;

  int number(const Rule& rule) {
    const auto found = std::ranges::find_if(entries, [&](const Rule& each) { return same_rule(each, rule); });
    if (found != entries.end()) return static_cast<int>(found - entries.begin());
    entries.push_back(rule);
    return static_cast<int>(entries.size()) - 1;
  }
};

using RuleGroups = std::map<std::pair<Family, std::uint32_t>, RuleGroup>;
/// The rule of VRFs comes and goes with them.
bool is_kernel_made(const Rule& rule) { return rule.l3mdev && rule.protocol == kProtocolKernel; }

RuleGroups by_priority(const std::vector<Rule>& now, const std::vector<Rule>& target, const Families& left_alone) {
  RuleGroups groups;
  for (const Rule& rule : now) {
    if (is_kernel_made(rule) || left_alone.contains(rule.family)) continue;
    RuleGroup& group = groups[{rule.family, rule.priority}];
    group.now.push_back(group.number(rule));
  }
  for (const Rule& rule : target) {
    if (is_kernel_made(rule)) continue;
    RuleGroup& group = groups[{rule.family, rule.priority}];
    const int number = group.number(rule);
    // `ip rule add` refuses a second copy, and it would change nothing.
    const auto present = std::max<std::ptrdiff_t>(std::ranges::count(group.now, number), 1);
    if (std::ranges::count(group.target, number) < present) group.target.push_back(number);
  }
  return groups;
}

Tables filled_tables_of(const Snapshot& snapshot) {
  return snapshot.routes ? filled_tables(*snapshot.routes) : Tables{};
}

bool is_blocking(RouteType type) {
  return type == RouteType::kBlackhole || type == RouteType::kUnreachable || type == RouteType::kProhibit;
}

/// Tables that refuse some packets.
Tables blocking_tables_of(const Snapshot& snapshot) {
  Tables tables;
  if (!snapshot.routes) return tables;
  for (const Route& route : snapshot.routes->routes) {
    if (is_blocking(route.type)) tables.insert({route.destination.family(), route.table});
  }
  return tables;
}

class RulePlan {
 public:
  RulePlan(const Snapshot& now, const Snapshot& target, const std::vector<PlannedStep>& route_steps)
      : now_(&now),
        blocking_(blocking_tables_of(now)),
        filled_(filled_tables_of(now)),
        filled_then_(filled_tables_of(target)) {
    for (const PlannedStep& step : route_steps) {
      const auto& route = std::get<StandaloneRoute>(step.operation.object).route;
      const bool adds = step.operation.applicable && step.operation.action != RestoreAction::kDelete;
      if (adds) filled_.insert({route.destination.family(), route.table});
    }
  }

  std::vector<PlannedStep> plan(const RuleGroups& groups) {
    for (const auto& [key, group] : groups) plan_group(group);
    return std::move(steps_);
  }

 private:
  std::string objection(const Rule& rule) const;
  bool refuses_packets(const Rule& rule) const;
  PlannedStep planned(const RuleGroup& group, const SequenceStep& step) const;
  std::vector<PlannedStep> steps_of(const RuleGroup& group, const EntryList& target) const;
  void plan_group(const RuleGroup& group);

  const Snapshot* now_;
  Tables blocking_;
  Tables filled_;
  Tables filled_then_;
  std::vector<PlannedStep> steps_;
};

std::string RulePlan::objection(const Rule& rule) const {
  if (!rule.not_understood.empty()) {
    return fmt::format("it has an attribute (number {}) that this version does not know", rule.not_understood.front());
  }
  const std::pair table{rule.family, rule.table};
  if (rule.action != RuleAction::kToTable || filled_.contains(table) || !filled_then_.contains(table)) return {};
  return fmt::format("table {} would be empty: none of its routes can be restored", now_->table_name(rule.table));
}

/// The kernel asks the rules whether a new route's gateway is on link: one that refuses has to go first.
bool RulePlan::refuses_packets(const Rule& rule) const {
  switch (rule.action) {
    case RuleAction::kBlackhole:
    case RuleAction::kUnreachable:
    case RuleAction::kProhibit:
      return true;
    default:
      return blocking_.contains({rule.family, rule.table});
  }
}

SequenceModel model_of(const RuleGroup& group) {
  SequenceModel model;
  model.has_first = false;
  model.allows_copies = true;
  model.covers = [&group](int request, int present) {
    return deletion_covers(group.entries[static_cast<std::size_t>(request)],
                           group.entries[static_cast<std::size_t>(present)]);
  };
  return model;
}

std::string reason_to_delete(const Snapshot& now, const Rule& rule) {
  const Owner owner = rule_owner(now, rule);
  if (!owner.is_vpn) return "the baseline does not have it";
  return fmt::format("{} by {} ({}); the baseline does not have it", is_client_alive(now, owner) ? "made" : "left",
                     owner.name, owner.evidence);
}

/// Exceptions have lower numbers than what they are exceptions of: they come first and go last. A rule that jumps comes
/// after the rule that it jumps to.
PlannedStep RulePlan::planned(const RuleGroup& group, const SequenceStep& step) const {
  const Rule& rule = group.entries[static_cast<std::size_t>(step.entry)];
  const bool deletes = step.kind == SequenceStep::Kind::kDelete;
  PlannedStep planned;
  planned.phase = deletes ? RestorePhase::kDeleteRule : RestorePhase::kAddRule;
  if (deletes && refuses_packets(rule)) planned.phase = RestorePhase::kClearTheWay;
  const std::int64_t jump = rule.action == RuleAction::kGoto ? kAfterAllPriorities : 0;
  planned.order = deletes ? -(rule.priority + jump) : rule.priority + jump;
  planned.operation.action = deletes ? RestoreAction::kDelete : RestoreAction::kAdd;
  planned.operation.object = rule;
  planned.operation.source = "baseline";
  planned.operation.reason = deletes ? reason_to_delete(*now_, rule) : "the baseline has it, and it is missing";
  planned.operation.argv = restore_argv(planned.operation);
  return planned;
}

std::vector<PlannedStep> RulePlan::steps_of(const RuleGroup& group, const EntryList& target) const {
  const SequenceModel model = model_of(group);
  std::vector<PlannedStep> steps;
  EntryList list = group.now;
  for (const SequenceStep& step : sequence_steps(list, target, model)) {
    steps.push_back(planned(group, step));
    const EntryList next = after_step(list, step, model).value_or(list);
    for (const SequenceStep& undo : sequence_steps(next, list, model)) {
      steps.back().operation.undo.push_back(planned(group, undo).operation);
    }
    list = next;
  }
  keep_order(steps);
  return steps;
}

void RulePlan::plan_group(const RuleGroup& group) {
  EntryList target;
  for (const int entry : group.target) {
    const Rule& rule = group.entries[static_cast<std::size_t>(entry)];
    const bool is_present = std::ranges::find(group.now, entry) != group.now.end();
    std::string why_not = is_present ? std::string() : objection(rule);
    if (why_not.empty()) {
      target.push_back(entry);
      continue;
    }
    PlannedStep refused = planned(group, {SequenceStep::Kind::kAddLast, entry});
    refused.phase = RestorePhase::kNotApplicable;
    refused.operation.applicable = false;
    refused.operation.why_not = std::move(why_not);
    steps_.push_back(std::move(refused));
  }
  for (PlannedStep& step : steps_of(group, target)) steps_.push_back(std::move(step));
}

}  // namespace

std::vector<PlannedStep> plan_rules(const Snapshot& now, const Snapshot& target,
                                    const std::vector<PlannedStep>& route_steps, const Families& left_alone) {
  return RulePlan(now, target, route_steps).plan(by_priority(*now.rules, *target.rules, left_alone));
}

}  // namespace vpndoctor
