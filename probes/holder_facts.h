// SPDX-License-Identifier: Apache-2.0
// What the likely holders of a tun or tap device tell of its kind.
#pragma once

#include "tun_holder.h"
#include "tunnel_kind.h"

namespace vpndoctor {

/// Looks at the names of the device's holders, and of a tun at their control sockets: WireGuard carries no frames.
TunHolderFacts holder_facts(const Link& link, const TunHolders& found);

}  // namespace vpndoctor
