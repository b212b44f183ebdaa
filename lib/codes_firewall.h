// SPDX-License-Identifier: Apache-2.0
// The registry's rows of the packet filter. Ordered by code; a retired code keeps its row so that its number is never
// reused.
#pragma once

#include <array>

#include "vpndoctor/codes.h"

namespace vpndoctor {

inline constexpr auto kFirewallCodes = std::to_array<CodeEntry>({
    {"FWL001", "kill-switch-open", Severity::kWarning, "A kill switch does not stop packets",
     "Rules of the packet filter look like a kill switch: they drop packets, and name a tunnel or carry a VPN client's "
     "name. Yet packets of this machine to "
     "public addresses, sent as if the tunnel were gone, get past every chain (output, postrouting and the device's "
     "egress) and leave by a physical interface. The chains are followed as the kernel does for a new connection "
     "without a mark, of the user who asks: TCP, UDP and ICMP. Remedy: let the rules drop all that leaves by another "
     "interface than the tunnel, except the VPN's own packets."},
    {"FWL002", "kill-switch-one-family", Severity::kWarning, "A kill switch stops one address family alone",
     "As if the tunnel were gone, the packet filter stops this machine's packets of one family, IPv4 or IPv6, and lets "
     "the other's out. Remedy: add the same rules for the other family, or use a table of the family inet."},
    {"FWL003", "kill-switch-not-forwarded", Severity::kWarning,
     "A kill switch does not stop what is forwarded for others",
     "As if the tunnel were gone, this machine's own packets are stopped, but it forwards those of containers, virtual "
     "machines or other computers, which pass other chains (forward instead of output) and leave by a physical "
     "interface. Remedy: drop them in a chain of the hook forward as well."},
    {"FWL004", "kill-switch-missing", Severity::kNotice, "No kill switch",
     "All public traffic goes through a tunnel, and nothing stops it from leaving in clear when the tunnel is gone: "
     "neither the packet filter nor the routes that are left. It is told only where a tunnel carries everything. "
     "Remedy, "
     "where that matters: the VPN client's own kill switch; rules that drop what leaves by another interface; or an "
     "unreachable default route in a table that is asked after the tunnel's."},
});

}  // namespace vpndoctor
