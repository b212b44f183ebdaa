// SPDX-License-Identifier: Apache-2.0
// Ownership of C handles: unique_ptr aliases whose deleter is the library's own free function, and a file descriptor.
// Aliases only: no class here mirrors a C API.
#pragma once

#include <netlink/msg.h>
#include <netlink/socket.h>
#include <unistd.h>

#include <memory>
#include <utility>

namespace vpndoctor {

/// Deletes through the C function `kFree`.
template <auto kFree>
struct Freer {
  template <class T>
  void operator()(T* handle) const noexcept {
    kFree(handle);
  }
};

using NlSocket = std::unique_ptr<nl_sock, Freer<nl_socket_free>>;
using NlMessage = std::unique_ptr<nl_msg, Freer<nlmsg_free>>;

/// Owns a file descriptor; -1 when it owns none.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~Fd() { reset(); }

  /// Returns the descriptor without giving it up.
  int get() const { return fd_; }
  /// Closes what is owned and takes `fd` instead.
  void reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

}  // namespace vpndoctor
