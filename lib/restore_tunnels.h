// SPDX-License-Identifier: Apache-2.0
// Which tunnels are in use while a plan takes their routes away: what they made is no leftover.
#pragma once

#include <optional>
#include <string>

#include "vpndoctor/restore_plan.h"
#include "vpndoctor/route_owner.h"

namespace vpndoctor {

/// True for a tunnel that is up and not dead.
bool is_live_tunnel(const Snapshot& now, const std::string& interface);

/// True when a leg of the route goes through a tunnel that is up and not dead.
bool leads_into_live_tunnel(const Snapshot& now, const StandaloneRoute& route);

/// True when an interface of that owner is such a tunnel.
bool is_client_alive(const Snapshot& now, const Owner& owner);

/// The program that holds it: "openvpn"; empty: not known, or none does.
std::string holder_of(const Snapshot& now, const std::string& interface);

}  // namespace vpndoctor
