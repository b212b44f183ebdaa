// SPDX-License-Identifier: Apache-2.0
// Names what filters outgoing packets beside nf_tables: iptables-legacy, eBPF, traffic control. Asks nothing that would
// make the kernel load or create it. What cannot be asked is left out.
#pragma once

#include <vector>

#include "vpndoctor/firewall.h"
#include "vpndoctor/network.h"

namespace vpndoctor {

/// Adds to `firewall.others` and `firewall.device_filters`.
void find_other_filters(const std::vector<Link>& links, Firewall& firewall);

}  // namespace vpndoctor
