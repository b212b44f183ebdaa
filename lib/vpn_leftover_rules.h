// SPDX-License-Identifier: Apache-2.0
// The policy rules that VPN clients left behind when they crashed.
#pragma once

#include <optional>
#include <string_view>

#include "vpn_leftovers.h"

namespace vpndoctor {

/// Adds the rules that lead to a tunnel that is gone, with those that stand beside them, and what is to be said of it.
void find_leftover_rules(const Snapshot& now, VpnLeftovers& found);

/// Whether an interface of the VPN client of that name is there; nullopt when it cannot be told: the links are not all
/// known, or a tunnel in use is nobody's that is known, and may be the client's.
std::optional<bool> is_client_here(const Snapshot& now, std::string_view name);

}  // namespace vpndoctor
