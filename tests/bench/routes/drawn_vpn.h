// SPDX-License-Identifier: Apache-2.0
// Machines with a VPN and very many routes beside it, for what is judged of all of them.
#pragma once

#include "vpndoctor/snapshot.h"

namespace vpndoctor {

/// A router with a million IPv4 and 150,000 IPv6 routes of random lengths through eth0, by eight neighbours, and rules
/// as wg-quick makes them, which take what only the default would.
Snapshot draw_full_table();

/// A client whose tunnel takes all of IPv4 by two halves, beside 100,000 longer routes through eth0.
Snapshot draw_halves();

}  // namespace vpndoctor
