// SPDX-License-Identifier: Apache-2.0
// Finds and reads what configures the physical interfaces of this machine: leases and configuration files of
// systemd-networkd, NetworkManager, dhclient, dhcpcd and ifupdown. Decides nothing.
#pragma once

#include <string>

#include "vpndoctor/configured_state.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// Reads every source that this machine has, below the folder `root` (empty: the machine's own files).
ConfiguredState read_configured_state(const Snapshot& now, const std::string& root = {});

}  // namespace vpndoctor
