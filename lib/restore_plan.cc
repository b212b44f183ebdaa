// SPDX-License-Identifier: Apache-2.0
// Puts the parts of a restore plan together and in order.
#include "vpndoctor/restore_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>
#include <set>
#include <tuple>

#include "restore_steps.h"

namespace vpndoctor {
namespace {

/// Nothing can be said about a facet that one side lacks; of one that was cut, absence is no proof.
template <class T>
bool is_usable(const char* facet, const Observed<T>& now, const Observed<T>& target, RestorePlan& plan) {
  if (!now.is_known()) {
    plan.unanswered.push_back(
        fmt::format("nothing is planned for the {} because today's are not known: {}", facet, now.why_missing()));
  } else if (!target.is_known()) {
    plan.unanswered.push_back(fmt::format(
        "nothing is planned for the {} because the baseline has none: {}; another baseline, or --infer, may "
        "tell",
        facet, target.why_missing()));
  }
  for (const auto& [observed, whose] : {std::pair(&now, "today's"), std::pair(&target, "the saved")}) {
    if (!observed->is_known() || observed->is_complete()) continue;
    plan.unanswered.push_back(fmt::format("{} {} are not complete: {}", whose, facet, observed->limits().front()));
  }
  return now.is_known() && target.is_known();
}

/// Why an entry may be missing from a facet although it was there; empty: it was not there.
template <class T>
std::string doubt(const char* facet, const char* whose, const Observed<T>& observed, bool was_changing) {
  if (!observed.is_complete()) {
    return fmt::format("the {} of {} are not complete: {}", facet, whose, observed.limits().front());
  }
  if (was_changing) return fmt::format("{} changed while it was saved: it may have had this as well", whose);
  return {};
}

/// An entry may be missing from a partial facet only because it was not seen.
void refuse_unproven(const std::string& doubt_now, const std::string& doubt_then, std::vector<PlannedStep>& steps) {
  for (PlannedStep& step : steps) {
    const bool deletes = step.operation.action == RestoreAction::kDelete;
    const std::string& why_not = deletes ? doubt_then : doubt_now;
    if (why_not.empty() || !step.operation.applicable) continue;
    step.operation.applicable = false;
    step.operation.why_not = why_not;
    step.phase = RestorePhase::kNotApplicable;
  }
}

bool has_family(const Snapshot& snapshot, Family family) {
  return std::ranges::any_of(*snapshot.rules, [&](const Rule& rule) { return rule.family == family; }) ||
         (snapshot.routes && std::ranges::any_of(snapshot.routes->routes, [&](const Route& route) {
            return route.destination.family() == family;
          }));
}

/// The kernel keeps rules of every family that it speaks (ipv6.disable=1: none). What today has of a family that the
/// target did not speak is not there for want of a baseline: it is left alone.
Families silent_families(const Snapshot& now, const Snapshot& target, RestorePlan& plan) {
  Families silent;
  if (!now.rules.is_known() || !target.rules.is_complete()) return silent;
  for (const Family family : {Family::kInet, Family::kInet6}) {
    if (has_family(target, family) || !has_family(now, family)) continue;
    silent.insert(family);
    plan.notes.push_back(fmt::format("{} is left alone: it was not in use when the baseline was saved",
                                     family == Family::kInet ? "IPv4" : "IPv6"));
  }
  return silent;
}

void move_to(std::vector<PlannedStep>& all, std::vector<PlannedStep> part) {
  std::ranges::move(part, std::back_inserter(all));
}

bool uses_next_hop_object(const RestoreOperation& operation) {
  const auto* route = std::get_if<StandaloneRoute>(&operation.object);
  return route != nullptr && operation.action != RestoreAction::kDelete && route->next_hops.object_id.has_value();
}

/// A number of a nexthop object means nothing on another day: what is put back has the legs themselves.
void resolve_next_hop_objects(RestorePlan& plan) {
  std::size_t count = 0;
  for (RestoreOperation& operation : plan.operations) {
    if (!uses_next_hop_object(operation)) continue;
    std::get<StandaloneRoute>(operation.object).next_hops.object_id.reset();
    ++count;
  }
  if (count == 0) return;
  plan.notes.push_back(fmt::format(
      "{} of the routes came from nexthop objects; they are put back with the next hops that these had", count));
}

/// Router advertisements and redirects come again by themselves.
void note_router_advertisements(const Snapshot& now, const Snapshot& target, RestorePlan& plan) {
  if (!now.routes || !target.routes) return;
  const auto defaults = [](const RouteTable& table) {
    std::set<std::string> interfaces;
    for (const Route& route : table.routes) {
      if (route.protocol != kProtocolRouterAdvertisement || !route.destination.is_default()) continue;
      for (const NextHop& hop : table.hops(route)) interfaces.insert(hop.interface);
    }
    return interfaces;
  };
  const auto present = defaults(*now.routes);
  for (const std::string& interface : defaults(*target.routes)) {
    if (present.contains(interface)) continue;
    plan.notes.push_back(fmt::format(
        "the IPv6 default route of {} came from a router advertisement and comes back with the next one", interface));
  }
}

/// Steps that are due at the same time keep their order.
void take_in_order(std::vector<PlannedStep> steps, RestorePlan& plan) {
  std::vector<std::size_t> order(steps.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::tuple(steps[i].phase, steps[i].order, i); });
  plan.operations.reserve(steps.size());
  for (const std::size_t i : order) plan.operations.push_back(std::move(steps[i].operation));
}

struct Planning {
  const Snapshot& now;
  const Snapshot& target;
  Families silent;
  bool target_was_changing = false;
};

std::vector<PlannedStep> planned_routes(const Planning& planning, const Place& place, RestorePlan& plan) {
  const auto& [now, target, silent, was_changing] = planning;
  if (!is_usable("routes", now.routes, target.routes, plan)) return {};
  const bool is_macos = target.platform == Platform::kMacos;
  auto steps = is_macos ? plan_macos_routes(now, target, place) : plan_routes(now, target, place, silent);
  refuse_unproven(doubt("routes", "today", now.routes, false),
                  doubt("routes", "the baseline", target.routes, was_changing), steps);
  return steps;
}

std::vector<PlannedStep> planned_rules(const Planning& planning, const std::vector<PlannedStep>& routes,
                                       RestorePlan& plan) {
  const auto& [now, target, silent, was_changing] = planning;
  if (target.platform == Platform::kMacos || !is_usable("rules", now.rules, target.rules, plan)) return {};
  auto steps = plan_rules(now, target, routes, silent);
  refuse_unproven(doubt("rules", "today", now.rules, false), doubt("rules", "the baseline", target.rules, was_changing),
                  steps);
  return steps;
}

}  // namespace

