// SPDX-License-Identifier: Apache-2.0
// Both ends of the confirmation; see the header.
#include "restore_confirmation.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string_view>

#include "restore_guard.h"

namespace vpndoctor {
namespace {

constexpr std::string_view kName = "vpndoctor/restore";
constexpr char kConfirmed = 'c';

struct Endpoint {
  sockaddr_un address{};
  socklen_t size = 0;
};

/// An abstract name begins with a NUL and is as long as it is said to be.
Endpoint endpoint() {
  Endpoint at;
  at.address.sun_family = AF_UNIX;
  std::memcpy(at.address.sun_path + 1, kName.data(), kName.size());
  at.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + kName.size());
  return at;
}

int open_socket() { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); }

/// Nobody may keep the guard from its deadline by calling and saying nothing.
void set_patience(int socket) {
  const timeval patience{2, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

std::optional<uid_t> peer_of(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
  return peer.uid;
}

std::unexpected<Error> unavailable(const char* doing) {
  return failure(ErrorKind::kUnavailable, fmt::format("{}: {}", doing, std::strerror(errno)));
}

Result<void> call(int socket) {
  const Endpoint at = endpoint();
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&at.address), at.size) != 0) {
    return failure(ErrorKind::kUnavailable, "no restore waits for a confirmation here",
                   "it was confirmed already, or its time is over and it was rolled back");
  }
  const auto peer = peer_of(socket);
  if (!peer || (*peer != 0 && *peer != ::geteuid())) {
    return failure(ErrorKind::kPermission, "the restore that waits here is another user's");
  }
  set_patience(socket);
  char answer = 0;
  const bool is_sent = ::send(socket, &kConfirmed, 1, MSG_NOSIGNAL) == 1;
  // Who is not allowed to may find the door shut already.
  if (!is_sent && errno != EPIPE && errno != ECONNRESET) return unavailable("confirm the restore");
  if (is_sent && ::recv(socket, &answer, 1, 0) == 1 && answer == kConfirmed) return {};
  return failure(ErrorKind::kPermission,
                 "the restore was not confirmed: it takes a word from root or its own user only");
}

}  // namespace

Result<int> listen_for_confirmation() {
  const int listener = open_socket();
  if (listener < 0) return unavailable("open a socket for the confirmation");
  const Endpoint at = endpoint();
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&at.address), at.size) == 0 && ::listen(listener, 4) == 0) {
    return listener;
  }
  ::close(listener);
  return failure(ErrorKind::kUnavailable, "another restore waits for its confirmation here",
                 "vpndoctor routes restore --confirmed keeps what it applied");
}

bool take_confirmation(int listener, uid_t user) {
  const int caller = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (caller < 0) return false;
  set_patience(caller);
  const auto peer = peer_of(caller);
  char word = 0;
  const bool confirmed =
      peer && (*peer == 0 || *peer == user) && ::recv(caller, &word, 1, 0) == 1 && word == kConfirmed;
  if (confirmed) ::send(caller, &kConfirmed, 1, MSG_NOSIGNAL);
  ::close(caller);
  return confirmed;
}

Result<void> confirm_restore() {
  const int socket = open_socket();
  if (socket < 0) return unavailable("open a socket");
  auto result = call(socket);
  ::close(socket);
  return result;
}

}  // namespace vpndoctor
