// SPDX-License-Identifier: Apache-2.0
// Tunnels by their kind; see the header.
#include "tunnel_facet.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "tun_endpoint.h"
#include "tun_holder.h"
#include "tunnel_kind.h"
#include "wireguard_query.h"
#include "wireguard_socket.h"

namespace vpndoctor {
namespace {

void take_wireguard(const Result<WireguardDevice>& device, Tunnel& tunnel) {
  if (!device) {
    tunnel.not_seen = device.error().message;
    return;
  }
  // 0, no mark, is known as well.
  tunnel.mark = device->mark.value_or(0);
  for (const WireguardPeer& peer : device->peers) {
    if (peer.endpoint) tunnel.endpoints.push_back({*peer.endpoint, peer.endpoint_port});
  }
}

void take_holder_endpoint(const TunHolder& holder, Tunnel& tunnel) {
  const auto endpoint = find_holder_endpoint(holder, ServerNames::kLeave);
  if (!endpoint) {
    tunnel.not_seen = endpoint.error().message;
    return;
  }
  const auto port = endpoint->port == 0 ? std::nullopt : std::optional(endpoint->port);
  tunnel.endpoints.push_back({endpoint->address, port});
}

/// Why nobody is known to hold it; empty when nobody does.
std::string unseen_holder(const TunScan& scan) {
  if (scan.unreadable > 0) return "only root may see which process holds it";
  return scan.cut ? "there are too many processes to look for the one that holds it" : "";
}

/// A tun or tap device; nullopt for one that is no tunnel.
std::optional<Tunnel> tun_tunnel(const Link& link, const TunScan& scan) {
  const std::string socket = wireguard_control_socket(link.name);
  const auto [begin, end] = scan.holders.equal_range(link.name);
  const TunHolder holder = begin == end ? TunHolder{} : begin->second;
  Tunnel tunnel;
  tunnel.interface = link.name;
  tunnel.kind = tunnel_kind(link, {!socket.empty(), holder.name});
  if (tunnel.kind.empty()) return std::nullopt;
  if (holder.pid != 0) tunnel.holder_pid = static_cast<std::uint32_t>(holder.pid);
  tunnel.holder_name = holder.name;
  if (!socket.empty()) {
    take_wireguard(ask_userspace_wireguard(socket), tunnel);
  } else if (std::distance(begin, end) > 1) {
    tunnel.not_seen = "several processes hold it";
  } else if (holder.pid != 0) {
    take_holder_endpoint(holder, tunnel);
  } else {
    tunnel.not_seen = unseen_holder(scan);
  }
  return tunnel;
}

std::optional<Tunnel> other_tunnel(const Link& link) {
  Tunnel tunnel;
  tunnel.interface = link.name;
  tunnel.kind = tunnel_kind(link, {});
  if (tunnel.kind.empty()) return std::nullopt;
  if (link.kind == "wireguard") {
    take_wireguard(ask_kernel_wireguard(link.name), tunnel);
  } else if (link.tunnel_remote) {
    tunnel.endpoints.push_back({*link.tunnel_remote, std::nullopt});
  } else if (tunnel.kind == "ppp" || tunnel.kind == "openvpn" || tunnel.kind == "xfrm" || tunnel.kind == "amneziawg") {
    tunnel.not_seen = "the kernel does not tell where its outer packets go";
  }
  return tunnel;
}

}  // namespace

Observed<std::vector<Tunnel>> read_tunnels(const std::vector<Link>& links) {
  const bool has_tun = std::ranges::any_of(links, [](const Link& link) { return link.kind == "tun"; });
  const TunScan scan = has_tun ? scan_tun_holders() : TunScan{};
  std::vector<Tunnel> tunnels;
  for (const Link& link : links) {
    auto tunnel = link.kind == "tun" ? tun_tunnel(link, scan) : other_tunnel(link);
    if (tunnel) tunnels.push_back(std::move(*tunnel));
  }
  return {std::move(tunnels), "netlink, /proc, control sockets"};
}

}  // namespace vpndoctor
