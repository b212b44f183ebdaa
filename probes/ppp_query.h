// SPDX-License-Identifier: Apache-2.0
// Looks at the pppd behind a PPP interface: its plugins, its line, who started it. What it says of its secrets is not
// kept.
#pragma once

#include <string>

#include "vpndoctor/tunnel.h"

namespace vpndoctor {

/// Puts what the interface is for into `tunnel`, with the pppd that holds it; `not_seen` says why that is not known.
/// `root`: where /run and /proc are, "" for the machine's own.
void take_ppp_use(const std::string& root, Tunnel& tunnel);

}  // namespace vpndoctor
