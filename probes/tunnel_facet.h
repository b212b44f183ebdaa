// SPDX-License-Identifier: Apache-2.0
// Looks at every tunnel of this namespace: its kind, who holds it, where its outer packets go. Keys are never read into
// a value.
#pragma once

#include <vector>

#include "vpndoctor/snapshot.h"

namespace vpndoctor {

/// Reads /proc for holders, generic netlink and control sockets for WireGuard. What this user may not see is said in
/// each tunnel's `not_seen`. Takes a snapshot whose links are known.
Observed<std::vector<Tunnel>> read_tunnels(const Snapshot& snapshot);

}  // namespace vpndoctor
