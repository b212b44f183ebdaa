// SPDX-License-Identifier: Apache-2.0
// Plans the routes: what can be restored here, what has to stay for want of a stand-in, then the steps of every key.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "restore_entries.h"
#include "restore_groups.h"
#include "restore_steps.h"
#include "restore_tunnels.h"
#include "vpndoctor/route_owner.h"
#include "vpndoctor/route_words.h"

namespace vpndoctor {
namespace {

using Destination = std::tuple<std::uint32_t, IpPrefix, std::optional<IpPrefix>>;

Destination destination_of(const StandaloneRoute& route) {
  return {route.route.table, route.route.destination, route.attributes.source};
}

bool has_gateway(const StandaloneRoute& route) {
  return std::ranges::any_of(route.next_hops.hops, [](const NextHop& hop) { return hop.gateway.has_value(); });
}

class RoutePlan {
 public:
  RoutePlan(const Snapshot& now, const Snapshot& target, const Place& place)
      : now_(&now), target_(&target), place_(&place) {}

  std::vector<PlannedStep> plan(const Families& left_alone) {
    for (const KeyGroup& key : differing_keys(*now_->routes, *target_->routes)) {
      EntryGroup group = numbered(key, *now_, *target_, *place_);
      const Family family = group.entries.empty() ? Family::kInet : group.entries.front().route.destination.family();
      if (!left_alone.contains(family)) groups_.push_back(std::move(group));
    }
    ask_place();
    ask_working_defaults();
    ask_gateways();
    keep_without_stand_in();
    for (EntryGroup& group : groups_) plan_group(group);
    return std::move(steps_);
  }

 private:
  template <class Visit>
  void for_each_entry(const Visit& visit) {
    for (EntryGroup& group : groups_) {
      for (int entry = 0; entry < static_cast<int>(group.entries.size()); ++entry) visit(group, entry);
    }
  }

  void ask_place();
  void ask_working_defaults();
  using WorkingDefaults = std::map<Destination, std::vector<IpAddress>>;
  WorkingDefaults working_defaults();
  std::string reason_to_keep(const EntryGroup& group, int entry) const;
  void ask_gateways();
  std::vector<IpAddress> missing_gateways();
  void refuse_unreachable(const OnLink& before, const OnLink& after);
  void keep_without_stand_in();
  std::set<Destination> without_stand_in();
  void plan_group(EntryGroup& group);
  void add_refused(const EntryGroup& group);
  std::vector<PlannedStep> steps_of(const EntryGroup& group, const EntryList& target);
  RestoreOperation operation(const EntryGroup& group, const EntryList& list, const SequenceStep& step) const;
  PlannedStep planned(RestoreOperation operation) const;
  bool carries_others(const StandaloneRoute& route) const;
  std::string deletion_reason(const EntryGroup& group, int entry) const;