const char* restore_action_name(RestoreAction action) {
  switch (action) {
    case RestoreAction::kAdd:
      return "add";
    case RestoreAction::kReplace:
      return "replace";
    case RestoreAction::kDelete:
      break;
  }
  return "delete";
}

const char* RestoreOperation::object_name() const {
  if (std::holds_alternative<StandaloneRoute>(object)) return "route";
  return std::holds_alternative<Rule>(object) ? "rule" : "address";
}

std::size_t RestorePlan::pending() const {
  return static_cast<std::size_t>(std::ranges::count_if(operations, &RestoreOperation::is_pending));
}

std::size_t RestorePlan::refused() const {
  return static_cast<std::size_t>(std::ranges::count(operations, false, &RestoreOperation::applicable));
}

RestorePlan plan_restore(const Snapshot& now, const Snapshot& target, const RestoreOptions& options) {
  RestorePlan plan;
  plan.platform = target.platform;
  const Place place(now, target, options);
  const Planning planning{now, target, silent_families(now, target, plan), !target.stable.value_or(true)};
  std::vector<PlannedStep> steps = planned_routes(planning, place, plan);
  auto rules = planned_rules(planning, steps, plan);
  move_to(steps, std::move(rules));
  move_to(steps, plan_addresses(now, target));
  take_in_order(std::move(steps), plan);
  resolve_next_hop_objects(plan);
  note_router_advertisements(now, target, plan);
  plan.managers = managers_of(now, plan.operations);
  note_live_tunnels(now, plan);
  note_undecided_addresses(now, target, plan);
  for (std::string& remark : place.remarks()) plan.notes.push_back(std::move(remark));
  return plan;
}

}  // namespace vpndoctor
