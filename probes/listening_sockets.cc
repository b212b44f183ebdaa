// SPDX-License-Identifier: Apache-2.0
// Listening sockets by sock_diag; see the header.
#include "listening_sockets.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <cstring>

#include "netlink.h"

namespace vpndoctor {
namespace {

bool take_family(std::uint8_t family, std::vector<InternetSocket>& sockets) {
  inet_diag_req_v2 request{};
  request.sdiag_family = family;
  request.sdiag_protocol = IPPROTO_TCP;
  request.idiag_states = 1U << TCP_LISTEN;
  const NlMessage message = netlink_message(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP);
  if (!message || nlmsg_append(message.get(), &request, sizeof request, NLMSG_ALIGNTO) != 0) return false;
  const auto reply = netlink_exchange(NETLINK_SOCK_DIAG, *message);
  if (!reply || reply->error_number != 0) return false;
  for (const NetlinkMessage& each : reply->messages) {
    if (each.type != SOCK_DIAG_BY_FAMILY) continue;
    if (const auto socket = decode_socket_diagnosis(each.payload)) sockets.push_back(*socket);
  }
  return true;
}

}  // namespace

std::optional<InternetSocket> decode_socket_diagnosis(Bytes payload) {
  inet_diag_msg message;
  if (payload.size() < sizeof message) return std::nullopt;
  std::memcpy(&message, payload.data(), sizeof message);
  if (message.idiag_family != AF_INET && message.idiag_family != AF_INET6) return std::nullopt;
  const std::size_t size = message.idiag_family == AF_INET ? 4 : 16;
  const auto address = IpAddress::from_bytes(std::as_bytes(std::span(message.id.idiag_src)).first(size));
  InternetSocket socket;
  socket.inode = message.idiag_inode;
  socket.tcp = true;
  socket.listening = message.idiag_state == TCP_LISTEN;
  socket.local = unmapped(*address);
  socket.local_port = ntohs(message.id.idiag_sport);
  return socket;
}

std::optional<std::vector<InternetSocket>> listening_tcp_sockets() {
  std::vector<InternetSocket> sockets;
  if (!take_family(AF_INET, sockets)) return std::nullopt;
  take_family(AF_INET6, sockets);  // a kernel without IPv6 has none
  return sockets;
}

}  // namespace vpndoctor
