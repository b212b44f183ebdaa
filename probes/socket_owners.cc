// SPDX-License-Identifier: Apache-2.0
// Owners of flows; see the header.
#include "socket_owners.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <set>
#include <span>

#include "netlink.h"
#include "port_holders.h"
#include "process_sockets.h"
#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

void add_sockets(std::uint8_t family, std::uint8_t ip_protocol, std::vector<DiagnosedSocket>& sockets) {
  inet_diag_req_v2 request{};
  request.sdiag_family = family;
  request.sdiag_protocol = ip_protocol;
  request.idiag_states = ~(1U << TCP_TIME_WAIT);  // those have no process
  const NlMessage message = netlink_message(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP);
  if (!message || nlmsg_append(message.get(), &request, sizeof request, NLMSG_ALIGNTO) != 0) return;
  const auto reply = netlink_exchange(NETLINK_SOCK_DIAG, *message);
  if (!reply || reply->error_number != 0) return;
  for (const NetlinkMessage& each : reply->messages) {
    if (each.type != SOCK_DIAG_BY_FAMILY) continue;
    if (const auto socket = decode_diagnosed_socket(each.payload, ip_protocol)) sockets.push_back(*socket);
  }
}

IpAddress address_of(const std::array<__be32, 4>& words, std::uint8_t family) {
  const std::size_t size = family == AF_INET ? 4 : 16;
  return unmapped(*IpAddress::from_bytes(std::as_bytes(std::span(words)).first(size)));
}

/// How well the socket fits; 0: not at all. A socket of IPv6 that is bound to no address sends IPv4 too.
int fit(const DiagnosedSocket& socket, const LeakFlow& flow) {
  if (socket.ip_protocol != flow.ip_protocol || socket.local_port != flow.source_port || socket.listens) return 0;
  const bool is_any = socket.local.is_unspecified();
  if (!is_any && socket.local != flow.source) return 0;
  if (is_any && socket.local.family == Family::kInet && flow.source.family == Family::kInet6) return 0;
  const bool is_connected = socket.remote_port != 0;
  if (!is_connected) return is_any ? 1 : 2;
  return socket.remote == flow.destination && socket.remote_port == flow.port ? 3 : 0;
}

std::string interface_of(int index) {
  std::array<char, IF_NAMESIZE> name{};
  if (index <= 0 || if_indextoname(static_cast<unsigned>(index), name.data()) == nullptr) return "";
  return name.data();
}

bool is_service(const std::vector<DiagnosedSocket>& sockets, const LeakFlow& flow) {
  return flow.ip_protocol == kProtocolTcp && std::ranges::any_of(sockets, [&](const DiagnosedSocket& socket) {
           return socket.listens && socket.local_port == flow.source_port;
         });
}

std::vector<DiagnosedSocket> sockets_of(const std::vector<LeakFlow>& flows) {
  std::vector<DiagnosedSocket> sockets;
  for (const std::uint8_t protocol : {kProtocolTcp, kProtocolUdp}) {
    if (std::ranges::find(flows, protocol, &LeakFlow::ip_protocol) == flows.end()) continue;
    add_sockets(AF_INET, protocol, sockets);
    add_sockets(AF_INET6, protocol, sockets);
  }
  return sockets;
}

}  // namespace

std::optional<DiagnosedSocket> decode_diagnosed_socket(Bytes payload, std::uint8_t ip_protocol) {
  inet_diag_msg message;
  if (payload.size() < sizeof message) return std::nullopt;
  std::memcpy(&message, payload.data(), sizeof message);
  if (message.idiag_family != AF_INET && message.idiag_family != AF_INET6) return std::nullopt;
  DiagnosedSocket socket;
  socket.ip_protocol = ip_protocol;
  socket.local = address_of(std::to_array(message.id.idiag_src), message.idiag_family);
  socket.remote = address_of(std::to_array(message.id.idiag_dst), message.idiag_family);
  socket.local_port = ntohs(message.id.idiag_sport);
  socket.remote_port = ntohs(message.id.idiag_dport);
  socket.uid = message.idiag_uid;
  socket.inode = message.idiag_inode;
  socket.bound_index = static_cast<int>(message.id.idiag_if);
  socket.listens = ip_protocol == IPPROTO_TCP && message.idiag_state == TCP_LISTEN;
  return socket;
}

const DiagnosedSocket* find_socket(const std::vector<DiagnosedSocket>& sockets, const LeakFlow& flow) {
  const DiagnosedSocket* best = nullptr;
  int best_fit = 0;
  for (const DiagnosedSocket& socket : sockets) {
    const int fits = fit(socket, flow);
    if (fits > best_fit) {
      best = &socket;
      best_fit = fits;
    }
  }
  return best;
}

std::vector<LeakSocket> find_leak_sockets(const std::vector<LeakFlow>& flows, const std::set<std::string>& likely) {
  const std::vector<DiagnosedSocket> sockets = sockets_of(flows);
  std::vector<LeakSocket> answers(flows.size());
  std::map<std::size_t, std::uint64_t> inodes;
  std::set<std::uint64_t> wanted;
  for (std::size_t i = 0; i < flows.size(); ++i) {
    answers[i].is_service = is_service(sockets, flows[i]);
    const DiagnosedSocket* socket = find_socket(sockets, flows[i]);
    if (socket == nullptr) continue;
    answers[i].has_source = socket->local == flows[i].source;
    answers[i].bound_interface = interface_of(socket->bound_index);
    if (socket->inode == 0) continue;  // closed, and what is left to send is the kernel's: its user is not told either
    answers[i].uid = socket->uid;
    inodes.emplace(i, socket->inode);
    wanted.insert(socket->inode);
  }
  const auto holders = find_socket_holders(std::move(wanted), likely);
  for (const auto& [place, inode] : inodes) {
    const auto holder = holders.find(inode);
    if (holder == holders.end()) continue;
    answers[place].owner = SocketOwner{static_cast<std::uint32_t>(holder->second.pid), holder->second.name};
  }
  return answers;
}

}  // namespace vpndoctor
