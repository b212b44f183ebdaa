// SPDX-License-Identifier: Apache-2.0
// Tunnels by their kind; see the header.
#include "tunnel_facet.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "holder_facts.h"
#include "outer_sockets.h"
#include "ppp_query.h"
#include "process_sockets.h"
#include "tun_endpoint.h"
#include "tun_holder.h"
#include "tunnel_kind.h"
#include "wireguard_query.h"
#include "wireguard_socket.h"

namespace vpndoctor {
namespace {

/// What several tunnels are looked up in.
struct Surroundings {
  TunScan scan;
  std::vector<InternetSocket> sockets;  ///< of this namespace
};

void take_wireguard(Result<WireguardDevice> device, Tunnel& tunnel) {
  if (!device) {
    tunnel.not_seen = device.error().message;
    return;
  }
  // 0, no mark, is known as well.
  tunnel.mark = device->mark.value_or(0);
  tunnel.listen_port = device->listen_port;
  for (const WireguardPeer& peer : device->peers) {
    if (peer.endpoint) tunnel.endpoints.push_back({*peer.endpoint, peer.endpoint_port});
  }
  tunnel.peers = std::move(device->peers);
}

void take_endpoint(const std::vector<TunHolder>& holders, Tunnel& tunnel) {
  const auto endpoint = find_endpoint_of(holders, ServerNames::kLeave);
  if (!endpoint) {
    tunnel.not_seen = endpoint.error().message;
    return;
  }
  const auto port = endpoint->port == 0 ? std::nullopt : std::optional(endpoint->port);
  tunnel.endpoints.push_back({endpoint->address, port});
}

/// Of several, the oldest: it opened the device, or began the others.
void take_holder(const TunHolder& holder, Tunnel& tunnel) {
  tunnel.holder_pid = static_cast<std::uint32_t>(holder.pid);
  tunnel.holder_name = holder.name;
  tunnel.holder_state = holder.state;
  tunnel.holder_is_elsewhere = holder.is_elsewhere;
}

void take_what_holders_know(const TunHolders& found, const std::vector<InternetSocket>& sockets, Tunnel& tunnel) {
  const WireguardControl control = find_wireguard_control(tunnel.interface, found.holders);
  take_holder(found.holders.front(), tunnel);
  take_outer_sockets(found.holders, sockets, tunnel);
  if (!control.path.empty()) {
    take_wireguard(ask_userspace_wireguard(control.path), tunnel);
  } else {
    take_endpoint(found.holders, tunnel);
    if (!control.not_believed.empty()) tunnel.not_seen = control.not_believed;
  }
}

/// True when routes lead through it that its addresses do not explain: somebody wants to get further by it.
bool leads_on(const RouteTable& table, const std::string& interface) {
  std::vector<bool> through(table.next_hop_sets.size());
  for (std::size_t at = 0; at < through.size(); ++at) {
    through[at] = std::ranges::count(table.next_hop_sets[at].hops, interface, &NextHop::interface) != 0;
  }
  return std::ranges::any_of(table.routes, [&](const Route& route) {
    return through[route.next_hops] && route.type == RouteType::kUnicast && route.table != kTableLocal &&
           route.protocol != kProtocolKernel && !route.destination.address.is_multicast() &&
           !route.destination.address.is_link_local();
  });
}

/// A tun or tap device; nullopt for one that is no tunnel.
std::optional<Tunnel> tun_tunnel(const Snapshot& snapshot, const Link& link, const Surroundings& around) {
  const TunHolders found = around.scan.of(link.name);
  Tunnel tunnel;
  tunnel.interface = link.name;
  TunHolderFacts facts = holder_facts(link, found);
  const bool needs_routes = facts.process.empty() && snapshot.routes;
  facts.leads_on = needs_routes && leads_on(*snapshot.routes, link.name);
  tunnel.kind = tunnel_kind(link, facts);
  if (tunnel.kind.empty()) return std::nullopt;
  tunnel.holder_not_seen = unseen_holder(found, link);
  tunnel.not_seen = tunnel.holder_not_seen;
  if (!found.holders.empty()) take_what_holders_know(found, around.sockets, tunnel);
  return tunnel;
}

std::optional<Tunnel> other_tunnel(const Link& link, const Surroundings& around) {
  Tunnel tunnel;
  tunnel.interface = link.name;
  tunnel.kind = tunnel_kind(link, {});
  if (tunnel.kind.empty()) return std::nullopt;
  if (link.kind == "wireguard") {
    take_wireguard(ask_kernel_wireguard(link.name), tunnel);
    take_kernel_sockets(link, around.sockets, tunnel);
  } else if (link.tunnel_remote) {
    tunnel.endpoints.push_back({*link.tunnel_remote, std::nullopt});
    tunnel.outer_is_elsewhere = link.lower_is_elsewhere;
  } else if (tunnel.kind == "ppp") {
    take_ppp_use("", tunnel);
  } else if (tunnel.kind == "openvpn" || tunnel.kind == "xfrm" || tunnel.kind == "amneziawg") {
    tunnel.not_seen = "the kernel does not tell where its outer packets go";
  }
  if (link.lower_is_elsewhere) tunnel.outer_is_elsewhere = true;
  return tunnel;
}

bool any_of_kind(const std::vector<Link>& links, const char* kind) {
  return std::ranges::find(links, kind, &Link::kind) != links.end();
}

}  // namespace

Observed<std::vector<Tunnel>> read_tunnels(const Snapshot& snapshot) {
  const std::vector<Link>& links = *snapshot.links;
  Surroundings around;
  const bool has_tun = any_of_kind(links, "tun");
  if (has_tun) around.scan = scan_tun_holders();
  if (has_tun || any_of_kind(links, "wireguard")) around.sockets = read_socket_tables("self");
  std::vector<Tunnel> tunnels;
  for (const Link& link : links) {
    auto tunnel = link.kind == "tun" ? tun_tunnel(snapshot, link, around) : other_tunnel(link, around);
    if (tunnel) tunnels.push_back(std::move(*tunnel));
  }
  return {std::move(tunnels), "netlink, /proc, control sockets"};
}

}  // namespace vpndoctor
