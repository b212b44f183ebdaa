// SPDX-License-Identifier: Apache-2.0
// Varlink over a Unix socket; see the header.
#include "varlink.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace vpndoctor {
namespace {

constexpr std::size_t kMostReply = 8 << 20;
using Kind = DaemonFailure::Kind;

std::unexpected<DaemonFailure> fail(Kind kind, std::string why) {
  return std::unexpected(DaemonFailure{kind, std::move(why)});
}

std::unexpected<DaemonFailure> fail_by_errno(const char* what) {
  return fail(Kind::kAbsent, fmt::format("{}: {}", what, std::strerror(errno)));
}

}  // namespace

Asked<VarlinkConnection> VarlinkConnection::open(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return fail(Kind::kAbsent, "the path of its socket is too long");
  path.copy(address.sun_path, path.size());
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail_by_errno("no socket can be made");
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == EAGAIN) return fail(Kind::kSilent, "it takes no more connections");
    return fail_by_errno(path.c_str());
  }
  return VarlinkConnection(std::move(socket));
}

std::optional<pid_t> VarlinkConnection::listener() const {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid <= 0) return std::nullopt;
  return peer.pid;
}

Asked<std::string> VarlinkConnection::call(std::string_view method, const Deadline& deadline) {
  std::string text = fmt::format(R"({{"method":"{}"}})", method);
  text.push_back('\0');
  if (const auto sent = send(text, deadline); !sent) return std::unexpected(sent.error());
  return receive(deadline);
}

Asked<void> VarlinkConnection::wait(short events, const Deadline& deadline) const {
  pollfd waited{.fd = socket_.get(), .events = events, .revents = 0};
  while (true) {
    const int ready = ::poll(&waited, 1, static_cast<int>(deadline.left().count()));
    if (ready > 0) return {};
    if (ready == 0) return fail(Kind::kSilent, "it did not answer within 1 s");
    if (errno != EINTR) return fail_by_errno("poll");
  }
}

Asked<void> VarlinkConnection::send(std::string_view text, const Deadline& deadline) {
  while (!text.empty()) {
    const ssize_t sent = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      text.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (const auto ready = wait(POLLOUT, deadline); !ready) return ready;
    } else if (errno != EINTR) {
      return fail_by_errno("it closed the connection");
    }
  }
  return {};
}

Asked<std::string> VarlinkConnection::receive(const Deadline& deadline) {
  std::string reply;
  std::array<char, 65536> piece;
  while (true) {
    if (const auto ready = wait(POLLIN, deadline); !ready) return std::unexpected(ready.error());
    const ssize_t size = ::recv(socket_.get(), piece.data(), piece.size(), 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (size < 0) return fail_by_errno("its reply cannot be read");
    if (size == 0) return fail(Kind::kRefused, "it closed the connection");
    const std::string_view got(piece.data(), static_cast<std::size_t>(size));
    const auto end = got.find('\0');
    reply.append(got.substr(0, end));
    if (end != std::string_view::npos) return reply;
    if (reply.size() > kMostReply) return fail(Kind::kRefused, "its reply has no end");
  }
}

}  // namespace vpndoctor
