// SPDX-License-Identifier: Apache-2.0
// The pieces that a restore plan is put together from: what each part of the planner hands to the one that orders them.
#pragma once

#include <compare>
#include <cstdint>
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

/// Plans all routes.
std::vector<PlannedStep> plan_routes(const Snapshot& now, const Snapshot& target, const Place& place);
/// Plans all rules. `refused` are the routes of the target that cannot be restored.
std::vector<PlannedStep> plan_rules(const Snapshot& now, const Snapshot& target,
                                    const std::vector<PlannedStep>& route_steps);
/// Offers to delete the addresses of dead tunnels that the target does not have.
std::vector<PlannedStep> plan_addresses(const Snapshot& now, const Snapshot& target);

/// Names the managers that own what the plan touches.
std::vector<TableManager> managers_of(const Snapshot& now, const std::vector<RestoreOperation>& operations);

/// The same for routes of macOS, as commands of route(8).
std::vector<PlannedStep> plan_macos_routes(const Snapshot& now, const Snapshot& target, const Place& place);

}  // namespace vpndoctor
