// SPDX-License-Identifier: Apache-2.0
// How a kill switch is made, in the words and commands that all checks of what passes a tunnel by share.
#pragma once

#include <string>

#include "vpndoctor/finding.h"
#include "vpndoctor/snapshot.h"

namespace vpndoctor {

/// Advises the client's own kill switch, or rules that refuse what leaves by the interface unless it is a tunnel's own:
/// by the mark of its packets, else by its server. Where a tunnel shows neither, or nft(8) does not take the name of
/// the interface as it is, no rules are offered: they would end the tunnel.
void add_kill_switch_steps(const Snapshot& snapshot, const std::string& interface, Finding& finding);

}  // namespace vpndoctor
