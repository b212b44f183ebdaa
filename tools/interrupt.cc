// SPDX-License-Identifier: Apache-2.0
// SIGINT and SIGTERM as bytes in a signalfd: nothing runs in a signal handler.
#include "interrupt.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <initializer_list>
#include <utility>

namespace vpndoctor {
namespace {

sigset_t set_of(std::initializer_list<int> numbers) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : numbers) sigaddset(&signals, number);
  return signals;
}

}  // namespace

HeldSignals::HeldSignals() {
  const sigset_t signals = set_of({SIGINT, SIGTERM, SIGHUP, SIGQUIT});
  sigprocmask(SIG_BLOCK, &signals, &before_);
}

HeldSignals::~HeldSignals() { sigprocmask(SIG_SETMASK, &before_, nullptr); }

Interrupt::Interrupt() {
  const sigset_t signals = set_of({SIGINT, SIGTERM});
  if (sigprocmask(SIG_BLOCK, &signals, &before_) != 0) return;
  descriptor_ = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  if (descriptor_ < 0) sigprocmask(SIG_SETMASK, &before_, nullptr);
}

bool Interrupt::happened() const {
  pollfd polled{descriptor_, POLLIN, 0};
  return has_happened_ || (descriptor_ >= 0 && poll(&polled, 1, 0) == 1);
}

bool Interrupt::release() {
  const int descriptor = std::exchange(descriptor_, -1);
  if (descriptor < 0) return has_happened_;
  // What is taken here was answered by an early end; what comes after it is still pending when the mask falls.
  signalfd_siginfo taken{};
  while (read(descriptor, &taken, sizeof taken) == sizeof taken) has_happened_ = true;
  close(descriptor);
  sigprocmask(SIG_SETMASK, &before_, nullptr);
  return has_happened_;
}

}  // namespace vpndoctor
