// SPDX-License-Identifier: Apache-2.0
// The registry's rows of what the tables let out beside a VPN. Ordered by code; a retired code keeps its row so that
// its number is never reused.
#pragma once

#include <array>

#include "vpndoctor/codes.h"

namespace vpndoctor {

inline constexpr auto kLeaksCodes = std::to_array<CodeEntry>({
    {"LEK001", "ipv6-outside-tunnel", Severity::kError, "IPv6 leaves outside the tunnel that takes all IPv4",
     "All IPv4 goes through the VPN, but this machine has a public IPv6 address and an IPv6 default route beside the "
     "tunnel, mostly by router advertisement. Programs prefer IPv6: the network sees what is visited, and whoever is "
     "visited sees the address that it gave to this machine. A packet filter that drops such packets is taken into "
     "account as far as it could be read. Remedy: let the VPN carry IPv6 (AllowedIPs = ::/0, redirect-gateway ipv6), "
     "or refuse IPv6 while it is up."},
    {"LEK002", "dhcp-route-past-tunnel", Severity::kError, "The network's DHCP server routes addresses past the tunnel",
     "The DHCP lease of an interface has routes of its own (option 121, RFC 3442) that are more specific than the "
     "tunnel's, and without them their addresses would go through the tunnel. Anybody on the local network can answer "
     "DHCP, so anybody there can read or redirect this traffic although the VPN says that it is connected "
     "(TunnelVision, CVE-2024-3661). The interface's own network, its gateway and the addresses of cloud platforms do "
     "not count. It is a warning where only private networks of a split tunnel are pulled out. Remedy: delete the "
     "routes, and let the DHCP client ignore the option; use a network that one trusts."},
    {"LEK003", "route-past-tunnel", Severity::kWarning, "A more specific route leads public addresses past the tunnel",
     "A route beside the tunnel is more specific than the tunnel's, and without it its addresses would go through the "
     "tunnel. It is an error where a router advertisement made it (RFC 4191), a warning where DHCP made it but no "
     "lease "
     "was found that says so, or where leases could not be read; a notice where neither is the case: then somebody set "
     "it, often on purpose. Remedy: delete the route unless it is meant."},
    {"LEK004", "local-network-too-large", Severity::kWarning, "The local network covers public addresses",
     "What lies on the local network stays outside the tunnel. Here the network claims public addresses: traffic to "
     "the "
     "real owners of these addresses stays on the local network in clear (TunnelCrack LocalNet, CVE-2023-36672). It is "
     "a "
     "warning where the network is larger than real ones are, or on a wireless network with public addresses; a notice "
     "where it is the size of a server's own network, or private but larger than a /16. An IPv6 prefix that a router "
     "advertises as on the link is such a network too: a notice where it is a /64 that this machine has no address of. "
     "Remedy: leave the network, or let the VPN take the local network as well."},
    {"LEK005", "server-reached-in-clear", Severity::kNotice,
     "All packets to the VPN server's address pass the tunnel by",
     "A host route leads to the VPN server outside the tunnel, as it must for the tunnel's own packets; it takes every "
     "other packet to that address as well, a web site on the same server for example. Who can forge DNS answers can "
     "make other names lead there (TunnelCrack ServerIP, CVE-2023-36673). Clients that mark their own packets "
     "(wg-quick) need no such route. Remedy: a filter that lets nothing but the tunnel's own port out to it."},
    {"LEK006", "resolver-outside-tunnel", Severity::kError,
     "All traffic goes through a tunnel, but names are asked outside",
     "The tunnel takes all traffic, yet a DNS server that this machine asks is reached outside of it: the local "
     "network "
     "sees the name of everything that is visited. What was found in detail is what vpndoctor dns show says; the "
     "finding names its code (DNS004, DNS005, DNS012, DNS016 or DNS018) and has its severity. Remedy: that of the "
     "named "
     "code."},
    {"LEK007", "interface-can-be-bound", Severity::kNotice, "Programs can pass the tunnel by on purpose",
     "A program that binds its socket to the physical interface (SO_BINDTODEVICE, which needs no privilege since Linux "
     "5.7, or IP_BOUND_IF) sends its packets outside of the tunnel: routes do not keep it, and no packet filter that "
     "could be read does. Remedy: a kill switch. vpndoctor leaks --active "
     "HOST proves it."},
    {"LEK008", "rule-past-tunnel", Severity::kNotice, "A rule sends some packets past the tunnel",
     "A rule of policy routing sends the packets of some users, ports, marks or addresses outside of the tunnel that "
     "takes all others. Rules that a known VPN client needs for its own packets do not count. Remedy: delete the rule "
     "unless it is meant."},
    {"LEK009", "forwarded-past-tunnel", Severity::kWarning, "What is forwarded for others passes the tunnel by",
     "This machine forwards the packets of containers, virtual machines or other computers, and the routes send these "
     "outside, while its own packets go through the tunnel: the rule that leads into the tunnel looks at local "
     "packets, "
     "users or source addresses alone. Others may be behind each interface that is up and has addresses on its link, "
     "while packets from there are forwarded, unless it is a tunnel or this machine's own way to the world. A packet "
     "filter that drops them is taken into account as far as it could be read. Remedy: a rule that sends what comes in "
     "by the interface into the tunnel's table."},
    {"LEK010", "dead-tunnel-lets-out", Severity::kError,
     "A dead tunnel's routes are skipped, and its traffic leaves in clear",
     "The tunnel interface has no carrier: no program holds it. Normally its routes stay in force and traffic is lost, "
     "which leaks nothing. With net.ipv4.conf.*.ignore_routes_with_linkdown (or its IPv6 twin) the kernel skips such "
     "routes, and the packets take the next best way, outside. It is a notice while the tunnel is alive. Remedy: set "
     "the setting to 0; start the VPN again."},
    {"LEK011", "two-physical-defaults", Severity::kNotice, "Two physical interfaces have a default route",
     "Beside the tunnel two physical interfaces lead everywhere, a cable and a wireless network for example. When the "
     "first one goes, the tunnel's own packets and all that passes it by change over to the other. Nothing is wrong; "
     "findings about one of them may hold for the other as well."},
    {"LEK012", "tunnel-address-exposed", Severity::kNotice, "The tunnel's address answers to the local network",
     "A packet to the tunnel's address that arrives from the local network is taken: the reverse path filter is not "
     "strict on that interface, and no packet filter drops it. Who is on the same network can find the address out, "
     "and "
     "try to guess what goes on in connections through the tunnel (CVE-2019-14899). Remedy: "
     "net.ipv4.conf.IF.rp_filter=1, or a filter as wg-quick sets it."},
    {"LEK013", "filter-past-tunnel", Severity::kError, "The packet filter sends packets past the tunnel",
     "The routing tables lead this machine's packets into the tunnel, but a chain of the type route at the hook output "
     "(iptables: OUTPUT of the table mangle) gives them a mark, and they are routed again: with that mark a rule leads "
     "outside, and they leave in clear. Often it is the mark of the VPN's own packets, set on all. It is found by "
     "following new TCP, UDP and ICMP packets to a public address through the rules; where their conditions cannot be "
     "followed it is not decided. Remedy: mark only what is meant to pass the tunnel by."},
    {"LEK014", "ipv4-outside-tunnel", Severity::kWarning, "IPv4 leaves outside the tunnel that takes all IPv6",
     "All IPv6 goes through the VPN, and IPv4 leaves beside it. A VPN that is there to bring IPv6 to a network without "
     "it does just that, so this is a warning; a tunnel of IPv6 in IPv4 (sit, 6in4, GRE) is not reported. Remedy: let "
     "the VPN carry IPv4 as well (AllowedIPs = 0.0.0.0/0, redirect-gateway)."},
});

}  // namespace vpndoctor
