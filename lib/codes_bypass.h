// SPDX-License-Identifier: Apache-2.0
// The registry's rows of probes past the tunnel. Ordered by code; a retired code keeps its row so that its number is
// never reused.
#pragma once

#include <array>

#include "vpndoctor/codes.h"

namespace vpndoctor {

inline constexpr auto kBypassCodes = std::to_array<CodeEntry>({
    {"LEK040", "bypass-possible", Severity::kNotice, "A program can pass the tunnel by",
     "Probes that were bound to a physical interface (SO_BINDTODEVICE, which needs no privilege) left this machine "
     "outside the tunnel, and a router or the target answered. Any program can do the same: torrent clients, some "
     "browsers' WebRTC, VPN and DHCP clients and network managers do. Ordinary programs do not: what they send still "
     "goes into the tunnel. It is so on every machine whose packet filter does not forbid it, hence a notice. Remedy, "
     "where nothing may leave outside: a kill switch, which lets only the tunnel's own packets out by the physical "
     "interfaces."},
});

}  // namespace vpndoctor
