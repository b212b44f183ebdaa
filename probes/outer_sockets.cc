// SPDX-License-Identifier: Apache-2.0
// Finds a tunnel's own sockets; see the header.
#include "outer_sockets.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>

#include "port_holders.h"
#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

bool may_lead_out(const InternetSocket& socket) {
  return socket.local_port != 0 && !socket.local.is_loopback() && !socket.remote.is_loopback();
}

OuterSocket outer_socket(const InternetSocket& socket) {
  OuterSocket outer;
  outer.ip_protocol = socket.tcp ? kProtocolTcp : kProtocolUdp;
  outer.local = socket.local;
  outer.local_port = socket.local_port;
  if (socket.remote_port != 0) outer.remote = socket.remote;
  outer.remote_port = socket.remote_port;
  return outer;
}

/// A dual-stack socket and its twin, or a parent's and a child's, may be the same.
void add(const InternetSocket& socket, std::vector<OuterSocket>& sockets) {
  const OuterSocket outer = outer_socket(socket);
  if (std::ranges::find(sockets, outer) == sockets.end()) sockets.push_back(outer);
}

bool has_socket_where_it_lives(const TunHolder& holder) {
  const auto sockets = process_sockets(holder.pid);
  return sockets && std::ranges::any_of(*sockets, may_lead_out);
}

}  // namespace

void take_outer_sockets(const std::vector<TunHolder>& holders, const std::vector<InternetSocket>& here,
                        Tunnel& tunnel) {
  std::set<std::uint64_t> inodes;
  for (const TunHolder& holder : holders) inodes.merge(socket_inodes(holder.pid).value_or(std::set<std::uint64_t>()));
  for (const InternetSocket& socket : here) {
    if (inodes.contains(socket.inode) && may_lead_out(socket)) add(socket, tunnel.outer_sockets);
  }
  if (!tunnel.outer_sockets.empty()) {
    tunnel.outer_is_elsewhere = false;
  } else if (std::ranges::any_of(holders, [](const TunHolder& holder) {
               return holder.is_elsewhere && has_socket_where_it_lives(holder);
             })) {
    tunnel.outer_is_elsewhere = true;
  }
}

void take_kernel_sockets(const Link& link, const std::vector<InternetSocket>& here, Tunnel& tunnel) {
  // It closes its sockets when it goes down.
  if (!tunnel.listen_port || !link.is_up()) return;
  std::vector<InternetSocket> at_port;
  std::set<std::uint64_t> inodes;
  for (const InternetSocket& socket : here) {
    if (socket.tcp || socket.local_port != *tunnel.listen_port || !socket.local.is_unspecified()) continue;
    at_port.push_back(socket);
    inodes.insert(socket.inode);
  }
  const auto held = find_socket_holders(inodes, {});
  std::erase_if(at_port, [&](const InternetSocket& socket) { return held.contains(socket.inode); });
  for (const InternetSocket& socket : at_port) add(socket, tunnel.outer_sockets);
  tunnel.outer_is_elsewhere = at_port.empty();
}

}  // namespace vpndoctor
