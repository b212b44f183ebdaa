// SPDX-License-Identifier: Apache-2.0
// The policy rules that VPN clients left behind when they crashed.
#pragma once

#include "vpn_leftovers.h"

namespace vpndoctor {

/// Adds the rules that lead to a tunnel that is gone, with those that stand beside them, and what is to be said of it.
void find_leftover_rules(const Snapshot& now, VpnLeftovers& found);

}  // namespace vpndoctor
