// SPDX-License-Identifier: Apache-2.0
// The registry's rows of what a capture on the physical interfaces shows. Ordered by code; a retired code keeps its row
// so that its number is never reused.
#pragma once

#include <array>

#include "vpndoctor/codes.h"

namespace vpndoctor {

inline constexpr auto kCaptureCodes = std::to_array<CodeEntry>({
    {"LEK030", "captured-leak", Severity::kError, "Packets left outside the tunnel",
     "A capture on a physical interface saw packets of this machine whose destination the routing tables, or --expect "
     "full, put into a tunnel. A program bound itself to the interface (SO_BINDTODEVICE), marked its packets, or the "
     "machine forwards for others. Link-local and LAN traffic, multicast, DHCP, the tunnels' own outer packets, and "
     "answers to what came from outside are none. It is likely, not proven, where only the middle of TCP connections "
     "was captured. Remedy: take the binding out of the program that is named, or block what does not leave by the "
     "tunnel with a packet filter."},
    {"LEK031", "captured-dns-leak", Severity::kError, "DNS questions left outside the tunnel",
     "A capture on a physical interface saw questions to a name server that belong into a tunnel: DNS, DNS over TLS or "
     "QUIC, or HTTPS to an address that is known for DNS over HTTPS. Whoever owns the network in between sees which "
     "names this machine looks up. Remedy: vpndoctor dns says which program asks which server, and by which rule."},
    {"LEK032", "captured-ipv6-leak", Severity::kError, "IPv6 packets left outside the tunnel",
     "A capture on a physical interface saw IPv6 packets of this machine that belong into a tunnel. Often the VPN "
     "carries IPv4 alone while the network offers IPv6. Remedy: let the VPN carry or block IPv6."},
    {"LEK033", "captured-server-traffic", Severity::kWarning, "Other packets to the VPN server left in clear",
     "A VPN that carries everything lets packets to its own server out by a route of their own. A capture saw packets "
     "to that address that are not the tunnel's: whatever makes a program talk to the server's address, for instance a "
     "forged DNS answer, brings its packets outside (TunnelCrack, CVE-2023-36673). Remedy: a VPN that lets out its own "
     "packets by mark or by socket, not by the server's address."},
    {"LEK034", "capture-dropped", Severity::kWarning, "The capture lost packets",
     "The kernel had packets for the capture that were not fetched in time and are not judged. Leaks that were seen "
     "are leaks; that there are no others is not shown. Remedy: capture on one interface, or while the machine does "
     "less."},
});

}  // namespace vpndoctor
