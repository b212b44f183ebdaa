// SPDX-License-Identifier: Apache-2.0
// Framing of netlink messages and the pairing of answers with requests by sequence number.
#include "netlink_batch.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace vpndoctor::fib_test {
namespace {

/// Few enough that their answers fit the receive buffer, as the kernel counts it (a page or two each).
constexpr std::size_t kMessagesAtOnce = 128;
constexpr int kReceiveBufferBytes = 16 << 20;
constexpr int kSendBufferBytes = 1 << 20;

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::abort();
}

}  // namespace

void NetlinkBatch::append(std::span<const std::byte> bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  bytes_.resize(NLMSG_ALIGN(bytes_.size()));
}

void NetlinkBatch::finish() {
  if (starts_.empty()) return;
  const auto length = static_cast<std::uint32_t>(bytes_.size() - starts_.back());
  std::memcpy(bytes_.data() + starts_.back(), &length, sizeof length);
}

void NetlinkBatch::begin_message(std::uint16_t type, int flags) {
  finish();
  starts_.push_back(bytes_.size());
  nlmsghdr header{};
  header.nlmsg_type = type;
  header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  append(bytes_of(header));
}

void NetlinkBatch::put(int attribute, std::span<const std::byte> payload) {
  rtattr header{};
  header.rta_type = static_cast<std::uint16_t>(attribute);
  header.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(payload.size()));
  append(bytes_of(header));
  append(payload);
}

void NetlinkBatch::text(int attribute, std::string_view value) {
  std::vector<std::byte> bytes(value.size() + 1);
  std::memcpy(bytes.data(), value.data(), value.size());
  put(attribute, bytes);
}

void NetlinkBatch::address(int attribute, const IpAddress& address) { put(attribute, std::as_bytes(address.octets())); }

std::size_t NetlinkBatch::open(int attribute) {
  const std::size_t at = bytes_.size();
  put(attribute, {});
  return at;
}

void NetlinkBatch::close(std::size_t opened) {
  const auto length = static_cast<std::uint16_t>(bytes_.size() - opened);
  std::memcpy(bytes_.data() + opened, &length, sizeof length);
}

void NetlinkBatch::close_structure(std::size_t structure) { close(structure); }

void NetlinkBatch::clear() {
  bytes_.clear();
  starts_.clear();
}

RouteSocket::RouteSocket() : buffer_(std::size_t{1} << 16U) {
  fd_ = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd_ < 0) give_up("a netlink socket");
  const int on = 1;
  ::setsockopt(fd_, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
  ::setsockopt(fd_, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBufferBytes, sizeof kReceiveBufferBytes);
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDBUFFORCE, &kSendBufferBytes, sizeof kSendBufferBytes);
}

RouteSocket::~RouteSocket() { ::close(fd_); }

void RouteSocket::send(std::span<const std::byte> bytes) {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  const auto sent =
      ::sendto(fd_, bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
  if (sent != static_cast<ssize_t>(bytes.size())) give_up("sending to netlink");
}

std::size_t RouteSocket::receive(std::vector<NetlinkAnswer>& answers, std::uint32_t first_sequence) {
  const auto got = ::recv(fd_, buffer_.data(), buffer_.size(), 0);
  if (got < 0) give_up("receiving from netlink");
  std::size_t count = 0;
  for (std::size_t at = 0; at + sizeof(nlmsghdr) <= static_cast<std::size_t>(got);) {
    nlmsghdr header;
    std::memcpy(&header, buffer_.data() + at, sizeof header);
    const std::size_t index = header.nlmsg_seq - first_sequence;
    if (index >= answers.size()) give_up("an answer to no question");
    const auto payload = std::span(buffer_).subspan(at + NLMSG_HDRLEN, header.nlmsg_len - NLMSG_HDRLEN);
    if (header.nlmsg_type == NLMSG_ERROR) {
      int error = 0;
      std::memcpy(&error, payload.data(), sizeof error);
      answers[index].error_number = -error;
    } else {
      answers[index].payload.assign(payload.begin(), payload.end());
    }
    at += NLMSG_ALIGN(header.nlmsg_len);
    ++count;
  }
  return count;
}

std::vector<NetlinkAnswer> RouteSocket::exchange(NetlinkBatch& batch) {
  batch.finish();
  std::vector<NetlinkAnswer> answers(batch.count());
  const std::uint32_t first = sequence_ + 1;
  sequence_ += static_cast<std::uint32_t>(batch.count());
  for (std::size_t i = 0; i < batch.count(); ++i) {
    const auto number = first + static_cast<std::uint32_t>(i);
    std::memcpy(batch.bytes_.data() + batch.starts_[i] + offsetof(nlmsghdr, nlmsg_seq), &number, sizeof number);
  }
  for (std::size_t i = 0; i < batch.count(); i += kMessagesAtOnce) {
    const std::size_t end = std::min(i + kMessagesAtOnce, batch.count());
    const std::size_t stop = end < batch.count() ? batch.starts_[end] : batch.bytes_.size();
    send(std::span(batch.bytes_).subspan(batch.starts_[i], stop - batch.starts_[i]));
    for (std::size_t waiting = end - i; waiting > 0;) waiting -= std::min(waiting, receive(answers, first));
  }
  batch.clear();
  return answers;
}

}  // namespace vpndoctor::fib_test
