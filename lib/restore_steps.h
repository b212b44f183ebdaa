// SPDX-License-Identifier: Apache-2.0
// The pieces that a restore plan is put together from: what each part of the planner hands to the one that orders them.
#pragma once

#include <compare>
#include <cstdint>
#include <set>
#include <vector>

#include "restore_place.h"
#include "restore_sequence.h"
#include "vpndoctor/restore_plan.h"

namespace vpndoctor {

/// When a step is due. What carries others comes before them, what stands in before what it stands in for, and a table
/// is filled before a rule leads there and emptied after the last rule that did.
enum class RestorePhase : std::uint8_t {
  kClearTheWay,  ///< a leftover hides a gateway that is needed, or refuses packets
  kAddOnLink,
  kAddThroughGateway,
  kAddRule,
  kDeleteRule,
  kDeleteRoute,
  kDeleteCarrier,
  kDeleteAddress,
  kNotApplicable,
};

struct PlannedStep {
  RestorePhase phase = RestorePhase::kNotApplicable;
  std::int64_t order = 0;  ///< within the phase, ascending
  RestoreOperation operation;
};

/// Keeps the order of the steps of one key: none is due later than the next.
void keep_order(std::vector<PlannedStep>& steps);

/// Families that the target says nothing about.
using Families = std::set<Family>;

/// Plans all routes, apart from those of the families that are left alone.
std::vector<PlannedStep> plan_routes(const Snapshot& now, const Snapshot& target, const Place& place,
                                     const Families& left_alone);
/// Plans all rules. `route_steps` is what happens to the tables that they lead to.
std::vector<PlannedStep> plan_rules(const Snapshot& now, const Snapshot& target,
                                    const std::vector<PlannedStep>& route_steps, const Families& left_alone);
/// Offers to delete the addresses of dead tunnels that the target does not have.
std::vector<PlannedStep> plan_addresses(const Snapshot& now, const Snapshot& target);
/// Says which of them are not offered because nobody knows whether the tunnel is dead.
void note_undecided_addresses(const Snapshot& now, const Snapshot& target, RestorePlan& plan);

/// Names the managers that own what the plan touches.
std::vector<TableManager> managers_of(const Snapshot& now, const std::vector<RestoreOperation>& operations);
/// Says which tunnels that are up lose routes; who holds them counts as a manager.
void note_live_tunnels(const Snapshot& now, RestorePlan& plan);

/// The same for routes of macOS, as commands of route(8).
std::vector<PlannedStep> plan_macos_routes(const Snapshot& now, const Snapshot& target, const Place& place);

}  // namespace vpndoctor
