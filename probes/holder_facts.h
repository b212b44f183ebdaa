// SPDX-License-Identifier: Apache-2.0
// What the likely holders of a tun or tap device tell of its kind.
#pragma once

#include <string>

#include "tun_holder.h"
#include "tunnel_kind.h"

namespace vpndoctor {

/// Looks at the holders' names and control sockets.
TunHolderFacts holder_facts(const std::string& interface, const TunHolders& found);

}  // namespace vpndoctor
