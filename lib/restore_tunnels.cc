// SPDX-License-Identifier: Apache-2.0
// Tunnels in use; see the header.
#include "restore_tunnels.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "restore_steps.h"
#include "vpn_leftovers.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {

bool is_live_tunnel(const Snapshot& now, const std::string& interface) {
  const Link* link = now.find_link(interface);
  return link != nullptr && link->is_running() && is_tunnel(now, interface) && !is_dead_tunnel(now, *link);
}

bool leads_into_live_tunnel(const Snapshot& now, const StandaloneRoute& route) {
  return std::ranges::any_of(route.next_hops.hops,
                             [&](const NextHop& hop) { return is_live_tunnel(now, hop.interface); });
}

bool is_client_alive(const Snapshot& now, const Owner& owner) {
  return now.links && std::ranges::any_of(*now.links, [&](const Link& link) {
           return is_live_tunnel(now, link.name) &&
                  (link_owner(now, link).name == owner.name || (owner.name == "wg-quick" && link.kind == "wireguard"));
         });
}

std::string holder_of(const Snapshot& now, const std::string& interface) {
  const Tunnel* tunnel = now.find_tunnel(interface);
  return tunnel == nullptr ? std::string() : tunnel->holder_name;
}

void note_live_tunnels(const Snapshot& now, RestorePlan& plan) {
  std::set<std::string> losers;
  for (const RestoreOperation& operation : plan.operations) {
    const auto* route = std::get_if<StandaloneRoute>(&operation.object);
    if (route == nullptr || !operation.is_pending()) continue;
    const StandaloneRoute* gone = operation.action == RestoreAction::kDelete ? route
                                  : operation.replaced                       ? &*operation.replaced
                                                                             : nullptr;
    if (gone == nullptr) continue;
    for (const NextHop& hop : gone->next_hops.hops) {
      if (is_live_tunnel(now, hop.interface)) losers.insert(hop.interface);
    }
  }
  for (const std::string& name : losers) {
    const std::string holder = escape_controls(holder_of(now, name));
    plan.notes.push_back(fmt::format("the tunnel {} is up{}: this takes its routes away; stop the VPN first",
                                     escape_controls(name), holder.empty() ? "" : ", held by " + holder));
    plan.managers.push_back({holder.empty() ? escape_controls(name) : holder,
                             fmt::format("{} is up and loses routes", escape_controls(name))});
  }
}

}  // namespace vpndoctor
