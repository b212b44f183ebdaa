// SPDX-License-Identifier: Apache-2.0
// Outer packets of tunnels; see the header.
#include "outer_flows.h"

#include <algorithm>
#include <array>
#include <utility>

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

}  // namespace

OuterFlows::OuterFlows(const Snapshot& snapshot) {
  if (snapshot.tunnels) {
    for (const Tunnel& each : *snapshot.tunnels) add_tunnel(each);
  }
  if (snapshot.links) {
    for (const Link& each : *snapshot.links) add_link(snapshot, each);
  }
  is_ipsec_known_ = snapshot.xfrm.is_known();
  if (is_ipsec_known_) add_xfrm(*snapshot.xfrm);
}

void OuterFlows::add_tunnel(const Tunnel& tunnel) {
  if (tunnel.outer_is_elsewhere.value_or(false)) return;
  Carrier carrier{tunnel.interface, tunnel.holder_pid, tunnel.outer_sockets, tunnel.listen_port, tunnel.endpoints};
  for (const WireguardPeer& peer : tunnel.peers.value_or(std::vector<WireguardPeer>())) {
    if (peer.endpoint) carrier.endpoints.push_back({*peer.endpoint, peer.endpoint_port});
  }
  carriers_.push_back(std::move(carrier));
}

void OuterFlows::add_link(const Snapshot& snapshot, const Link& link) {
  // What PPPoE carries is judged on the PPP interface, where that is the line to the provider.
  if (link.kind == "ppp" || link.hardware_type == 512) ppp_ = link.name;  // ARPHRD_PPP
  if (!is_tunnel(snapshot, link.name)) return;
  if (link.tunnel_remote) carriers_.push_back({link.name, {}, {}, {}, {{*link.tunnel_remote, std::nullopt}}});
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

OuterMatch OuterFlows::match(const FlowKey& flow, bool has_ports, bool is_live) const {
  OuterMatch best{match_ipsec(flow, has_ports), "ipsec"};
  if (best.kind == OuterKind::kOuter) return best;
  for (const Carrier& carrier : carriers_) {
    const OuterKind kind = match_carrier(carrier, flow, has_ports, is_live);
    if (kind == OuterKind::kOuter) return {kind, carrier.tunnel};
    if (kind == OuterKind::kUntold) best = {kind, carrier.tunnel};
  }
  return best;
}

std::string_view OuterFlows::tunnel_of(std::uint32_t pid) const {
  const auto found =
      std::ranges::find_if(carriers_, [pid](const Carrier& carrier) { return carrier.holder_pid == pid; });
  return found == carriers_.end() ? std::string_view() : std::string_view(found->tunnel);
}

}  // namespace vpndoctor
