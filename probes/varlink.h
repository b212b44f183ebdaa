// SPDX-License-Identifier: Apache-2.0
// Asks a service over varlink: JSON with a NUL behind it over a Unix socket. Knows no service, and does not look into
// the answer.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "ask_daemon.h"
#include "handles.h"

namespace vpndoctor {

class VarlinkConnection {
 public:
  /// Connects to the socket at `path` (it must fit a sockaddr_un). Never waits: a listener whose queue is full counts
  /// as silent.
  static Asked<VarlinkConnection> open(const std::string& path);

  /// Calls a method without parameters and returns the reply's JSON, without the NUL: at most 8 MiB. An error of the
  /// service is a reply like any other.
  Asked<std::string> call(std::string_view method, const Deadline& deadline);

  /// The process that listens there, in this PID namespace; null when it is in none that can be seen from here. It is
  /// the service manager where that made the socket.
  std::optional<pid_t> listener() const;

 private:
  explicit VarlinkConnection(Fd socket) : socket_(std::move(socket)) {}
  Asked<void> wait(short events, const Deadline& deadline) const;
  Asked<void> send(std::string_view text, const Deadline& deadline);
  Asked<std::string> receive(const Deadline& deadline);

  Fd socket_;
};

}  // namespace vpndoctor
