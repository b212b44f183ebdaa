// SPDX-License-Identifier: Apache-2.0
// The addresses of dead tunnels: as long as one is there, the kernel keeps the routes that it made for it. Their
// deletion is offered, never needed.
#include <fmt/format.h>

#include <algorithm>

#include "restore_entries.h"
#include "restore_steps.h"

namespace vpndoctor {
namespace {

bool has_address(const Snapshot& snapshot, const Address& wanted) {
  return std::ranges::any_of(*snapshot.addresses, [&](const Address& each) {
    return each.interface == wanted.interface && each.address == wanted.address &&
           each.prefix_length == wanted.prefix_length;
  });
}

/// A tunnel device that outlived its program has no carrier.
bool is_dead_tunnel(const Snapshot& now, const std::string& interface) {
  const Link* link = now.find_link(interface);
  return link != nullptr && !link->is_running() && is_tunnel(now, interface);
}

PlannedStep offer(const Address& address) {
  PlannedStep step;
  step.phase = RestorePhase::kDeleteAddress;
  step.operation.action = RestoreAction::kDelete;
  step.operation.object = address;
  step.operation.optional = true;
  step.operation.source = "baseline";
  step.operation.reason = fmt::format(
      "no program holds the tunnel {} any more; its address keeps the kernel's routes to it", address.interface);
  step.operation.argv = restore_argv(step.operation);
  return step;
}

}  // namespace

std::vector<PlannedStep> plan_addresses(const Snapshot& now, const Snapshot& target) {
  std::vector<PlannedStep> steps;
  if (!now.addresses || !target.addresses.is_complete()) return steps;
  for (const Address& address : *now.addresses) {
    const bool is_link_local = address.address.family == Family::kInet6 && address.address.is_link_local();
    if (is_link_local || has_address(target, address) || !is_dead_tunnel(now, address.interface)) continue;
    steps.push_back(offer(address));
  }
  return steps;
}

}  // namespace vpndoctor
