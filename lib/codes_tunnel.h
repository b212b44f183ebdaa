// SPDX-License-Identifier: Apache-2.0
// The registry's rows of tunnels. Ordered by code; a retired code keeps its row so that its number is never reused.
#pragma once

#include <array>

#include "vpndoctor/codes.h"

namespace vpndoctor {

inline constexpr auto kTunnelCodes = std::to_array<CodeEntry>({
    {"TUN001", "dead-tunnel-in-use", Severity::kError, "A dead tunnel still holds routes or names",
     "The tunnel interface has no carrier: no program reads what is sent into it, or its other end is gone. Routes, "
     "rules or resolver scopes still lead there, so that what they are for vanishes in silence. A VPN client that was "
     "killed leaves this behind when its interface is persistent. Where the state of the tunnel is unknown, as without "
     "root, the finding says no more than that there is no carrier, and is likely instead of proven. Remedy: start the "
     "VPN again, or take the routes, the "
     "rules and the interface away. Then what was meant for the tunnel leaves in clear."},
    {"TUN002", "hung-tunnel", Severity::kError, "A program holds the tunnel and does not read from it",
     "Packets are handed to the tunnel interface and the counter of those that its program has read stays where it is: "
     "the program is stopped, hangs, or has lost its connection and waits. Everything that is sent into the tunnel "
     "vanishes. It is only concluded from two looks between which packets were sent; a still tunnel is never called "
     "hung. It is proven where the program is stopped, and likely where it may only pause. Remedy: let a stopped "
     "program go on (kill -CONT), or restart the VPN."},
    {"TUN003", "dead-tunnel-session", Severity::kError, "The tunnel's other end does not answer any more",
     "The last handshake of the WireGuard tunnel is older than 180 seconds, when its keys expire, and packets are sent "
     "into it while none come back. The server is gone or cannot be reached, or it does not know this machine's key "
     "any "
     "more. It is a warning when no route leads into the tunnel. A tunnel that nobody sends into, or that never shook "
     "hands, is not reported. Remedy: see whether the server can be reached, then restart the VPN."},
    {"TUN004", "tunnel-left-behind", Severity::kWarning, "A tunnel interface is left over",
     "The tunnel interface has no owner any more, and neither routes nor resolver scopes use it. It does no harm by "
     "itself; a client that wants to make an interface of that name, or finds it and takes it for its own, may fail. "
     "Remedy: delete the interface, unless a program is to open it later."},
    {"TUN005", "expected-tunnel-missing", Severity::kError, "The expected VPN is not there",
     "With --expect or --vpn a tunnel should carry this machine's traffic. There is none, or not the one that was "
     "named, or it is no tunnel, down, dead, hung, stopped or left behind. A VPN that crashed and took its interface "
     "with it "
     "looks like a machine without a VPN; this finding tells the two apart. Remedy: start the VPN."},
    {"TUN006", "coverage-not-as-expected", Severity::kError, "The VPN carries something else than expected",
     "With --expect full all public addresses should be routed through a tunnel or nowhere; with --expect split a part "
     "of them. The routing tables say otherwise, or the tunnel that was named with --vpn is not the one that carries "
     "them: another tunnel in its place is not enough, nor is the network of its own addresses. It is concluded from "
     "the tables alone. Remedy: correct what decides it in the VPN's configuration (AllowedIPs with WireGuard, "
     "redirect-gateway with OpenVPN); vpndoctor routes audit lists the prefixes."},
    {"TUN007", "vpn-remains", Severity::kError, "A VPN that is gone left parts of itself behind",
     "A VPN client ended without cleaning up: its policy rules lead to a table that has no routes any more, its tables "
     "of the packet filter name an interface that is gone, a host route to its server, a kill switch interface or a "
     "control socket are left. What was meant for its tunnel leaves this machine in clear, or not at all where a kill "
     "switch remains. Only a socket, or a host route where a lease that was not read may have asked for it, is a "
     "warning, and so is a table of the packet filter alone that stops all packets to public addresses while the "
     "tunnel "
     "that it names is gone: it may be wanted so (lockdown mode). A host route counts when it leads to a public "
     "address by the gateway of the default route, without a "
     "protocol or metric of its own; others are an administrator's. Every further crash adds to it. Where "
     "more than 16 lead there, they are somebody's list and nothing is said of them. Remedy: take the remains away in "
     "the order that is given, and start the VPN again; beside a dead tunnel they go with it."},
    {"TUN008", "remains-grow", Severity::kWarning, "More dead tunnels or remains of VPNs than before",
     "Since the saved state that this one is compared with, the number of dead tunnel interfaces or of rules that lead "
     "nowhere has grown: a VPN client leaves something behind again and again. On macOS utun interfaces are counted "
     "that nothing uses and that are none of the system's own; how many there are is no evidence by itself. Remedy: "
     "restart or update the client that makes them; a restart of the machine clears them."},
    {"TUN009", "tunnel-holder-stopped", Severity::kWarning, "The program that holds the tunnel is stopped",
     "The process that holds the tunnel interface is stopped (by SIGSTOP, by a terminal or by a debugger). Nothing was "
     "sent into the tunnel while it was watched, so nothing was lost yet; it carries nothing until the process goes "
     "on. "
     "Remedy: kill -CONT, or restart the VPN."},
    {"TUN010", "ipsec-left-behind", Severity::kError, "IPsec policies take traffic that nothing encrypts any more",
     "The kernel has IPsec policies that ask for a security association which it does not have, and nobody listens on "
     "UDP port 500 or 4500 who would make one: an IKE daemon (strongSwan, Libreswan) was killed and left its policies. "
     "What they are for does not leave at all. It is likely and not proven, since a daemon may be set to other ports. "
     "Remedy: start the daemon again, or delete the policies (ip xfrm policy); then what they were for leaves in "
     "clear."},
});

}  // namespace vpndoctor
