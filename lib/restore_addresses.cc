// SPDX-License-Identifier: Apache-2.0
// The addresses of dead tunnels: as long as one is there, the kernel keeps the routes that it made for it. Their
// deletion is offered, never needed.
#include <fmt/format.h>

#include <algorithm>

#include "restore_entries.h"
#include "restore_steps.h"
#include "vpn_leftovers.h"

namespace vpndoctor {
namespace {

bool has_address(const Snapshot& snapshot, const Address& wanted) {
  return std::ranges::any_of(*snapshot.addresses, [&](const Address& each) {
    return each.interface == wanted.interface && each.address == wanted.address &&
           each.prefix_length == wanted.prefix_length;
  });
}

bool is_secondary(const Address& address) {
  return address.address.family == Family::kInet && (address.flags & kAddressSecondary) != 0;
}

/// The kernel takes the secondary addresses of a prefix away with its first one.
bool is_of_one_prefix(const Address& left, const Address& right) {
  return left.interface == right.interface && left.on_link() == right.on_link();
}

/// Secondary addresses go first: undone in reverse, each of them comes back after the one that it follows.
PlannedStep offer(const Address& address) {
  PlannedStep step;
  step.phase = RestorePhase::kDeleteAddress;
  step.order = is_secondary(address) ? 0 : 1;
  step.operation.action = RestoreAction::kDelete;
  step.operation.object = address;
  step.operation.optional = true;
  step.operation.source = "baseline";
  step.operation.reason = fmt::format(
      "no program holds the tunnel {} any more; its address keeps the kernel's routes to it", address.interface);
  step.operation.argv = restore_argv(step.operation);
  return step;
}

/// True for an address of a dead tunnel that the target does not have.
bool is_left_over(const Snapshot& target, const Address& address) {
  const bool is_link_local = address.address.family == Family::kInet6 && address.address.is_link_local();
  return !is_link_local && !has_address(target, address);
}

}  // namespace

std::vector<PlannedStep> plan_addresses(const Snapshot& now, const Snapshot& target) {
  if (!now.addresses || !target.addresses.is_complete()) return {};
  std::vector<const Address*> going;
  std::vector<const Address*> staying;
  for (const Address& address : *now.addresses) {
    const Link* link = now.find_link(address.interface);
    if (link == nullptr || !is_dead_tunnel(now, *link)) continue;
    (is_left_over(target, address) ? going : staying).push_back(&address);
  }
  std::vector<PlannedStep> steps;
  for (const Address* address : going) {
    const bool would_take_others = !is_secondary(*address) && std::ranges::any_of(staying, [&](const Address* each) {
      return is_secondary(*each) && is_of_one_prefix(*each, *address);
    });
    if (!would_take_others) steps.push_back(offer(*address));
  }
  return steps;
}

void note_undecided_addresses(const Snapshot& now, const Snapshot& target, RestorePlan& plan) {
  if (!now.links || !now.addresses || !target.addresses.is_complete()) return;
  for (const Link& link : *now.links) {
    const std::string why = undecided_death(now, link);
    if (why.empty() || std::ranges::none_of(*now.addresses, [&](const Address& address) {
          return address.interface == link.name && is_left_over(target, address);
        })) {
      continue;
    }
    plan.notes.push_back(why + "; its addresses are left alone");
  }
}

}  // namespace vpndoctor
