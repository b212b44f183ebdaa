// SPDX-License-Identifier: Apache-2.0
// One netlink request and all of its reply messages, as bytes. Knows framing, acknowledgements and the kernel's
// error texts; nothing of what the messages mean. Opens a socket for each request, so that no stale reply is met.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
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

/// How an answer ended. A refusal is an answer: errno and, where the kernel gives one, its sentence.
struct NetlinkEnd {
  int error_number = 0;      ///< 0: not refused
  std::string error_text;    ///< NLMSGERR_ATTR_MSG, may be empty
  bool interrupted = false;  ///< NLM_F_DUMP_INTR: the dump may be torn

  /// The kernel's sentence, or errno's.
  std::string why() const;
};

/// What the kernel answered.
struct NetlinkReply : NetlinkEnd {
  std::vector<NetlinkMessage> messages;
};

/// Takes one message's type and payload, which is gone after the call.
using NetlinkTaker = std::function<void(std::uint16_t, Bytes)>;

/// Splits one received datagram into `reply`. Returns true when it held the end of the answer (an error,
/// an acknowledgement, NLMSG_DONE). Messages of another sequence number are skipped.
bool take_netlink_datagram(Bytes datagram, std::uint32_t sequence, NetlinkReply& reply);
/// The same without copies. What cannot be framed is error EBADMSG.
bool take_netlink_datagram(Bytes datagram, std::uint32_t sequence, NetlinkEnd& end, const NetlinkTaker& take);

/// Starts a message with room for any request of ours; `flags` beside NLM_F_REQUEST.
NlMessage netlink_message(std::uint16_t type, int flags);

/// Sends `message` to the kernel and collects the answer. kUnavailable when this kind of netlink cannot be opened, or
/// does not answer within two seconds.
Result<NetlinkReply> netlink_exchange(int protocol, nl_msg& message);

/// Sends a dump request to rtnetlink and hands over the answer's messages as they come, from one buffer: for tables
/// that do not fit into memory twice. The kernel filters and refuses strictly (NETLINK_GET_STRICT_CHK, Linux 4.20). A
/// message that was cut is EMSGSIZE, an overrun ENOBUFS. Errors as netlink_exchange().
Result<NetlinkEnd> netlink_dump(nl_msg& message, const NetlinkTaker& take);

/// The failed half of a Result for an errno: kPermission for EPERM and EACCES, with the hint that a sandbox may forbid
/// netlink, kUnavailable otherwise.
std::unexpected<Error> netlink_failure(std::string_view doing, int error_number);

/// Opens a socket that is bound; kUnavailable when this kind of netlink cannot be opened.
Result<NlSocket> open_netlink(int protocol);

}  // namespace vpndoctor
