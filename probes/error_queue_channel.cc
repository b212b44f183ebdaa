// SPDX-License-Identifier: Apache-2.0
// Sends with a TTL for each packet, and reads answers and the error queue.
#include "error_queue_channel.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace vpndoctor {
namespace {

constexpr std::array kOptionsV4{
    IntOption{IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE, "IP_PMTUDISC_PROBE"},
    IntOption{IPPROTO_IP, IP_RECVERR, 1, "IP_RECVERR"},
    IntOption{IPPROTO_IP, IP_RECVTTL, 1, "IP_RECVTTL"},
};
constexpr std::array kOptionsV6{
    IntOption{IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE, "IPV6_PMTUDISC_PROBE"},
    IntOption{IPPROTO_IPV6, IPV6_DONTFRAG, 1, "IPV6_DONTFRAG"},
    IntOption{IPPROTO_IPV6, IPV6_RECVERR, 1, "IPV6_RECVERR"},
    IntOption{IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1, "IPV6_RECVHOPLIMIT"},
};

void put_ttl(msghdr& message, Family family, int ttl) {
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = family == Family::kInet ? IPPROTO_IP : IPPROTO_IPV6;
  header->cmsg_type = family == Family::kInet ? IP_TTL : IPV6_HOPLIMIT;
  header->cmsg_len = CMSG_LEN(sizeof(ttl));
  std::memcpy(CMSG_DATA(header), &ttl, sizeof(ttl));
}

}  // namespace

/// Returns 0 or the errno.
int ErrorQueueChannel::send_once(std::span<const std::byte> payload, std::uint8_t ttl) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  iovec piece{.iov_base = const_cast<std::byte*>(payload.data()), .iov_len = payload.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  if (ttl != kFullTtl) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    put_ttl(message, matcher_.flow().target.family, ttl);
  }
  return sendmsg(fd_.get(), &message, MSG_DONTWAIT) < 0 ? errno : 0;
}

std::expected<void, SendFailure> ErrorQueueChannel::send(const Probe& probe) {
  if (probe.method != method() || probe.fragmented) return std::unexpected(SendFailure::kNoRoute);
  const std::vector<std::byte> transport = encode_probe_transport(matcher_.flow(), probe);
  if (transport.empty()) {
    return std::unexpected(probe.size_bytes > 65535 ? SendFailure::kTooLarge : SendFailure::kNoRoute);
  }
  int error_number = 0;
  // An ICMP error that came in for an earlier probe is reported by the next send, which then sends nothing: a router's
  // too-big message would look like a packet above the device's MTU. What fails each time fails by itself.
  for (int attempt = 0; attempt < 4; ++attempt) {
    int pending = 0;
    socklen_t length = sizeof(pending);
    getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &pending, &length);
    error_number = send_once(socket_payload(transport), probe.ttl);
    if (error_number != 0) continue;
    matcher_.note_sent(probe);
    return {};
  }
  return std::unexpected(send_failure(error_number));
}

std::optional<Reply> ErrorQueueChannel::match_error(const Arrival& arrival) {
  if (!arrival.error || !arrival.error->offender) return std::nullopt;
  const ExtendedError& error = *arrival.error;
  std::optional<Reply> reply = matcher_.match(QueuedError{.from = *error.offender,
                                                          .type = error.type,
                                                          .code = error.code,
                                                          .mtu_bytes = error.info,
                                                          .quoted = arrival.bytes},
                                              method());
  if (reply) reply->received_ttl = arrival.ttl;
  return reply;
}

void ErrorQueueChannel::note(const std::optional<Reply>& reply, std::vector<Reply>& replies) {
  if (reply) {
    replies.push_back(*reply);
  } else {
    ++ignored_;
  }
}

void ErrorQueueChannel::receive(std::vector<Reply>& replies) {
  for (int count = 0; count < kPacketsPerRead; ++count) {
    const std::optional<Arrival> arrival = receiver_.next(fd_.get(), MSG_ERRQUEUE);
    if (!arrival) break;
    // A local error (a packet above the device's MTU) was already told by send().
    if (arrival->error) note(match_error(*arrival), replies);
  }
  for (int count = 0; count < kPacketsPerRead; ++count) {
    const std::optional<Arrival> arrival = receiver_.next(fd_.get());
    if (!arrival) break;
    note(match_answer(*arrival), replies);
  }
}

Result<void> set_error_queue_options(const Fd& fd, Family family) {
  return family == Family::kInet ? set_options(fd, kOptionsV4) : set_options(fd, kOptionsV6);
}

Result<std::uint16_t> connect_to_target(const Fd& fd, const ChannelOptions& options, std::uint16_t port) {
  const SocketAddress target = to_socket_address(options.target, port, options.scope_interface_index);
  if (connect(fd.get(), target.get(), target.length) != 0) {
    return failure(ErrorKind::kNoRoute, fmt::format("cannot reach {}: {}", options.target, std::strerror(errno)));
  }
  SocketAddress own;
  if (getsockname(fd.get(), own.get(), &own.length) != 0) {
    return failure(ErrorKind::kInternal, fmt::format("cannot read a socket's address: {}", std::strerror(errno)));
  }
  return port_of(own);
}

}  // namespace vpndoctor
