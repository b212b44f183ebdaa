// SPDX-License-Identifier: Apache-2.0
// The registry's rows of path MTU. Ordered by code; a retired code keeps its row so that its number is never reused.
#pragma once

#include <array>

#include "vpndoctor/codes.h"

namespace vpndoctor {

inline constexpr auto kMtuCodes = std::to_array<CodeEntry>({
    {"MTU001", "mtu-black-hole", Severity::kError, "Large packets vanish in silence",
     "Packets above a certain size are lost on the path and no \"packet too big\" message says so. Small packets, "
     "pings and connection set-up work; large transfers, TLS handshakes and git or ssh sessions hang. It is proven by "
     "several probes of a size that is lost each time while probes one byte smaller, sent among them, arrive; the odds "
     "that chance explains it are reported. Usual causes: a firewall that drops ICMP, a tunnel whose MTU is larger "
     "than its path allows, a layer 2 device with a smaller MTU than the routers around it. Remedy, in this order: let "
     "ICMP type 3 code 4 (IPv4) and ICMPv6 type 2 through; give the tunnel or the interface the right MTU; clamp the "
     "TCP MSS."},
    {"MTU002", "mtu-claim-too-large", Severity::kError, "A router claims a larger MTU than its link carries",
     "A router answers too-large packets with a \"packet too big\" message, but the MTU in it is larger than what its "
     "own link was shown to carry. A sender that believes it keeps sending packets that are lost: it works like a "
     "black hole. A claim at or above the size of the packet that it answers is such a lie by itself (RFC 8899 section "
     "4.6.2 has it discarded). Remedy: correct the MTU on that router; until then set the MTU or the TCP MSS here."},
    {"MTU003", "mtu-claim-too-small", Severity::kWarning, "A too-big message claims less than the path carries",
     "A \"packet too big\" message names an MTU, but larger packets were shown to get through behind its sender. Hosts "
     "that believe it send needlessly small packets for ten minutes. The router is misconfigured, or the message is "
     "forged. Remedy: correct the MTU on that router, or find who forges the message; flush the path MTU cache."},
    {"MTU004", "mtu-signalled", Severity::kNotice, "The path is narrower than the link, and says so",
     "A link on the way carries less than the interface here, and its router says so with a correct \"packet too big\" "
     "message, which was verified by probes of that size and of one byte more. Path MTU discovery works: nothing needs "
     "to be done, as long as no firewall begins to drop these messages."},
    {"MTU005", "kernel-path-mtu-stale", Severity::kWarning, "The kernel's cached path MTU is wrong",
     "The kernel remembers a path MTU for this destination, learnt from an earlier \"packet too big\" message, and it "
     "contradicts what the path was measured to carry. Too small, it throttles every transfer; too large, packets are "
     "lost. The path has changed, or the message was false or forged. The entry expires by itself "
     "(net.ipv4.route.mtu_expires, ten minutes by default). Remedy: flush the cache; if it comes back, look for who "
     "sends the message."},
    {"MTU006", "too-big-message-eaten", Severity::kError, "A local firewall drops \"packet too big\" messages",
     "The message that tells this machine to send smaller packets arrives on the wire, but no socket and no kernel "
     "table receives it: a firewall on this machine drops it. Often that is the kill switch of a VPN client, which "
     "drops everything from outside the tunnel. It turns a healthy narrow path into a black hole. Remedy: accept ICMP "
     "type 3 code 4 and ICMPv6 type 2 in the input chain; a rule for related connections (ct state related) does it "
     "too."},
    {"MTU007", "size-dependent-loss", Severity::kWarning, "Some sizes are lost more often than others",
     "Probes of some sizes are answered only partly, while probes of a size that is proven to pass, sent at the same "
     "time, are not lost. The path has no sharp limit there: a device drops or reassembles large packets under load, "
     "one of several parallel paths is narrower, or a radio link loses long frames. Throughput suffers although every "
     "ping works. Remedy: keep packets below the first lossy size with the MTU or the TCP MSS."},
    {"MTU008", "icmp-size-filter", Severity::kNotice, "Large ICMP echoes are filtered",
     "Large echoes vanish, but equally large UDP or TCP packets get through: a device filters ICMP by size. This is no "
     "black hole and harms no transfer, yet a test by ping alone reports one here."},
    {"MTU009", "tcp-mss-clamped", Severity::kNotice, "The TCP MSS is smaller than usual",
     "The maximum segment size in the peer's SYN-ACK is smaller than Ethernet and the link here would allow: a device "
     "on the way rewrites it (MSS clamping), or the peer itself announces less. TCP is protected from a smaller path "
     "MTU; UDP, and with it QUIC, WireGuard and IPsec, is not."},
    {"MTU010", "tcp-mss-not-clamped", Severity::kWarning, "Nothing protects TCP from the black hole",
     "The path loses large packets in silence, and the TCP MSS that the two ends announce still allows segments of "
     "that size. TCP connections are set up and then hang with the first full segment. Remedy: clamp the TCP MSS to "
     "the path MTU less 40 bytes (IPv4) or 60 bytes (IPv6), as a stop-gap until the MTU or the firewall is corrected."},
    {"MTU011", "tunnel-mtu-too-large", Severity::kError, "The tunnel's MTU is too large for its path",
     "The interface MTU of the tunnel plus what the tunnel adds to each packet exceeds what the path to the tunnel's "
     "endpoint carries. Full-size packets inside the tunnel are lost or fragmented outside it. Remedy: set the MTU of "
     "the tunnel to the path MTU of its endpoint less the overhead (WireGuard: 60 bytes over IPv4, 80 over IPv6)."},
    {"MTU012", "tunnel-mtu-could-be-raised", Severity::kNotice, "The tunnel's MTU is smaller than it could be",
     "The path to the tunnel's endpoint carries more than the interface MTU of the tunnel plus its overhead, by over "
     "32 bytes. Nothing is broken; larger packets would cost less. Keep the margin when the tunnel also runs over "
     "other networks."},
    {"MTU013", "below-expected-mtu", Severity::kError, "The path MTU is below what was expected",
     "The largest packet that the path can carry is proven to be smaller than the size given with --expect-min."},
    {"MTU014", "reverse-path-narrower", Severity::kNotice, "The way back is narrower than the way there",
     "Large replies of the target arrive in fragments: a link on the way back carries less than the way there. Packets "
     "that may be fragmented get through, and a correct path signals the rest to the target; it costs throughput, and "
     "firewalls that drop fragments turn it into loss."},
    {"MTU015", "ipv6-below-minimum", Severity::kError, "A link below 1280 bytes carries IPv6",
     "IPv6 requires every link to carry packets of 1280 bytes (RFC 8200 section 5). This path loses them, so hosts "
     "that rightly never send less than 1280 bytes cannot use it; Linux even disables IPv6 on an interface with a "
     "smaller MTU. Remedy: raise the MTU of the tunnel or link to at least 1280, also when packets must then be "
     "fragmented below it, or do not carry IPv6 there."},
    {"MTU016", "route-mtu-too-large", Severity::kWarning, "The MTU set on the route exceeds the path",
     "The route to the target has an MTU of its own, set by an administrator or learnt from a router advertisement, "
     "and the path was measured to carry less. Whoever set it meant to describe the path, and it no longer does. "
     "Remedy: set the measured value, or remove the setting where path MTU discovery works."},
    {"MTU017", "too-big-message-ignored", Severity::kError, "A sender does not listen to \"packet too big\" messages",
     "A capture shows a \"packet too big\" message on its way to the sender, and packets above the size in it that the "
     "sender sent all the same, again and again. The message is correct and is lost on its last stretch: a firewall in "
     "front of the sender, or on it, drops it. Often that is the kill switch of a VPN client. It turns a healthy "
     "narrow "
     "path into a black hole. Remedy: accept ICMP type 3 code 4 and ICMPv6 type 2 there."},
    {"MTU018", "plain-packet-loss", Severity::kNotice, "Packets are lost whatever their size",
     "A capture shows that many segments of a TCP connection were sent again, and nothing ties the loss to the size of "
     "the packets: full ones got through as well, or the small ones were lost too. It is no MTU problem, and no MTU "
     "setting helps. Remedy: look for a link that is overloaded, a bad cable, or a weak radio signal."},
});

}  // namespace vpndoctor