  const Snapshot* now_;
  const Snapshot* target_;
  const Place* place_;
  std::vector<EntryGroup> groups_;
  std::set<std::pair<std::string, IpAddress>> going_gateways_;  ///< of the routes that go, with their interfaces
  std::set<IpAddress> hidden_gateways_;                         ///< reachable only once a leftover is gone
  std::vector<PlannedStep> steps_;
};

/// A machine that moved has routes that the target cannot know: they are no leftovers.
std::string RoutePlan::reason_to_keep(const EntryGroup& group, int entry) const {
  const StandaloneRoute& route = group.entries[slot(entry)];
  const Route& in_table = now_->routes->routes[group.now_index[slot(entry)]];
  if (route_owner(*now_, in_table).is_vpn) return {};
  for (const NextHop& hop : route.next_hops.hops) {
    if (is_tunnel(*now_, hop.interface)) return {};
    if (hop.gateway && !place_->is_on_network(hop.interface, *hop.gateway)) return {};
    if (std::string why = place_->other_network(hop.interface); !why.empty()) return why;
    const Family family = hop.gateway ? hop.gateway->family : route.route.destination.family();
    if (place_->has_moved(hop.interface, family)) {
      return fmt::format("{} has moved to another network since, and this route may belong to that", hop.interface);
    }
    if (place_->is_new(hop.interface)) {
      return fmt::format("{} was not there when the baseline was saved, and is no tunnel", hop.interface);
    }
  }
  return {};
}

void RoutePlan::ask_place() {
  for_each_entry([this](EntryGroup& group, int entry) {
    if (group.is_missing(entry)) group.why_not[slot(entry)] = place_->objection(group.entries[slot(entry)]);
    if (!group.is_extra(entry)) return;
    group.why_not[slot(entry)] = reason_to_keep(group, entry);
    if (!group.why_not[slot(entry)].empty()) group.pinned[slot(entry)] = true;
  });
}

/// The gateways of the defaults that would go, and that work as far as can be told: neighbours that answer.
RoutePlan::WorkingDefaults RoutePlan::working_defaults() {
  WorkingDefaults working;
  for_each_entry([&](const EntryGroup& group, int entry) {
    const StandaloneRoute& route = group.entries[slot(entry)];
    if (!route.route.destination.is_default() || !group.is_extra(entry)) return;
    for (const NextHop& hop : route.next_hops.hops) {
      if (place_->is_answering(hop)) working[destination_of(route)].push_back(*hop.gateway);
    }
  });
  return working;
}

/// Two networks may have one prefix: what works today makes way only for a gateway that is known to be the one of then.
void RoutePlan::ask_working_defaults() {
  const WorkingDefaults working = working_defaults();
  std::map<Destination, std::string> refused;
  for_each_entry([&](EntryGroup& group, int entry) {
    const StandaloneRoute& wanted = group.entries[slot(entry)];
    const auto today = working.find(destination_of(wanted));
    if (today == working.end() || !group.is_missing(entry) || !group.why_not[slot(entry)].empty()) return;
    for (const NextHop& hop : wanted.next_hops.hops) {
      if (group.why_not[slot(entry)].empty())
        group.why_not[slot(entry)] = place_->stranger_objection(hop, today->second);
    }
    if (!group.why_not[slot(entry)].empty()) refused.emplace(today->first, group.why_not[slot(entry)]);
  });
  for_each_entry([&](EntryGroup& group, int entry) {
    const auto found = refused.find(destination_of(group.entries[slot(entry)]));
    if (found == refused.end() || !group.is_extra(entry) || !group.why_not[slot(entry)].empty()) return;
    group.why_not[slot(entry)] = found->second;
    group.pinned[slot(entry)] = true;
  });
}

std::vector<IpAddress> RoutePlan::missing_gateways() {
  std::vector<IpAddress> gateways;
  for_each_entry([&](EntryGroup& group, int entry) {
    if (!group.is_missing(entry) || !group.why_not[slot(entry)].empty()) return;
    for (const NextHop& hop : group.entries[slot(entry)].next_hops.hops) {
      if (hop.gateway) gateways.push_back(*hop.gateway);
    }
  });
  return gateways;
}

/// Asks with the routes as they will be, then whether that already holds while the leftovers are still there.
void RoutePlan::ask_gateways() {
  OnLink before(*now_, missing_gateways());
  for_each_entry([&](EntryGroup& group, int entry) {
    const StandaloneRoute& route = group.entries[slot(entry)];
    if (group.is_missing(entry) && group.why_not[slot(entry)].empty() && !has_gateway(route)) before.add(route);
  });
  OnLink after = before;
  for_each_entry([&](EntryGroup& group, int entry) {
    if (!group.is_extra(entry) || !group.why_not[slot(entry)].empty()) return;
    after.remove(group.now_index[slot(entry)]);
    for (const NextHop& hop : group.entries[slot(entry)].next_hops.hops) {
      if (hop.gateway) going_gateways_.emplace(hop.interface, *hop.gateway);
    }
  });
  refuse_unreachable(before, after);
}

void RoutePlan::refuse_unreachable(const OnLink& before, const OnLink& after) {
  for_each_entry([&](EntryGroup& group, int entry) {
    if (!group.is_missing(entry) || !group.why_not[slot(entry)].empty()) return;
    const StandaloneRoute& route = group.entries[slot(entry)];
    for (const NextHop& hop : route.next_hops.hops) {
      if (!after.reaches(hop, route.route.table)) {
        group.why_not[slot(entry)] =
            fmt::format("the gateway {} is not on link through {} now", *hop.gateway, hop.interface);
        return;
      }
      if (!before.reaches(hop, route.route.table)) hidden_gateways_.insert(*hop.gateway);
    }
  });
}

/// Destinations whose own route cannot be restored and that nothing else would serve.
std::set<Destination> RoutePlan::without_stand_in() {
  std::set<Destination> destinations;
  std::set<std::uint32_t> going;
  for_each_entry([&](EntryGroup& group, int entry) {
    const bool refused = !group.why_not[slot(entry)].empty();
    if (group.is_missing(entry) && refused) destinations.insert(destination_of(group.entries[slot(entry)]));
    if (group.is_extra(entry) && !refused) going.insert(group.now_index[slot(entry)]);
  });
  if (destinations.empty()) return destinations;
  for_each_entry([&](EntryGroup& group, int entry) {
    if (group.is_missing(entry) && group.why_not[slot(entry)].empty()) {
      destinations.erase(destination_of(group.entries[slot(entry)]));
    }
  });
  const RouteTable& table = *now_->routes;
  for (std::uint32_t i = 0; i < table.routes.size(); ++i) {
    const Route& route = table.routes[i];
    if (!going.contains(i)) destinations.erase({route.table, route.destination, table.attributes(route).source});
  }
  return destinations;
}

void RoutePlan::keep_without_stand_in() {
  const std::set<Destination> alone = without_stand_in();
  for_each_entry([&](EntryGroup& group, int entry) {
    if (!group.is_extra(entry) || !alone.contains(destination_of(group.entries[slot(entry)]))) return;
    group.why_not[slot(entry)] =
        "nothing would stand in for it, since the baseline's own route cannot be restored here";
    group.pinned[slot(entry)] = true;
  });
}

std::string RoutePlan::deletion_reason(const EntryGroup& group, int entry) const {
  const Route& route = now_->routes->routes[group.now_index[slot(entry)]];
  const Owner owner = route_owner(*now_, route);
  if (!owner.is_vpn) return "the baseline does not have it";
  return fmt::format("{} by {} ({}); the baseline does not have it",
                     leads_into_live_tunnel(*now_, group.entries[slot(entry)]) ? "made" : "left", owner.name,
                     owner.evidence);
}

RestoreOperation RoutePlan::operation(const EntryGroup& group, const EntryList& list, const SequenceStep& step) const {
  RestoreOperation operation;
  operation.object = group.entries[slot(step.entry)];
  operation.source = "baseline";
  switch (step.kind) {
    case SequenceStep::Kind::kDelete:
      operation.action = RestoreAction::kDelete;
      operation.placement = list.size() > 1 ? RoutePlacement::kLast : RoutePlacement::kAlone;
      break;
    case SequenceStep::Kind::kReplaceFirst:
      operation.action = RestoreAction::kReplace;
      break;
    case SequenceStep::Kind::kAddFirst:
      operation.placement = list.empty() ? RoutePlacement::kAlone : RoutePlacement::kFirst;
      break;
    case SequenceStep::Kind::kAddLast:
      operation.placement = list.empty() ? RoutePlacement::kAlone : RoutePlacement::kLast;
      break;
  }
  const int replaced = after_group_step(group, list, step).replaced;
  if (replaced >= 0) operation.replaced = group.entries[slot(replaced)];
  return operation;
}

/// A gateway of a route that goes as well is in it: undone in reverse, it has to be back first.
bool RoutePlan::carries_others(const StandaloneRoute& route) const {
  if (has_gateway(route)) return false;
  return std::ranges::any_of(going_gateways_, [&](const auto& each) {
    const auto is_through = [&](const NextHop& hop) { return hop.interface == each.first; };
    return route.route.destination.contains(each.second) && std::ranges::any_of(route.next_hops.hops, is_through);
  });
}

PlannedStep RoutePlan::planned(RestoreOperation operation) const {
  const auto& route = std::get<StandaloneRoute>(operation.object);
  const bool through_gateway = has_gateway(route);
  const std::int64_t length = route.route.destination.length;
  operation.argv = restore_argv(operation);
  if (operation.action != RestoreAction::kDelete) {
    const auto phase = through_gateway ? RestorePhase::kAddThroughGateway : RestorePhase::kAddOnLink;
    return {phase, -length, std::move(operation)};
  }
  const bool hides = through_gateway && std::ranges::any_of(hidden_gateways_, [&](const IpAddress& gateway) {
                       return route.route.destination.contains(gateway);
                     });
  if (hides) return {RestorePhase::kClearTheWay, length, std::move(operation)};
  const auto phase = carries_others(route) ? RestorePhase::kDeleteCarrier : RestorePhase::kDeleteRoute;
  return {phase, length, std::move(operation)};
}

std::vector<PlannedStep> RoutePlan::steps_of(const EntryGroup& group, const EntryList& target) {
  std::vector<PlannedStep> steps;
  EntryList list = group.now;
  for (const SequenceStep& step : group_steps(group, list, target)) {
    RestoreOperation current = operation(group, list, step);
    const EntryList next = after_group_step(group, list, step).list;
    EntryList back = next;
    for (const SequenceStep& undo : group_steps(group, next, list)) {
      current.undo.push_back(operation(group, back, undo));
      current.undo.back().argv = restore_argv(current.undo.back());
      back = after_group_step(group, back, undo).list;
    }
    if (current.action == RestoreAction::kDelete) {
      current.reason = deletion_reason(group, step.entry);
    } else if (current.replaced) {
      current.reason = fmt::format("the baseline has it in the place of {}", route_text(*current.replaced));
    } else {
      current.reason = "the baseline has it, and it is missing";
    }
    steps.push_back(planned(std::move(current)));
    list = next;
  }
  keep_order(steps);
  return steps;
}

void RoutePlan::add_refused(const EntryGroup& group) {
  for (int entry = 0; entry < static_cast<int>(group.entries.size()); ++entry) {
    if (group.why_not[slot(entry)].empty()) continue;
    RestoreOperation refused;
    const bool is_extra = group.is_extra(entry);
    refused.action = is_extra ? RestoreAction::kDelete : RestoreAction::kAdd;
    refused.object = group.entries[slot(entry)];
    refused.placement = group.now.empty() ? RoutePlacement::kAlone : RoutePlacement::kLast;
    refused.reason = is_extra ? "the baseline does not have it" : "the baseline has it, and it is missing";
    refused.applicable = false;
    refused.why_not = group.why_not[slot(entry)];
    refused.source = "baseline";
    refused.argv = restore_argv(refused);
    steps_.push_back({RestorePhase::kNotApplicable, 0, std::move(refused)});
  }
}

void RoutePlan::plan_group(EntryGroup& group) {
  EntryList target = group.target;
  std::erase_if(target, [&](int entry) { return !group.why_not[slot(entry)].empty(); });
  for (PlannedStep& step : steps_of(group, target)) steps_.push_back(std::move(step));
  add_refused(group);
}

}  // namespace

void keep_order(std::vector<PlannedStep>& steps) {
  for (std::size_t i = steps.size(); i > 1; --i) {
    PlannedStep& earlier = steps[i - 2];
    const PlannedStep& later = steps[i - 1];
    if (std::pair(earlier.phase, earlier.order) <= std::pair(later.phase, later.order)) continue;
    earlier.phase = later.phase;
    earlier.order = later.order;
  }
}

std::vector<PlannedStep> plan_routes(const Snapshot& now, const Snapshot& target, const Place& place,
                                     const Families& left_alone) {
  return RoutePlan(now, target, place).plan(left_alone);
}

}  // namespace vpndoctor
