// SPDX-License-Identifier: Apache-2.0
// Non-blocking sockets on the event loop. Replies are small enough for the kernel's send buffer.
#include "tcp_server.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace vpndoctor::lab {
namespace {

constexpr std::size_t kRecordHeaderBytes = 5;
constexpr std::size_t kLargestRecordBytes = 16384;
constexpr std::uint8_t kHandshakeRecord = 0x16;
constexpr std::size_t kKeyExchangeBytes = 1080;

void send_all(int fd, BytesView bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
}

}  // namespace

TcpServer::TcpServer(EventLoop& loop, Config config, Fd listener)
    : loop_(loop), config_(std::move(config)), listener_(std::move(listener)) {
  loop_.watch(listener_.get(), [this] { accept_one(); });
}

Result<std::unique_ptr<TcpServer>> TcpServer::listen(EventLoop& loop, Config config) {
  Fd listener(socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  any.sin6_port = htons(config.port);
  if (bind(listener.get(), reinterpret_cast<const sockaddr*>(&any), sizeof(any)) != 0 ||
      ::listen(listener.get(), 64) != 0) {
    return failure(ErrorKind::kUnavailable,
                   fmt::format("cannot listen on port {}: {}", config.port, std::strerror(errno)));
  }
  return std::unique_ptr<TcpServer>(new TcpServer(loop, std::move(config), std::move(listener)));
}

void TcpServer::accept_one() {
  Fd client(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!client) return;
  const int fd = client.get();
  send_all(fd, config_.greeting);
  connections_[fd].socket = std::move(client);
  loop_.watch(fd, [this, fd] { read_from(fd); });
}

bool TcpServer::is_complete(BytesView request) const {
  const bool is_record = config_.waits_for_record && !request.empty() && request[0] == kHandshakeRecord;
  if (!is_record) return !request.empty();
  if (request.size() < kRecordHeaderBytes) return false;
  return request.size() >= kRecordHeaderBytes + static_cast<std::size_t>(request[3] << 8 | request[4]);
}

void TcpServer::read_from(int fd) {
  std::array<std::uint8_t, 65536> buffer;
  const ssize_t received = recv(fd, buffer.data(), buffer.size(), 0);
  if (received < 0 && errno == EAGAIN) return;
  if (received <= 0) {
    // Not at once: this very call runs inside the reader that unwatch() destroys.
    loop_.at(EventLoop::Clock::now(), [this, fd] {
      loop_.unwatch(fd);
      connections_.erase(fd);
    });
    return;
  }
  Connection& connection = connections_[fd];
  connection.request.insert(connection.request.end(), buffer.begin(), buffer.begin() + received);
  if (connection.replied || !is_complete(connection.request)) return;
  connection.replied = true;
  send_all(fd, config_.reply);
}

TcpServer::Config tls_like_server(std::uint32_t reply_bytes) {
  Bytes reply;
  while (reply.size() < reply_bytes) {
    const std::size_t left = reply_bytes - reply.size();
    const std::size_t body = std::min(kLargestRecordBytes, left - std::min(left, kRecordHeaderBytes));
    const Bytes header = {kHandshakeRecord, 3, 3, static_cast<std::uint8_t>(body >> 8),
                          static_cast<std::uint8_t>(body)};
    reply.insert(reply.end(), header.begin(), header.end());
    reply.resize(reply.size() + body, 2);
  }
  return {443, {}, std::move(reply), true};
}

TcpServer::Config ssh_like_server() {
  constexpr std::string_view kGreeting = "SSH-2.0-lab\r\n";
  Bytes packet(kKeyExchangeBytes, 0);
  packet[2] = static_cast<std::uint8_t>((kKeyExchangeBytes - 4) >> 8);
  packet[3] = static_cast<std::uint8_t>(kKeyExchangeBytes - 4);
  packet[4] = 4;
  packet[5] = 20;
  return {22, Bytes(kGreeting.begin(), kGreeting.end()), std::move(packet), false};
}

}  // namespace vpndoctor::lab
