// SPDX-License-Identifier: Apache-2.0
// One netlink request and all of its reply messages, as bytes. Knows framing, acknowledgements and the kernel's
// error texts; nothing of what the messages mean. Opens a socket for each request, so that no stale reply is met.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "handles.h"
#include "netlink_attributes.h"
#include "vpndoctor/result.h"

namespace vpndoctor {

/// One reply message without its nlmsghdr.
struct NetlinkMessage {
  std::uint16_t type = 0;
  std::vector<std::byte> payload;
};

/// What the kernel answered. A refusal is an answer: errno and, where the kernel gives one, its sentence.
struct NetlinkReply {
  std::vector<NetlinkMessage> messages;
  int error_number = 0;      ///< 0: not refused
  std::string error_text;    ///< NLMSGERR_ATTR_MSG, may be empty
  bool interrupted = false;  ///< NLM_F_DUMP_INTR: the dump may be torn
};

/// Splits one received datagram into `reply`. Returns true when it held the end of the answer (an error,
/// an acknowledgement, NLMSG_DONE). Messages of another sequence number are skipped.
bool take_netlink_datagram(Bytes datagram, std::uint32_t sequence, NetlinkReply& reply);

/// Starts a message with room for any request of ours; `flags` beside NLM_F_REQUEST.
NlMessage netlink_message(std::uint16_t type, int flags);

/// Sends `message` to the kernel and collects the answer. kUnavailable when this kind of netlink cannot be opened, or
/// does not answer within two seconds.
Result<NetlinkReply> netlink_exchange(int protocol, nl_msg& message);

}  // namespace vpndoctor
