// SPDX-License-Identifier: Apache-2.0
// IPsec that a crash left behind: policies that ask for what nobody does any more. Pure.
#pragma once

#include <string>
#include <vector>

#include "vpndoctor/snapshot.h"

namespace vpndoctor {

/// Policies for outgoing packets that ask for a transformation which no state does, while no IKE daemon listens that
/// would make one when a packet asks for it (RFC 7296 section 2: UDP port 500 or 4500); in the snapshot's order. Empty
/// where that is not known.
std::vector<const XfrmPolicy*> unserved_ipsec(const Snapshot& snapshot);

/// Why it is not known whether some policy is unserved, a phrase; empty when it is.
std::string unserved_ipsec_undecided(const Snapshot& snapshot);

}  // namespace vpndoctor
