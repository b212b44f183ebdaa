// SPDX-License-Identifier: Apache-2.0
// The registry's rows of the resolver configuration. Ordered by code; a retired code keeps its row so that its number
// is never reused.
#pragma once

#include <array>

#include "vpndoctor/codes.h"

namespace vpndoctor {

inline constexpr auto kDnsCodes = std::to_array<CodeEntry>({
    {"DNS001", "dns-tunnel-scope-inert", Severity::kError, "A tunnel's DNS servers are set up but not used",
     "systemd-resolved knows the DNS servers and domains of a tunnel, but does not ask them, since the link has no "
     "carrier, no address, or is gone. It then asks the next best scope instead: the names of the VPN go to the "
     "resolver of the local network in clear. resolvectl still lists the servers, only \"Current Scopes: none\" tells. "
     "It is a "
     "warning when they stay in a tunnel, and a notice when the link was taken down by its administrator. Remedy: "
     "start the VPN again, or take its DNS settings away with resolvectl revert."},
    {"DNS002", "dns-resolv-conf-replaced", Severity::kWarning, "resolv.conf is not what its owner means it to be",
     "The link of /etc/resolv.conf leads nowhere, the file behind it was written over, or a program that keeps it "
     "(systemd-resolved, NetworkManager) finds another one's servers there. Programs that read the file go around the "
     "servers of the links. It is an error when nothing can be resolved, or when a tunnel has DNS servers and the file "
     "leads to one outside of it; a notice without a tunnel. Remedy: put the link back, and tell the other program not "
     "to write the file."},
    {"DNS003", "dns-server-unreachable", Severity::kError, "A DNS server cannot be reached",
     "By the routing tables no packet gets to a server that is configured: its interface is down, missing or without a "
     "carrier, or no route leads to it. A VPN that ended without taking its DNS settings back leaves this. Nothing is "
     "sent to find it out. It is a warning while other servers of the same list can be reached. Remedy: start the VPN "
     "again, or take the servers away."},
    {"DNS004", "dns-server-outside-tunnel", Severity::kError, "A tunnel's DNS server is reached outside of the tunnel",
     "The server belongs to a tunnel, but the routes lead elsewhere. Programs that read resolv.conf send every name "
     "there in clear. systemd-resolved binds its UDP to the tunnel's link, but its TCP follows the routes: large "
     "answers "
     "are fetched outside, and a server that does not answer over UDP is asked over the local network after about 20 "
     "seconds. It is a warning when the way leads into another tunnel or nowhere. Remedy: route the server through the "
     "tunnel (with WireGuard: AllowedIPs)."},
    {"DNS005", "dns-asked-in-parallel", Severity::kError, "The same names are asked on several links at once",
     "systemd-resolved asks all scopes that have the same best claim on a name: the same domain on two links, \"~.\" "
     "on "
     "both, or two default routes. The first answer counts, and every resolver sees the question; what is meant for "
     "the "
     "tunnel leaks beside it. It is a warning when the tunnel is one of several default routes but not all traffic "
     "goes "
     "through it, or when only tunnels are asked, and a notice for links that are no tunnels. Remedy: give the tunnel "
     "the "
     "domain \"~.\", or take the claim from one of the links."},
    {"DNS006", "dns-fallback-servers-used", Severity::kWarning, "Fallback DNS servers are asked for everything else",
     "Every link that has DNS servers has them for its own domains alone, as a split tunnel, and no other server is "
     "known. Since version 257 systemd-resolved then asks its fallback servers, which are built in and often public: "
     "they see all names but the tunnel's. Remedy: give a link the default route for names, or set DNS= or an empty "
     "FallbackDNS= in resolved.conf."},
    {"DNS007", "dns-ghost-global", Severity::kWarning, "systemd-resolved asks servers that nobody configured",
     "Its global scope has servers, but neither resolved.conf with its drop-ins nor the kernel's command line names "
     "them. When another program has written /etc/resolv.conf for a moment, systemd-resolved takes the servers from "
     "there and keeps them after the link was put back. They are asked beside those of the links. Remedy: restart "
     "systemd-resolved."},
    {"DNS008", "dns-leftover-backup", Severity::kWarning, "A VPN client left its backup of resolv.conf behind",
     "The client saved resolv.conf away and ended without putting it back; none of its processes runs. While "
     "resolv.conf "
     "is still the one that it wrote, names go to servers that may be gone. It is a notice when resolv.conf is another "
     "one already. Remedy: put the backup in its place, or remove it."},
    {"DNS009", "dns-split-lost", Severity::kError, "Names are not split as they were set up to be",
     "Some domains belong to a tunnel's servers, but programs do not get there: resolv.conf lists the servers "
     "themselves "
     "(systemd-resolved's mode \"uplink\"), NetworkManager's mode \"default\" knows no domains, the tunnel has a "
     "domain "
     "but no server, or another link takes everything. It is a warning when the names do not leave in clear, and a "
     "notice for a list of search domains that was meant to be route-only. Remedy: lead resolv.conf to the stub, let "
     "NetworkManager use systemd-resolved or dnsmasq, or give the tunnel its server."},
    {"DNS010", "dns-search-leak", Severity::kWarning, "Short names are sent to the wrong resolver by a search domain",
     "A search domain is appended to names without a dot. When it belongs to the VPN and the first server of "
     "resolv.conf "
     "does not, the names of inner hosts are told to the local network. It is a notice when a link beside a full "
     "tunnel "
     "has a search domain of its own, where short names are then tried. Remedy: ask the VPN's server first, route its "
     "domains, or take the domain from the link."},
    {"DNS011", "dns-multicast-names", Severity::kWarning, "Names are multicast on a local network beside the VPN",
     "systemd-resolved speaks LLMNR or multicast DNS on a link that is no tunnel while a VPN is up: everyone there "
     "sees "
     "the names and may answer them. It is a notice when nobody asked for it, as with the default of systemd 252, or "
     "when only names below local are meant. Remedy: resolvectl llmnr LINK no, resolvectl mdns LINK no."},
    {"DNS012", "dns-inet6-resolver", Severity::kError, "An IPv6 DNS server is asked beside a VPN of IPv4",
     "All of IPv4 goes through a tunnel, IPv6 does not, and a router advertisement or DHCPv6 gave this machine an IPv6 "
     "server that is asked for all names: they leave outside of the tunnel. It is a warning when the server is only "
     "asked "
     "after others in resolv.conf. Remedy: give the tunnel the domain \"~.\", or take the server away."},
    {"DNS013", "dns-reverse-not-routed", Severity::kWarning, "Reverse lookups do not go to the tunnel's server",
     "Private prefixes lead into a tunnel, but the names of their addresses are asked elsewhere: programs that look "
     "for "
     "the name of a peer wait, and the local resolver learns inner addresses. It is a notice when no reverse zone is "
     "routed to the tunnel at all, and when zones are routed to it whose addresses are not behind it. The tunnel's own "
     "subnet needs no zone. Remedy: add the reverse zones to the tunnel's domains."},
    {"DNS014", "dns-single-label", Severity::kWarning, "Names without a dot are asked of nobody, or of everybody",
     "Either programs ask systemd-resolved's stub by a resolv.conf without a search list, so that the tunnel's search "
     "domain is not appended; or ResolveUnicastSingleLabel=yes sends such names to every link, beside the tunnel. "
     "Remedy: "
     "lead resolv.conf to stub-resolv.conf, or give the tunnel a search domain instead of the setting."},
    {"DNS015", "dns-foreign-resolver", Severity::kError, "Another network namespace's resolver answers",
     "libc reaches systemd-resolved by a socket in /run, which network namespaces share: names are asked over the "
     "links "
     "of another namespace, whatever the routes and tunnels of this one are. It is a notice when resolv.conf was "
     "written "
     "by the NetworkManager of another namespace. Remedy: give the namespace an nsswitch.conf and a resolv.conf of its "
     "own (/etc/netns/NAME)."},
    {"DNS016", "dns-first-server-hides", Severity::kError,
     "A server outside of the VPN is asked first and hides its names",
     "resolv.conf lists a server outside of the tunnel before the tunnel's. glibc asks the next one only when the one "
     "before is silent or fails: its \"no such name\" is final. So the names of the VPN leave in clear and are not "
     "found. "
     "It is a warning when libc asks systemd-resolved before it reads the file. Remedy: put the VPN's server first, or "
     "route its domains."},
    {"DNS017", "dns-stub-dead", Severity::kError, "resolv.conf names a local forwarder that does not run",
     "A nameserver line names a loopback address, such as 127.0.0.53, but no socket listens there: systemd-resolved or "
     "dnsmasq was stopped, has its stub switched off, or runs in another network namespace. The same holds without any "
     "server, which means 127.0.0.1, on a machine with a default route. It is a warning when another "
     "server is left or libc reaches systemd-resolved without it. Remedy: start it again, or name another server."},
    {"DNS018", "dns-resolver-outside-tunnel", Severity::kError,
     "All traffic goes through a tunnel, but names are asked outside of it",
     "All of IPv4 (or, without IPv4, of IPv6) goes through a VPN that brings no DNS server for ordinary names, and the "
     "server that libc asks first for them is reached outside of every tunnel: the local network and its provider see "
     "the name of everything that is visited. It is an error also when the server has a private address: a router asks "
     "its provider in turn. It is a warning when the question is encrypted (DNSOverTLS=yes), or when the tunnel has "
     "servers for domains of its own and the rest was left to others. Where the first server is inside, a further one "
     "outside is an error with the option rotate and where dnsmasq asks all of its servers; it is a notice when it is "
     "asked only while the first does not answer. Not judged: an IPv6 server beside a tunnel of IPv4 (DNS012), and a "
     "server that is the VPN's own endpoint. Remedy: give the VPN its server (wg-quick: DNS=), or route a server "
     "through the tunnel."},
});

}  // namespace vpndoctor
