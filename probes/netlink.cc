// SPDX-License-Identifier: Apache-2.0
// Sends netlink requests and reads the answers whole; see the header.
#include "netlink.h"

#include <fmt/format.h>
#include <linux/netlink.h>
#include <netlink/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <span>

namespace vpndoctor {
namespace {

constexpr std::size_t kMessageBytes = 1024;
constexpr int kReceiveBufferBytes = 1 << 20;
// The kernel fills at most 32 kB of a dump at a time (net/netlink/af_netlink.c netlink_recvmsg()), unless one message
// needs more.
constexpr std::size_t kDumpBufferBytes = 1 << 18;

/// Turns the kernel's negative errno around; a value that is none says that the message is broken.
int errno_of(int error) {
  constexpr int kMaxErrno = 4095;
  return error <= 0 && error >= -kMaxErrno ? -error : EBADMSG;
}

/// NLMSG_ERROR: errno, the request's header, the request unless capped, then the extended attributes.
void take_error(Bytes payload, std::uint16_t flags, NetlinkEnd& reply) {
  const auto error = read_at<nlmsgerr>(payload);
  if (!error) {
    reply.error_number = EBADMSG;
    return;
  }
  reply.error_number = errno_of(error->error);
  if ((flags & NLM_F_ACK_TLVS) == 0) return;
  std::size_t fixed = sizeof(nlmsgerr);
  if ((flags & NLM_F_CAPPED) == 0 && error->msg.nlmsg_len > sizeof(nlmsghdr)) {
    fixed += error->msg.nlmsg_len - sizeof(nlmsghdr);
  }
  if (const auto text = find_attribute(after_aligned(payload, fixed), NLMSGERR_ATTR_MSG))
    reply.error_text = text->text();
}

/// Returns true when the message ends the answer.
bool take_message(const nlmsghdr& header, Bytes payload, NetlinkEnd& reply, const NetlinkTaker& take) {
  if ((header.nlmsg_flags & NLM_F_DUMP_INTR) != 0) reply.interrupted = true;
  if (header.nlmsg_type == NLMSG_ERROR) {
    take_error(payload, header.nlmsg_flags, reply);
    return true;
  }
  if (header.nlmsg_type == NLMSG_DONE) {
    // A dump that fails half-way says so here.
    const auto error = read_at<int>(payload);
    if (error && *error < 0) reply.error_number = errno_of(*error);
    return true;
  }
  if (header.nlmsg_type == NLMSG_NOOP) return false;
  take(header.nlmsg_type, payload);
  return false;
}

/// Receives one datagram of any size from the kernel; an empty one when it came from somebody else.
Result<std::vector<std::byte>> receive_datagram(int fd) {
  ssize_t size = 0;
  do {
    size = ::recv(fd, nullptr, 0, MSG_PEEK | MSG_TRUNC);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return netlink_failure("read from netlink", errno);
  std::vector<std::byte> datagram(static_cast<std::size_t>(size));
  sockaddr_nl sender{};
  socklen_t sender_size = sizeof sender;
  const ssize_t got =
      ::recvfrom(fd, datagram.data(), datagram.size(), 0, reinterpret_cast<sockaddr*>(&sender), &sender_size);
  if (got < 0) return netlink_failure("read from netlink", errno);
  datagram.resize(sender.nl_pid == 0 ? static_cast<std::size_t>(got) : 0);
  return datagram;
}

/// Sends the request; the sequence number of its answer.
Result<std::uint32_t> send_request(nl_sock& socket, nl_msg& message, int flags) {
  nl_complete_msg(&socket, &message);
  nlmsghdr* header = nlmsg_hdr(&message);
  header->nlmsg_flags = static_cast<std::uint16_t>(header->nlmsg_flags | flags);
  if (nl_send(&socket, &message) < 0) return netlink_failure("send to netlink", errno);
  return header->nlmsg_seq;
}

/// Receives one datagram of a dump into `buffer`; an empty one when it came from somebody else or `end` has the reason.
Result<Bytes> receive_dump(int fd, std::vector<std::byte>& buffer, NetlinkEnd& end) {
  iovec part{buffer.data(), buffer.size()};
  sockaddr_nl sender{};
  msghdr message{};
  message.msg_name = &sender;
  message.msg_namelen = sizeof sender;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  ssize_t got = 0;
  do {
    got = ::recvmsg(fd, &message, 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && errno != ENOBUFS) return netlink_failure("read from netlink", errno);
  if (got < 0) end.error_number = ENOBUFS;
  if (got >= 0 && (message.msg_flags & MSG_TRUNC) != 0) end.error_number = EMSGSIZE;
  const bool usable = end.error_number == 0 && sender.nl_pid == 0;
  return Bytes(buffer).first(usable ? static_cast<std::size_t>(got) : 0);
}

}  // namespace

std::unexpected<Error> netlink_failure(std::string_view doing, int error_number) {
  const bool is_refused = error_number == EPERM || error_number == EACCES;
  return failure(is_refused ? ErrorKind::kPermission : ErrorKind::kUnavailable,
                 fmt::format("{}: {}", doing, std::strerror(error_number)),
                 is_refused ? "netlink needs no privilege to read; a sandbox or security module may forbid it" : "");
}

Result<NlSocket> open_netlink(int protocol) {
  NlSocket socket(nl_socket_alloc());
  if (!socket) return failure(ErrorKind::kInternal, "allocate a netlink socket");
  // libnl's own words hide which call was refused: "No Access" is EACCES and EPERM.
  if (nl_connect(socket.get(), protocol) < 0) return netlink_failure("open netlink", errno);
  const int fd = nl_socket_get_fd(socket.get());
  const int on = 1;
  // Best effort: without the extended acknowledgement only the kernel's sentence is missing, without the buffer
  // ENOBUFS is met earlier, and it is reported.
  ::setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kReceiveBufferBytes, sizeof kReceiveBufferBytes);
  const timeval patience{2, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return socket;
}

std::string NetlinkEnd::why() const { return error_text.empty() ? std::strerror(error_number) : error_text; }

bool take_netlink_datagram(Bytes datagram, std::uint32_t sequence, NetlinkEnd& end, const NetlinkTaker& take) {
  bool ended = false;
  while (const auto header = read_at<nlmsghdr>(datagram)) {
    if (header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > datagram.size()) {
      // Where one message ends nobody knows any more: the rest of the answer is not to be believed.
      end.error_number = EBADMSG;
      return true;
    }
    const Bytes payload = datagram.subspan(sizeof(nlmsghdr), header->nlmsg_len - sizeof(nlmsghdr));
    if (header->nlmsg_seq == sequence && take_message(*header, payload, end, take)) ended = true;
    datagram = after_aligned(datagram, header->nlmsg_len);
  }
  return ended;
}

bool take_netlink_datagram(Bytes datagram, std::uint32_t sequence, NetlinkReply& reply) {
  return take_netlink_datagram(datagram, sequence, reply, [&](std::uint16_t type, Bytes payload) {
    reply.messages.push_back({type, {payload.begin(), payload.end()}});
  });
}

NlMessage netlink_message(std::uint16_t type, int flags) {
  NlMessage message(nlmsg_alloc_size(kMessageBytes));
  if (message) nlmsg_put(message.get(), NL_AUTO_PORT, NL_AUTO_SEQ, type, 0, NLM_F_REQUEST | flags);
  return message;
}

Result<NetlinkReply> netlink_exchange(int protocol, nl_msg& message) {
  const auto socket = open_netlink(protocol);
  if (!socket) return std::unexpected(socket.error());
  const int fd = nl_socket_get_fd(socket->get());
  // The acknowledgement marks the end of a single answer, as NLMSG_DONE does of a dump.
  const auto sequence = send_request(**socket, message, NLM_F_ACK);
  if (!sequence) return std::unexpected(sequence.error());
  NetlinkReply reply;
  while (true) {
    auto datagram = receive_datagram(fd);
    if (!datagram) return std::unexpected(datagram.error());
    const bool ended = take_netlink_datagram(*datagram, *sequence, reply);
    // WireGuard's answers hold keys.
    ::explicit_bzero(datagram->data(), datagram->size());
    if (ended) return reply;
  }
}

Result<NetlinkEnd> netlink_dump(nl_msg& message, const NetlinkTaker& take) {
  const auto socket = open_netlink(NETLINK_ROUTE);
  if (!socket) return std::unexpected(socket.error());
  const int fd = nl_socket_get_fd(socket->get());
  const int on = 1;
  // Best effort: older kernels ignore what a request asks beyond the family, and tell more.
  ::setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
  const auto sequence = send_request(**socket, message, NLM_F_DUMP);
  if (!sequence) return std::unexpected(sequence.error());
  std::vector<std::byte> buffer(kDumpBufferBytes);
  NetlinkEnd end;
  while (true) {
    const auto datagram = receive_dump(fd, buffer, end);
    if (!datagram) return std::unexpected(datagram.error());
    if (end.error_number != 0) return end;
    if (take_netlink_datagram(*datagram, *sequence, end, take)) return end;
  }
}

}  // namespace vpndoctor
