// SPDX-License-Identifier: Apache-2.0
// Finds where a tunnel interface sends its outer packets: the endpoint that --outer measures.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "vpndoctor/path_mtu.h"
#include "vpndoctor/result.h"

namespace [[gnu::visibility("default")]] vpndoctor {

struct TunnelEndpoint {
  IpAddress address;
  std::uint16_t port = 0;             ///< 0 when the tunnel has no ports
  bool tcp = false;                   ///< the tunnel runs over TCP
  std::string tunnel_kind;            ///< "wireguard", "openvpn", "tun", ...
  std::optional<std::uint32_t> mark;  ///< the fwmark that the outer packets carry (WireGuard), else null
  std::string source;  ///< how it was found: "wireguard netlink", "wireguard userspace socket", "socket of process 123
                       ///< (openvpn)"
};

/// Looks up the endpoint that carries `inner_target` on the tunnel `interface`: the WireGuard peer whose allowed
/// IPs contain it (generic netlink, else the userspace socket /run/wireguard/IF.sock; keys are skipped unread), else
/// the connected remote of the process that holds the tun device (/proc/PID/fdinfo `iff:` and its
/// sockets), or the one server of OpenVPN's options, since OpenVPN leaves its UDP socket unconnected; for GRE, IP-in-IP
/// and VTI the link's own remote. kPermission when only root can see it, kUnavailable with the reason when it
/// cannot be found or several are possible; the user can name it with --endpoint.
Result<TunnelEndpoint> find_tunnel_endpoint(const std::string& interface, const IpAddress& inner_target);

}  // namespace vpndoctor
