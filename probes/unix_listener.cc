// SPDX-License-Identifier: Apache-2.0
// Socket diagnostics of one unix socket; see the header.
#include "unix_listener.h"

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <limits>

#include "netlink.h"

namespace vpndoctor {

std::optional<std::uint32_t> decode_bound_file(Bytes payload) {
  const auto file = find_attribute(after_aligned(payload, sizeof(unix_diag_msg)), UNIX_DIAG_VFS);
  const auto facts = file ? file->as<unix_diag_vfs>() : std::nullopt;
  return facts ? std::optional(facts->udiag_vfs_ino) : std::nullopt;
}

std::optional<std::uint32_t> bound_file_inode(std::uint64_t socket_inode) {
  constexpr std::uint32_t kAnyCookie = std::numeric_limits<std::uint32_t>::max();
  if (socket_inode > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  const NlMessage message = netlink_message(SOCK_DIAG_BY_FAMILY, 0);
  if (!message) return std::nullopt;
  unix_diag_req request{};
  request.sdiag_family = AF_UNIX;
  request.udiag_states = std::numeric_limits<std::uint32_t>::max();
  request.udiag_ino = static_cast<std::uint32_t>(socket_inode);
  request.udiag_show = UDIAG_SHOW_VFS;
  request.udiag_cookie[0] = request.udiag_cookie[1] = kAnyCookie;
  nlmsg_append(message.get(), &request, sizeof request, NLMSG_ALIGNTO);
  const auto reply = netlink_exchange(NETLINK_SOCK_DIAG, *message);
  if (!reply || reply->error_number != 0) return std::nullopt;
  for (const NetlinkMessage& part : reply->messages) {
    if (const auto inode = decode_bound_file(part.payload)) return inode;
  }
  return std::nullopt;
}

}  // namespace vpndoctor
