// SPDX-License-Identifier: Apache-2.0
// Outer packets of tunnels; see the header.
#include "outer_flows.h"

#include <algorithm>
#include <array>
#include <utility>

#include "server_routes.h"
#include "vpn_leftovers.h"
#include "vpndoctor/ppp_use.h"

namespace vpndoctor {
namespace {

constexpr std::uint8_t kEsp = 50;
constexpr std::uint8_t kAh = 51;
constexpr std::uint8_t kIpComp = 108;
constexpr std::uint16_t kIke = 500;
constexpr std::uint16_t kIkeNat = 4500;  // RFC 3948

bool has_ports_at_all(std::uint8_t protocol) { return protocol == kProtocolUdp || protocol == kProtocolTcp; }

/// Protocols that carry a packet in a packet: IP-in-IP 4, IPv6 41, GRE 47, ESP 50, AH 51, EtherIP 97, IPComp 108,
/// L2TP 115.
bool is_encapsulation(std::uint8_t protocol) {
  constexpr std::array<std::uint8_t, 8> kAll{4, 41, 47, kEsp, kAh, 97, kIpComp, 115};
  return std::ranges::find(kAll, protocol) != kAll.end();
}

/// A socket of IPv6 that is bound to no address sends IPv4 too, not the other way round.
bool is_from(const OuterSocket& socket, const FlowKey& flow) {
  const bool is_any =
      socket.local.is_unspecified() && (socket.local.family == Family::kInet6 || flow.source.family == Family::kInet);
  return socket.ip_protocol == flow.ip_protocol && socket.local_port == flow.source_port &&
         (is_any || socket.local == flow.source);
}

bool is_to(const OuterSocket& socket, const FlowKey& flow) {
  const bool is_connected = socket.remote && !socket.remote->is_unspecified();
  return !is_connected || (*socket.remote == flow.destination && socket.remote_port == flow.port);
}

bool is_end(const std::optional<IpAddress>& end, const IpAddress& address) {
  return !end || end->is_unspecified() || *end == address;
}

/// Handshakes, cookies and data are 1 to 4 (the WireGuard paper, section 5.4). The three bytes behind should be zero,
/// and are not everywhere.
bool looks_like_wireguard(std::span<const std::byte> payload) {
  if (payload.empty()) return true;  // cut, or a later fragment
  const auto type = std::to_integer<unsigned>(payload[0]);
  return type >= 1 && type <= 4;
}

/// A program that has sockets of one protocol, of all that are known, has none of the other.
bool may_speak(std::uint8_t ip_protocol, const std::vector<OuterSocket>& sockets) {
  return sockets.empty() || std::ranges::find(sockets, ip_protocol, &OuterSocket::ip_protocol) != sockets.end();
}

/// Why neither its ends nor its sockets are known; empty when some are, or when it is certain that there are none. The
/// sockets of a holder that is seen are seen too.
std::string unseen_outer_side(const Tunnel& tunnel) {
  if (!tunnel.outer_sockets.empty() || tunnel.listen_port || !tunnel.endpoints.empty() || tunnel.holder_pid) return {};
  return tunnel.holder_not_seen.empty() ? tunnel.not_seen : tunnel.holder_not_seen;
}

/// A live link: one that is down, or that no program holds, sends nothing.
bool may_send(const Snapshot& snapshot, std::string_view interface) {
  const Link* link = snapshot.find_link(interface);
  return link == nullptr || (link->is_up() && !is_dead_tunnel(snapshot, *link));
}

/// A rule that may send some of this machine's packets another way than others to the same address.
bool tells_packets_apart(const Rule& rule) {
  return rule.mark != 0 || rule.mark_mask != 0 || rule.uids || rule.source || rule.ip_protocol != 0 || rule.tos != 0 ||
         rule.dscp || rule.source_ports || rule.destination_ports || rule.flow_label || rule.inverted ||
         !rule.output_interface.empty() || !rule.not_understood.empty();
}

}  // namespace

OuterFlows::OuterFlows(const Snapshot& snapshot) {
  if (snapshot.tunnels) {
    for (const Tunnel& each : *snapshot.tunnels) add_tunnel(snapshot, each);
  }
  if (snapshot.links) {
    for (const Link& each : *snapshot.links) add_link(snapshot, each);
  }
  narrow(snapshot);
  is_ipsec_known_ = snapshot.xfrm.is_known();
  if (is_ipsec_known_) add_xfrm(*snapshot.xfrm);
}

void OuterFlows::add_tunnel(const Snapshot& snapshot, const Tunnel& tunnel) {
  if (tunnel.outer_is_elsewhere.value_or(false)) return;
  Carrier carrier{tunnel.interface, tunnel.holder_pid, tunnel.outer_sockets, tunnel.listen_port, tunnel.endpoints};
  for (const WireguardPeer& peer : tunnel.peers.value_or(std::vector<WireguardPeer>())) {
    if (peer.endpoint) carrier.endpoints.push_back({*peer.endpoint, peer.endpoint_port});
  }
  // What IPsec's interfaces send is known by its states and policies.
  if (tunnel.kind != "xfrm" && may_send(snapshot, tunnel.interface)) carrier.not_seen = unseen_outer_side(tunnel);
  carrier.is_kernel_wireguard = tunnel.kind == "wireguard";
  carrier.is_udp_alone = carrier.is_kernel_wireguard || tunnel.kind == "amneziawg";
  carriers_.push_back(std::move(carrier));
}

void OuterFlows::add_link(const Snapshot& snapshot, const Link& link) {
  if (!is_tunnel(snapshot, link.name)) return;
  // A VPN's PPP goes over IP; PPPoE carries that of the line to a provider.
  const bool is_ppp = link.kind == "ppp" || link.hardware_type == kHardwarePpp;
  const bool may_be_line = snapshot.platform == Platform::kMacos || !why_ppp_unknown(snapshot, link.name).empty();
  if (is_ppp && may_be_line) ppp_of_unknown_use_ = link.name;
  if (link.tunnel_remote) {
    carriers_.push_back({link.name, {}, {}, {}, {{*link.tunnel_remote, std::nullopt}}});
    return;
  }
  // One that was examined and is not among the tunnels is no VPN's: of a translator, of an overlay.
  const bool is_examined = snapshot.tunnels.is_complete() || snapshot.find_tunnel(link.name) != nullptr;
  if (is_examined || link.kind == "xfrm" || !may_send(snapshot, link.name)) return;
  Carrier carrier{link.name, {}, {}, {}, {}};
  carrier.not_seen = snapshot.tunnels ? "it was not examined" : snapshot.tunnels.why_missing();
  carrier.is_kernel_wireguard = link.kind == "wireguard";
  carrier.is_udp_alone = carrier.is_kernel_wireguard || link.kind == "amneziawg";
  carriers_.push_back(std::move(carrier));
}

/// Where the tables send all packets to one address the same way, a client must give its server a route of its own, or
/// bind its socket. Where such a route is there, a tunnel whose other end is not known goes by it.
void OuterFlows::narrow(const Snapshot& snapshot) {
  if (snapshot.platform != Platform::kLinux || !snapshot.routes || !snapshot.addresses || !snapshot.tunnels) return;
  for (const Route* route : ServerRoutes(snapshot).unused()) server_hosts_.insert(route->destination.address);
  goes_to_server_hosts_alone_ = !server_hosts_.empty() && snapshot.rules.is_complete() &&
                                std::ranges::none_of(*snapshot.rules, tells_packets_apart);
}

void OuterFlows::add_xfrm(const Xfrm& xfrm) {
  for (const XfrmState& each : xfrm.states) {
    associations_.push_back({each.source, each.destination, each.ip_protocol});
  }
  for (const XfrmPolicy& policy : xfrm.policies) {
    if (policy.direction != XfrmDirection::kOut) continue;
    for (const XfrmTemplate& each : policy.templates) {
      // Transport mode: the ends are the packet's own, which the selector knows.
      const auto source = each.source ? each.source : std::optional<IpAddress>();
      const bool has_end = each.destination && !each.destination->is_unspecified();
      if (has_end) associations_.push_back({source, each.destination, each.ip_protocol});
      if (!has_end && policy.destination.is_host()) {
        associations_.push_back({std::nullopt, policy.destination.address, each.ip_protocol});
      }
    }
  }
}

/// ESP in UDP and IKE go between the same two ends (RFC 3948); a state of a program without policies has no others.
OuterKind OuterFlows::match_ipsec(const FlowKey& flow, bool has_ports) const {
  const bool is_bare = flow.ip_protocol == kEsp || flow.ip_protocol == kAh || flow.ip_protocol == kIpComp;
  const auto is_ike = [](std::uint16_t port) { return port == kIke || port == kIkeNat; };
  const bool is_in_udp =
      flow.ip_protocol == kProtocolUdp && has_ports && (is_ike(flow.port) || is_ike(flow.source_port));
  if (!is_bare && !is_in_udp) return OuterKind::kNone;
  if (!is_ipsec_known_) return OuterKind::kUntold;
  const bool is_known = std::ranges::any_of(associations_, [&](const Association& each) {
    return (is_in_udp || each.ip_protocol == flow.ip_protocol) && is_end(each.source, flow.source) &&
           is_end(each.destination, flow.destination);
  });
  return is_known ? OuterKind::kOuter : OuterKind::kNone;
}

OuterKind OuterFlows::match_carrier(const Carrier& carrier, const FlowKey& flow, bool has_ports, bool is_live) const {
  const auto to_address = [&](const OuterEndpoint& end) { return end.address == flow.destination; };
  const bool is_to_server = std::ranges::any_of(carrier.endpoints, to_address);
  if (is_encapsulation(flow.ip_protocol)) return is_to_server ? OuterKind::kOuter : OuterKind::kNone;
  if (!has_ports_at_all(flow.ip_protocol)) return OuterKind::kNone;
  const bool is_udp_alone = carrier.is_udp_alone || carrier.listen_port;
  if (flow.ip_protocol != kProtocolUdp && is_udp_alone) return OuterKind::kNone;
  if (!may_speak(flow.ip_protocol, carrier.sockets)) return OuterKind::kNone;
  if (!has_ports) return is_to_server ? OuterKind::kUntold : OuterKind::kNone;
  const bool is_wireguard = flow.ip_protocol == kProtocolUdp && carrier.listen_port == flow.source_port;
  if (is_wireguard) return OuterKind::kOuter;
  const auto is_mine = [&](const OuterSocket& socket) { return is_from(socket, flow) && is_to(socket, flow); };
  if (std::ranges::any_of(carrier.sockets, is_mine)) return OuterKind::kOuter;
  if (!is_to_server) return OuterKind::kNone;
  const bool are_sockets_known = is_live && (!carrier.sockets.empty() || carrier.listen_port);
  if (are_sockets_known) return OuterKind::kNone;
  const auto to_port = [&](const OuterEndpoint& end) { return to_address(end) && end.port == flow.port; };
  return std::ranges::any_of(carrier.endpoints, to_port) ? OuterKind::kOuter : OuterKind::kUntold;
}

bool OuterFlows::may_carry(const Carrier& carrier, const FlowPacket& packet) const {
  if (carrier.not_seen.empty()) return false;
  if (goes_to_server_hosts_alone_ && !server_hosts_.contains(packet.key.destination)) return false;
  if (carrier.is_kernel_wireguard && !looks_like_wireguard(packet.payload)) return false;
  if (packet.key.ip_protocol == kProtocolUdp) return true;
  return !carrier.is_udp_alone && (packet.key.ip_protocol == kProtocolTcp || is_encapsulation(packet.key.ip_protocol));
}

OuterMatch OuterFlows::match(const FlowPacket& packet, bool is_live) const {
  OuterMatch best{match_ipsec(packet.key, packet.has_ports), "ipsec"};
  if (best.kind == OuterKind::kOuter) return best;
  for (const Carrier& carrier : carriers_) {
    const OuterKind kind = match_carrier(carrier, packet.key, packet.has_ports, is_live);
    if (kind == OuterKind::kOuter) return {kind, carrier.tunnel};
    if (kind == OuterKind::kUntold) best = {kind, carrier.tunnel};
    const bool may_be = best.kind == OuterKind::kNone && may_carry(carrier, packet);
    if (may_be) best = {OuterKind::kMaybe, carrier.tunnel, carrier.not_seen};
  }
  return best;
}

std::string_view OuterFlows::tunnel_of(std::uint32_t pid) const {
  const auto found =
      std::ranges::find_if(carriers_, [pid](const Carrier& carrier) { return carrier.holder_pid == pid; });
  return found == carriers_.end() ? std::string_view() : std::string_view(found->tunnel);
}

}  // namespace vpndoctor
