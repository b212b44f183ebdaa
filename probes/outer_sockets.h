// SPDX-License-Identifier: Apache-2.0
// The sockets that a tunnel's outer packets leave by, and whether those are in this network namespace.
#pragma once

#include <vector>

#include "process_sockets.h"
#include "tun_holder.h"
#include "vpndoctor/network.h"
#include "vpndoctor/tunnel.h"

namespace vpndoctor {

/// Fills `outer_sockets` and `outer_is_elsewhere` from the sockets of the device's holders; `here` are all sockets of
/// this namespace. Those of loopback, as control connections are, are none.
void take_outer_sockets(const std::vector<TunHolder>& holders, const std::vector<InternetSocket>& here, Tunnel& tunnel);

/// The same for WireGuard of the kernel, whose `listen_port` is known: it names no namespace (it has no get_link_net),
/// yet its sockets are among those of the namespace that it was made in (drivers/net/wireguard/socket.c), held by
/// nobody.
void take_kernel_sockets(const Link& link, const std::vector<InternetSocket>& here, Tunnel& tunnel);

}  // namespace vpndoctor
