// SPDX-License-Identifier: Apache-2.0
// TCP sockets with a limited MSS. Reads of the data only its length and beginning.
#include "tcp_connection.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "channel_socket.h"
#include "vpndoctor/tcp_evidence.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kHeadBytes = 512;
constexpr std::uint32_t kSmallestMss = 88;    // TCP_MIN_MSS in include/net/tcp.h
constexpr std::uint32_t kLargestMss = 32767;  // MAX_TCP_WINDOW, the kernel's limit for TCP_MAXSEG

bool set_int(int fd, int level, std::pair<int, int> name_value) {
  return setsockopt(fd, level, name_value.first, &name_value.second, sizeof(int)) == 0;
}

/// Don't-fragment on every segment: only then does an acknowledgement prove a size.
bool forbid_fragments(int fd, Family family) {
  return family == Family::kInet ? set_int(fd, IPPROTO_IP, {IP_MTU_DISCOVER, IP_PMTUDISC_DO})
                                 : set_int(fd, IPPROTO_IPV6, {IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO});
}

bool limit_mss(int fd, Family family, std::optional<std::uint32_t> packet_bytes) {
  if (!packet_bytes) return true;
  const std::uint32_t headers = packet_bytes_of_mss(family, 0);
  const std::uint32_t mss = *packet_bytes > headers ? *packet_bytes - headers : 0;
  return set_int(fd, IPPROTO_TCP, {TCP_MAXSEG, static_cast<int>(std::clamp(mss, kSmallestMss, kLargestMss))});
}

bool apply_user_choices(int fd, const TcpProbeOptions& options) {
  if (options.mark) {
    const std::uint32_t mark = *options.mark;
    if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) != 0) return false;
  }
  if (!options.bind_interface.empty() && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, options.bind_interface.c_str(),
                                                    static_cast<socklen_t>(options.bind_interface.size() + 1)) != 0) {
    return false;
  }
  if (options.source.is_unspecified() || options.source.family != options.target.family) return true;
  const SocketAddress source = to_socket_address(options.source, 0, options.scope_interface_index);
  return bind(fd, source.get(), source.length) == 0;
}

}  // namespace

TcpConnection::TcpConnection(const TcpProbeOptions& options, std::optional<std::uint32_t> packet_bytes)
    : family_(options.target.family) {
  fd_.reset(socket(family_ == Family::kInet ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd_) {
    fail(errno);
    return;
  }
  if (!forbid_fragments(fd_.get(), family_) || !limit_mss(fd_.get(), family_, packet_bytes) ||
      !apply_user_choices(fd_.get(), options)) {
    fail(errno);
    return;
  }
  set_int(fd_.get(), IPPROTO_TCP, {TCP_NODELAY, 1});
  const SocketAddress target = to_socket_address(options.target, options.port, options.scope_interface_index);
  if (connect(fd_.get(), target.get(), target.length) != 0 && errno != EINPROGRESS) {
    fail(errno);
  }
}

void TcpConnection::fail(int error) {
  error_ = error;
  state_ = State::kFailed;
}

short TcpConnection::events() const {
  if (state_ == State::kConnecting || (state_ == State::kOpen && !pending_.empty())) return POLLIN | POLLOUT;
  return state_ == State::kOpen ? POLLIN : 0;
}

std::uint16_t TcpConnection::local_port() const {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (!fd_ || getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&storage), &length) != 0) return 0;
  if (storage.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
  return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
}

std::optional<std::uint32_t> TcpConnection::kernel_mtu_bytes() const {
  int mtu = 0;
  socklen_t length = sizeof mtu;
  const bool inet = family_ == Family::kInet;
  if (!fd_ || getsockopt(fd_.get(), inet ? IPPROTO_IP : IPPROTO_IPV6, inet ? IP_MTU : IPV6_MTU, &mtu, &length) != 0) {
    return std::nullopt;
  }
  return static_cast<std::uint32_t>(mtu);
}

void TcpConnection::read_status() {
  const auto now = read_tcp_status(fd_.get());
  if (!now) return;
  const bool was_done = status_.handshake_done;
  status_ = *now;
  status_.handshake_done = status_.handshake_done || was_done;
}

void TcpConnection::advance() {
  if (!fd_ || state_ == State::kFailed || state_ == State::kClosedByPeer) return;
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  read_status();
  if (state_ == State::kConnecting) {
    if (error != 0 && !status_.handshake_done) return fail(error);
    if (!status_.handshake_done) return;
    state_ = State::kOpen;
  }
  read_available();
  if (error != 0) {
    error_ = error;
    state_ = State::kClosedByPeer;
  }
  if (state_ == State::kOpen) write_pending();
  read_status();
}

void TcpConnection::read_available() {
  std::array<char, 16384> buffer;
  for (;;) {
    const ssize_t got = recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (got > 0) {
      received_bytes_ += static_cast<std::uint64_t>(got);
      const std::size_t room = kHeadBytes - std::min(head_.size(), kHeadBytes);
      head_.append(buffer.data(), std::min(room, static_cast<std::size_t>(got)));
      continue;
    }
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got < 0) error_ = errno;
    state_ = State::kClosedByPeer;
    return;
  }
}

void TcpConnection::write_pending() {
  while (!pending_.empty()) {
    const ssize_t put = ::send(fd_.get(), pending_.data(), pending_.size(), MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return;
    sent_bytes_ += static_cast<std::uint64_t>(put);
    pending_.erase(pending_.begin(), pending_.begin() + put);
  }
}

void TcpConnection::send(std::span<const std::byte> bytes) {
  pending_.insert(pending_.end(), bytes.begin(), bytes.end());
  if (state_ == State::kOpen) write_pending();
}

void TcpConnection::close() {
  if (!fd_) return;
  read_status();
  if (status_.acknowledged_bytes < sent_bytes_ || state_ == State::kConnecting) {
    const linger reset{1, 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  }
  fd_.reset();
}

}  // namespace vpndoctor
