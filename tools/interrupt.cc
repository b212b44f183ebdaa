// SPDX-License-Identifier: Apache-2.0
// SIGINT and SIGTERM as bytes in a signalfd: nothing runs in a signal handler.
#include "interrupt.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

namespace vpndoctor {

Interrupt::Interrupt() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  if (sigprocmask(SIG_BLOCK, &signals, nullptr) == 0) descriptor_ = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

Interrupt::~Interrupt() {
  if (descriptor_ >= 0) close(descriptor_);
}

bool Interrupt::happened() const {
  pollfd polled{descriptor_, POLLIN, 0};
  return descriptor_ >= 0 && poll(&polled, 1, 0) == 1;
}

}  // namespace vpndoctor
