// SPDX-License-Identifier: Apache-2.0
// The registry's rows of routing. Ordered by code; a retired code keeps its row so that its number is never reused.
#pragma once

#include <array>

#include "vpndoctor/codes.h"

namespace vpndoctor {

inline constexpr auto kRoutesCodes = std::to_array<CodeEntry>({
    {"RTE001", "default-route-missing", Severity::kError, "There is no default route",
     "An interface is up and has an address, but most addresses of its family have no route at all: everything beyond "
     "the local networks is unreachable. A VPN that replaced the default route and crashed leaves a machine like this. "
     "It is an error when no family has a default route and something shows that there was one: a route by a router, "
     "an "
     "address that was given for a time, what a VPN left. It is a warning when the other family has one, or nothing "
     "shows that there ever was one, as in an internal network of containers. It is an error as well when no interface "
     "is up, and a notice in a namespace that has none but the loopback. Remedy: vpndoctor routes restore, with a "
     "baseline or with --infer; or renew the DHCP lease; or bring the interface up."},
    {"RTE002", "default-route-dead", Severity::kError, "The default route leads into a dead interface",
     "Most addresses are routed through an interface that is missing, down or without a carrier. Packets are queued or "
     "dropped there in silence: the machine looks connected and nothing works. A VPN client that died and left its "
     "persistent tunnel behind leaves this state. Remedy: start the VPN again, or take its routes away."},
    {"RTE003", "stale-route", Severity::kWarning, "A route leads to an interface that cannot carry it",
     "The route's interface is missing, down or without a carrier, so that packets for this destination vanish, where "
     "without the route another one would carry them. It is an error for a tunnel, whose owner left it behind. Routes "
     "that came with an address of an unplugged interface are not counted, nor are reserves: routes that a working one "
     "with a lower metric stands before. Remedy: delete the route, or bring the interface up again."},
    {"RTE004", "vpn-server-route-left", Severity::kWarning, "A host route of a VPN that is gone is left behind",
     "VPN clients pin the way to their server with a host route through the gateway of the default route, now or "
     "before. No tunnel uses this one any more; where the other end of a tunnel cannot be seen, the check is skipped. "
     "It "
     "does no harm until the machine changes its network: then the server is looked for at a gateway that is "
     "not there, and the VPN cannot connect again. Remedy: delete the route."},
    {"RTE005", "tunnel-endpoint-loop", Severity::kError, "A tunnel's own packets are routed into the tunnel",
     "The route to the tunnel's endpoint leads into the tunnel itself. Its encrypted packets would be encrypted again "
     "and again, so nothing leaves the machine. The host route or the mark that keeps the endpoint outside is missing. "
     "Remedy: add a host route to the endpoint through the physical gateway, or restart the VPN."},
    {"RTE006", "rule-to-empty-table", Severity::kWarning, "A rule leads to a table without routes",
     "A policy rule sends packets to a table that has no routes: the lookup fails there and goes on with the next "
     "rule. Where a VPN's rule is left behind like this, traffic that was meant for the tunnel leaves in clear, and it "
     "is an error. Every crash of wg-quick leaves such rules. It is a notice when the VPN's interface is there: "
     "NetBird "
     "and Tailscale keep their rules also when they carry nothing of a family. Remedy: delete the rule, or start the "
     "VPN again."},
    {"RTE007", "equal-metric-defaults", Severity::kWarning, "Two default routes have the same metric",
     "Default routes of the same metric compete: which one is used depends on the order in which they were added and "
     "on the state of their gateways, and it can change while connections are open. Remedy: give one of them a higher "
     "metric."},
    {"RTE008", "loopback-captured", Severity::kError, "Loopback addresses are routed into an interface",
     "Addresses of 127.0.0.0/8 or ::1 do not stay on this machine: programs that talk to themselves, local resolvers "
     "(127.0.0.53) and proxies break, and their traffic may leave the machine. Remedy: delete the route, or restore "
     "the local table."},
    {"RTE009", "lan-captured", Severity::kWarning, "The local network is routed into a tunnel",
     "Addresses of the network that an interface is directly connected to are routed into a tunnel: printers, file "
     "servers and the router itself cannot be reached, unless the VPN means to forbid it. When the gateway is among "
     "them, its name server, DHCP and web page cannot be reached; what it forwards still gets through. Remedy: exclude "
     "the local network from the VPN, or renumber one of the networks."},
    {"RTE010", "tunnels-overlap", Severity::kWarning, "Two tunnels claim the same prefix",
     "Two tunnels have a route for the same prefix, in one table or in tables that the same packets look up: those of "
     "VPN clients, and main. Only one of them gets the traffic, and which one depends on metrics and on who came last; "
     "the other VPN seems connected and does not work. Remedy: narrow the prefixes of "
     "one VPN."},
    {"RTE011", "container-network-captured", Severity::kWarning, "A container network and a tunnel overlap",
     "The network of a container bridge and a prefix routed into a tunnel share addresses; slices of everything, "
     "larger "
     "than a /8, do not count. Containers cannot be "
     "reached, or hosts behind the VPN cannot, depending on which route is more specific. Remedy: give the container "
     "engine other address pools (default-address-pools of Docker, podman network create --subnet)."},
    {"RTE012", "cgnat-conflict", Severity::kWarning, "100.64.0.0/10 is used twice",
     "The provider's shared address space (RFC 6598) is used on a physical interface and by a tunnel (Tailscale and "
     "others number their peers from it). Peers or the provider's gateway and resolvers may be unreachable. Remedy: "
     "give the tunnel another range, or exclude the provider's addresses."},
    {"RTE013", "reverse-path-filter-drops-tunnel", Severity::kError, "The reverse path filter drops a tunnel's traffic",
     "rp_filter is strict on an interface, and the way back to what arrives there leads elsewhere, so that the kernel "
     "drops it in silence: the tunnel sends and never receives. Remedy: set rp_filter to 2 (loose) there, or "
     "src_valid_mark to 1 where the VPN marks its packets."},
    {"RTE020", "split-tunnel-outside", Severity::kError, "A prefix of the list does not go through the tunnel",
     "The list says that these addresses go through the tunnel, and the routing tables send them elsewhere: their "
     "traffic leaves in clear. The audit names the route that takes them. Usual causes: the VPN was reconnected "
     "without its routes, another VPN or a DHCP server pushed a more specific route, a rule picks another table. "
     "Remedy: delete the route that takes them, or add the one that the list asks for."},
    {"RTE021", "split-tunnel-partial", Severity::kError, "Only a part of a prefix goes through the tunnel",
     "Another route takes a part of a prefix of the list: a more specific one, a less specific one where the tunnel "
     "has "
     "no route, or one with legs through several interfaces, where only some of the flows go through the tunnel. It is "
     "an error when a part leaves in clear, through a live interface that is no tunnel; a warning when the rest goes "
     "nowhere or through another tunnel; a notice when it is only the networks that the machine is directly connected "
     "to and the way to the tunnel's own server, which belong outside. Remedy: delete the more specific route, add the "
     "route that the tunnel lacks, or leave the prefix out of the list."},
    {"RTE022", "split-tunnel-unrouted", Severity::kWarning, "A prefix of the list goes nowhere",
     "No route matches these addresses, or one that refuses them does: nothing is sent, neither through the tunnel nor "
     "past it. Remedy: add the route that the list asks for, or reconnect the VPN."},
    {"RTE023", "list-overlaps-tunnel", Severity::kWarning, "The list and another tunnel claim the same addresses",
     "Another tunnel has a route for addresses of the list. The more specific one wins, and among equals the one with "
     "the lower metric: the other VPN does not get this traffic. Remedy: narrow the prefixes of one of the two."},
    {"RTE024", "list-overlaps-local-network", Severity::kWarning, "The list covers a local network",
     "Addresses of the list are in use on this machine: on the local network, on the bridge of a container engine, or "
     "as loopback addresses (127.0.0.0/8). Hosts behind the VPN that have them cannot be reached from here, or the "
     "local ones cannot. Everything and slices of it (prefixes shorter than /8) are not meant. Remedy: renumber "
     "the local network, or narrow the list."},
    {"RTE025", "list-overlaps-shared-space", Severity::kNotice, "The list covers shared address space (100.64.0.0/10)",
     "100.64.0.0/10 (RFC 6598) is what providers number their customers' links with, and what Tailscale numbers its "
     "hosts with. It is a warning when another interface of this machine has such an address. Remedy: leave it out of "
     "the list where it is not needed."},
});

}  // namespace vpndoctor
