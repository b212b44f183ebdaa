// SPDX-License-Identifier: Apache-2.0
// A second process for a test: it sets something up, says so, and keeps it until it is told to end.
#pragma once

#include <sys/types.h>

#include <functional>

namespace vpndoctor::testing_support {

/// Runs `set_up` in a child, which then waits; killed when this object goes. Only inside a body of
/// in_network_namespace().
class OtherProcess {
 public:
  /// Returns when `set_up` has; an expectation fails where that returned false.
  explicit OtherProcess(const std::function<bool()>& set_up);
  ~OtherProcess();
  OtherProcess(const OtherProcess&) = delete;
  OtherProcess& operator=(const OtherProcess&) = delete;

  pid_t pid() const { return pid_; }
  /// Stops it by SIGSTOP; returns when it is stopped.
  void stop() const;

 private:
  pid_t pid_ = -1;
  int hold_ = -1;
};

/// Whether tun devices cannot be made here.
bool may_not_make_tun();

/// Opens a tun device of this network namespace; -1, and a failed expectation, where that is not possible.
int open_tun(const char* name, bool multi_queue = false);

/// Gives this process a /run/wireguard of its own, in a mount namespace. Needs root.
void hide_control_sockets();

/// Enters the network namespace of a process; false when that is refused.
bool enter_namespace_of(pid_t pid);

}  // namespace vpndoctor::testing_support
