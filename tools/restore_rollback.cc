// SPDX-License-Identifier: Apache-2.0
// The way back and its proof; see the header.
#include "restore_rollback.h"

#include <fmt/format.h>

#include <algorithm>

#include "vpndoctor/apply_plan.h"
#include "vpndoctor/collect.h"

namespace vpndoctor {
namespace {

constexpr RestoreOptions kReturn = {.is_return = true};

/// The kernel takes more addresses away than it was told to: those that came with the deleted one. What has a lifetime
/// comes and goes by itself.
void find_lost_addresses(const Snapshot& before, const Snapshot& now, RollBack& result) {
  if (!before.addresses || !now.addresses) return;
  for (const Address& old : *before.addresses) {
    const bool is_there = std::ranges::any_of(*now.addresses, [&](const Address& each) {
      return each.interface == old.interface && each.address == old.address && each.prefix_length == old.prefix_length;
    });
    if (is_there || old.valid_seconds) continue;
    result.messages.push_back(
        fmt::format("the address {}/{} of {} is gone", old.address, old.prefix_length, old.interface));
  }
}

RollBack compare(const Snapshot& before, const Snapshot& now, const RestorePlan& way_back) {
  RollBack result;
  for (const RestoreOperation& each : way_back.operations) {
    if (each.optional) continue;
    result.messages.push_back(fmt::format("still to be done to be back: {}", fmt::join(each.argv, " ")));
  }
  find_lost_addresses(before, now, result);
  result.complete = result.messages.empty();
  return result;
}

RollBack unreadable(const Error& error) { return {false, {"the state could not be read back: " + error.message}}; }

}  // namespace

RollBack check_rolled_back(const Snapshot& before) {
  const auto now = collect_snapshot({.tunnels = false});
  if (!now) return unreadable(now.error());
  return compare(before, *now, plan_restore(*now, before, kReturn));
}

RollBack roll_back(const RollBackRequest& request) {
  // Where it is not known how far the plan went, the way back is planned from what is there. What could not be undone
  // is seen there as well.
  if (request.is_applied) undo_plan(*request.plan, request.optional_too).value_or(ApplyOutcome{});
  const auto now = collect_snapshot({.tunnels = false});
  if (!now) return unreadable(now.error());
  const RestorePlan way_back = plan_restore(*now, *request.before, kReturn);
  if (way_back.pending() == 0) return compare(*request.before, *now, way_back);
  const auto applied = apply_plan(way_back);
  if (!applied) return {false, {applied.error().message}};
  return check_rolled_back(*request.before);
}

}  // namespace vpndoctor
