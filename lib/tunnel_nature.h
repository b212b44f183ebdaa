// SPDX-License-Identifier: Apache-2.0
// Interfaces that are a VPN's tunnel or something else: what would tell may be hidden.
#pragma once

#include <string>
#include <string_view>

#include "vpndoctor/snapshot.h"

namespace vpndoctor {

/// Why it is not known whether the interface is a VPN's, a sentence without its full stop: a PPP interface may be the
/// line to a provider, a tap device a virtual machine's. Empty for one of which it is known, and for other interfaces.
std::string why_nature_unknown(const Snapshot& snapshot, std::string_view interface);

}  // namespace vpndoctor
