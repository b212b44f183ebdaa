// SPDX-License-Identifier: Apache-2.0
// Finds a tunnel's endpoint by the kind of its interface. See the header.
#include "vpndoctor/tunnel_endpoint.h"

#include <fmt/format.h>

#include "rtnl_query.h"
#include "tun_endpoint.h"
#include "tunnel_kind.h"
#include "vpndoctor/egress.h"
#include "wireguard_query.h"
#include "wireguard_socket.h"

namespace vpndoctor {
namespace {

Result<TunnelEndpoint> pick_peer(const WireguardDevice& device, const std::string& interface, const IpAddress& inner) {
  const WireguardPeer* peer = wireguard_peer_for(device, inner);
  if (peer == nullptr) {
    return failure(ErrorKind::kUnavailable, fmt::format("no peer of {} has {} in its allowed IPs", interface, inner),
                   kNameTheServer);
  }
  if (!peer->endpoint) {
    return failure(ErrorKind::kUnavailable,
                   fmt::format("the peer of {} that carries {} has no endpoint yet", interface, inner), kNameTheServer);
  }
  TunnelEndpoint endpoint;
  endpoint.address = *peer->endpoint;
  endpoint.port = peer->endpoint_port;
  endpoint.tunnel_kind = "wireguard";
  endpoint.mark = device.mark;
  return endpoint;
}

Result<TunnelEndpoint> kernel_wireguard(const std::string& interface, const IpAddress& inner) {
  const auto device = ask_kernel_wireguard(interface);
  if (!device) return std::unexpected(device.error());
  auto endpoint = pick_peer(*device, interface, inner);
  if (endpoint) endpoint->source = "wireguard netlink";
  return endpoint;
}

Result<TunnelEndpoint> userspace_wireguard(const std::string& control, const std::string& interface,
                                           const IpAddress& inner) {
  const auto device = ask_userspace_wireguard(control);
  if (!device) return std::unexpected(device.error());
  auto endpoint = pick_peer(*device, interface, inner);
  if (endpoint) endpoint->source = "wireguard userspace socket";
  return endpoint;
}

/// A tun or tap device, whose holder knows where its packets go.
Result<TunnelEndpoint> held_tunnel(const std::string& interface, const IpAddress& inner) {
  const TunHolders found = find_tun_holders(interface);
  const WireguardControl control = find_wireguard_control(interface, found.likely());
  if (!control.path.empty()) return userspace_wireguard(control.path, interface, inner);
  return find_tun_endpoint(interface, found);
}

TunnelEndpoint fixed_remote(const Link& link, const std::string& kind) {
  TunnelEndpoint endpoint;
  endpoint.address = *link.tunnel_remote;
  endpoint.tunnel_kind = kind;
  endpoint.source = "link attributes";
  return endpoint;
}

}  // namespace

Result<TunnelEndpoint> find_tunnel_endpoint(const std::string& interface, const IpAddress& inner_target) {
  const auto link = ask_link(0, interface);
  if (!link) return std::unexpected(link.error());
  if (!*link) {
    // Says which interfaces there are.
    const auto index = interface_index(interface);
    return index ? failure(ErrorKind::kUnavailable, "the interface just came") : std::unexpected(index.error());
  }
  const std::string& name = (*link)->name;
  if ((*link)->kind == "wireguard") return kernel_wireguard(name, inner_target);
  if ((*link)->kind == "tun") return held_tunnel(name, inner_target);
  const std::string kind = tunnel_kind(**link, {});
  if (kind.empty()) return failure(ErrorKind::kUnavailable, fmt::format("{} is no tunnel", name), kNameTheServer);
  if ((*link)->tunnel_remote) return fixed_remote(**link, kind);
  return failure(ErrorKind::kUnavailable, fmt::format("{} has no fixed remote that the kernel tells ({})", name, kind),
                 kNameTheServer);
}

}  // namespace vpndoctor
