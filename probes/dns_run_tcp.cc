// SPDX-License-Identifier: Apache-2.0
// A question over TCP; see the header.
#include "dns_run_tcp.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kLengthBytes = 2;

}  // namespace

void DnsTcpRun::start(TimePoint now) {
  started_at_ = now;
  wake_at_ = now + std::chrono::duration_cast<TimePoint::duration>(timeout_ * tries_);
  if (!open(SOCK_STREAM)) return;
  const std::vector<std::byte> message = next_question();
  if (message.empty()) return;
  pending_ = {static_cast<std::byte>(message.size() >> 8U), static_cast<std::byte>(message.size() & 0xFFU)};
  pending_.insert(pending_.end(), message.begin(), message.end());
  const DnsSocketAddress to = dns_socket_address(ask_.server, ask_.interface);
  exchange_.sent = 1;
  const int status = ::connect(socket_.fd.get(), reinterpret_cast<const sockaddr*>(&to.storage), to.length);
  if (status != 0 && errno != EINPROGRESS) fail(errno);
}

pollfd DnsTcpRun::wanted() const {
  const short events = !is_open_ || !pending_.empty() ? POLLIN | POLLOUT : POLLIN;
  return {socket_.fd.get(), events, 0};
}

void DnsTcpRun::step(TimePoint now) {
  if (!is_open_) finish_connect();
  if (!done() && is_open_) write_pending();
  if (!done() && is_open_) read_available();
  if (!done()) judge_reply(now);
  if (done() || now < wake_at_) return;
  end(DnsOutcome::kSilent,
      is_open_ ? fmt::format("it is connected, but no answer in {:.1f} s", (timeout_ * tries_).count() / 1000)
               : fmt::format("no connection in {:.1f} s", (timeout_ * tries_).count() / 1000));
}

void DnsTcpRun::finish_connect() {
  pollfd polled{socket_.fd.get(), POLLOUT, 0};
  if (poll(&polled, 1, 0) != 1) return;
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(socket_.fd.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
  if (error != 0) return fail(error);
  is_open_ = true;
}

void DnsTcpRun::write_pending() {
  while (!pending_.empty()) {
    const ssize_t written = send(socket_.fd.get(), pending_.data(), pending_.size(), MSG_NOSIGNAL);
    if (written < 0) {
      if (errno != EAGAIN) fail(errno);
      return;
    }
    pending_.erase(pending_.begin(), pending_.begin() + written);
  }
}

/// Reads no more than the one reply: its length cannot be more than 65,535.
void DnsTcpRun::read_available() {
  std::array<std::byte, 4096> buffer;
  while (received_.size() < kLengthBytes + 65535) {
    const ssize_t got = recv(socket_.fd.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got < 0) return fail(errno);
    if (got == 0) {
      hung_up_ = true;
      return;
    }
    received_.insert(received_.end(), buffer.begin(), buffer.begin() + got);
  }
}

void DnsTcpRun::judge_reply(TimePoint now) {
  ByteReader reader(received_);
  const auto bytes = reader.take(reader.u16());
  if (!reader.ok()) {
    if (hung_up_) end(DnsOutcome::kMalformed, "the server hung up before its answer was whole");
    return;
  }
  const auto reply = decode_dns_message(bytes);
  if (!reply) return end(DnsOutcome::kMalformed, fmt::format("{} bytes came that are no DNS message", bytes.size()));
  if (!is_reply_to(*reply, question_)) {
    return end(DnsOutcome::kMalformed, "an answer came to a question that was not asked");
  }
  fill(*reply, bytes.size(), now - started_at_);
  end(DnsOutcome::kAnswered);
}

void DnsTcpRun::fail(int error) {
  if (error == ECONNREFUSED) return end(DnsOutcome::kUnreachable, "connection refused");
  if (error == ECONNRESET) return end(DnsOutcome::kUnreachable, "the connection was reset");
  if (error == ETIMEDOUT) return end(DnsOutcome::kSilent, "no connection");
  end(DnsOutcome::kUnreachable, std::strerror(error));
}

}  // namespace vpndoctor
