// SPDX-License-Identifier: Apache-2.0
// The registry's rows of the packet filter. Ordered by code; a retired code keeps its row so that its number is never
// reused.
#pragma once

#include <array>

#include "vpndoctor/codes.h"

namespace vpndoctor {

inline constexpr auto kFirewallCodes = std::to_array<CodeEntry>({
    {"FWL001", "kill-switch-open", Severity::kWarning, "A kill switch does not stop packets",
     "Rules of the packet filter look like a kill switch: they let packets of this machine into a tunnel that they "
     "name "
     "and stop the same ones by another interface, or carry a VPN client's name. Yet packets to "
     "public addresses, sent as if the tunnel were gone, get past every chain (output, postrouting and the device's "
     "egress) and leave by a physical interface. The chains are followed as the kernel does for a new connection "
     "without a mark, of the user who asks: TCP and UDP to port 443, DNS (UDP to port 53) and ICMP. Beside a split "
     "tunnel, where public packets are to "
     "leave, "
     "only a client's own rules count, and those whose tunnel is gone. Remedy: let the rules drop all that leaves by "
     "another interface than the tunnel, except the VPN's own packets."},
    {"FWL002", "kill-switch-one-family", Severity::kWarning, "A kill switch stops one address family alone",
     "Both IPv4 and IPv6 go through a tunnel. As if it were gone, rules that look like a kill switch stop this "
     "machine's "
     "packets of one family, and the other's leave. To block a family that no tunnel carries is healthy. "
     "Remedy: add the same rules for the other family, or use a table of the family inet."},
    {"FWL003", "kill-switch-not-forwarded", Severity::kWarning,
     "A kill switch does not stop what is forwarded for others",
     "As if the tunnel were gone, this machine's own packets are stopped, but it forwards those of containers, virtual "
     "machines or other computers, which pass other chains (forward instead of output) and leave by a physical "
     "interface. It is told where a tunnel carries the family, or rules look like a kill switch. Remedy: drop them in "
     "a "
     "chain of the hook forward as well."},
    {"FWL004", "kill-switch-missing", Severity::kNotice, "No kill switch",
     "All public traffic goes through a tunnel, and nothing stops it from leaving in clear when the tunnel is gone: "
     "neither the packet filter nor the routes that are left. It is told only where a tunnel carries everything. "
     "Remedy, "
     "where that matters: the VPN client's own kill switch; rules that drop what leaves by another interface; or an "
     "unreachable default route in a table that is asked after the tunnel's."},
});

}  // namespace vpndoctor
