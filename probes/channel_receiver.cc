// SPDX-License-Identifier: Apache-2.0
// Reads packets, their TTL and the entries of error queues from the probe channels' sockets.
#include "channel_receiver.h"

#include <linux/errqueue.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace vpndoctor {
namespace {

constexpr std::size_t kPacketBufferBytes = std::size_t{1} << 17;

bool holds_ttl(const cmsghdr& header) {
  return (header.cmsg_level == IPPROTO_IP && header.cmsg_type == IP_TTL) ||
         (header.cmsg_level == IPPROTO_IPV6 && header.cmsg_type == IPV6_HOPLIMIT);
}

bool holds_error(const cmsghdr& header) {
  return (header.cmsg_level == IPPROTO_IP && header.cmsg_type == IP_RECVERR) ||
         (header.cmsg_level == IPPROTO_IPV6 && header.cmsg_type == IPV6_RECVERR);
}

std::optional<ExtendedError> read_error(const cmsghdr& header) {
  sock_extended_err error{};
  std::memcpy(&error, CMSG_DATA(&header), sizeof(error));
  if (error.ee_origin != SO_EE_ORIGIN_ICMP && error.ee_origin != SO_EE_ORIGIN_ICMP6) return std::nullopt;
  ExtendedError result{.type = error.ee_type, .code = error.ee_code, .info = error.ee_info, .offender = std::nullopt};
  sockaddr_storage offender{};
  const std::size_t available = header.cmsg_len - CMSG_LEN(sizeof(error));
  std::memcpy(&offender, CMSG_DATA(&header) + sizeof(error), std::min(available, sizeof(offender)));
  result.offender = to_ip_address(reinterpret_cast<const sockaddr*>(&offender));
  return result;
}

void read_control(msghdr& message, Arrival& arrival) {
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (holds_ttl(*header)) {
      int ttl = 0;
      std::memcpy(&ttl, CMSG_DATA(header), sizeof(ttl));
      arrival.ttl = static_cast<std::uint8_t>(ttl);
    } else if (holds_error(*header)) {
      arrival.error = read_error(*header);
    }
  }
}

}  // namespace

Receiver::Receiver() : buffer_(kPacketBufferBytes) {}

std::optional<Arrival> Receiver::next(int fd, int flags) {
  // An error that waits on the socket is reported once by the next call, whatever that is; it is no end of the data.
  for (int attempt = 0; attempt < 8; ++attempt) {
    alignas(cmsghdr) std::array<char, 512> control{};
    iovec piece{.iov_base = buffer_.data(), .iov_len = buffer_.size()};
    sender_ = {};
    msghdr message{};
    message.msg_name = &sender_.storage;
    message.msg_namelen = sizeof(sender_.storage);
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t length = recvmsg(fd, &message, flags | MSG_DONTWAIT);
    if (length < 0 && errno == EAGAIN) return std::nullopt;
    if (length < 0) continue;
    Arrival arrival;
    arrival.bytes = std::span(buffer_).first(static_cast<std::size_t>(length));
    arrival.from = to_ip_address(sender_.get());
    read_control(message, arrival);
    return arrival;
  }
  return std::nullopt;
}

}  // namespace vpndoctor
