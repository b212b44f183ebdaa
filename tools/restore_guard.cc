// SPDX-License-Identifier: Apache-2.0
// The guard's own process, and the side that started it. They speak single bytes over a socket pair; an end that is
// closed says that its process is gone.
#include "restore_guard.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <utility>

#include "restore_confirmation.h"
#include "restore_rollback.h"
#include "vpndoctor/snapshot_store.h"

namespace vpndoctor {
namespace {

using Clock = std::chrono::steady_clock;

/// From the program to the guard.
constexpr char kApplied = 'a';
constexpr char kKeep = 'k';
constexpr char kRollBack = 'r';
constexpr char kNothingDone = 'n';

/// From the guard to the program: a GuardOutcome as a digit.
char outcome_byte(GuardOutcome outcome) { return static_cast<char>('0' + static_cast<int>(outcome)); }

/// Leaves the terminal, and what the guard would otherwise keep open for a reader of the program's output.
void leave_terminal() {
  ::setsid();
  const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int descriptor = 0; descriptor <= 2 && nowhere >= 0; ++descriptor) ::dup2(nowhere, descriptor);
}

/// SIGTERM, as a session that ends sends it, is a reason to roll back at once; SIGHUP and SIGINT are none.
int termination_descriptor() {
  sigset_t all;
  sigfillset(&all);
  ::sigprocmask(SIG_BLOCK, &all, nullptr);
  sigset_t termination;
  sigemptyset(&termination);
  sigaddset(&termination, SIGTERM);
  return ::signalfd(-1, &termination, SFD_CLOEXEC | SFD_NONBLOCK);
}

class Guard {
 public:
  Guard(const GuardRequest& request, int channel, int listener)
      : request_(&request), channel_(channel), listener_(listener), user_(invoking_user()) {}

  /// Runs until the restored state is kept or rolled back.
  void run() {
    leave_terminal();
    const int termination = termination_descriptor();
    std::array<pollfd, 3> polled = {pollfd{channel_, POLLIN, 0}, pollfd{listener_, POLLIN, 0},
                                    pollfd{termination, POLLIN, 0}};
    while (true) {
      // Until everything is applied the program is at work: nobody can confirm yet, and to undo would be a race with
      // it.
      polled[1].fd = is_applied_ ? listener_ : -1;
      polled[2].fd = is_applied_ ? termination : -1;
      const int ready = ::poll(polled.data(), polled.size(), milliseconds_left());
      if (ready < 0 && errno == EINTR) continue;
      if (ready <= 0 || polled[2].revents != 0) return finish(roll_back());
      if (polled[1].revents != 0 && take_confirmation(listener_, user_)) return finish(GuardOutcome::kKept);
      if (polled[0].revents != 0 && !take_word(polled[0])) return;
    }
  }

 private:
  /// The time runs from the moment when everything is applied; before that the program is at work.
  int milliseconds_left() const {
    if (!is_applied_) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
    return static_cast<int>(std::clamp<decltype(left)>(left, 0, 1 << 30));
  }

  /// Returns false when the guard is done.
  bool take_word(pollfd& polled) {
    char word = 0;
    if (::recv(channel_, &word, 1, 0) != 1) return take_silence(polled);
    switch (word) {
      case kApplied:
        is_applied_ = true;
        deadline_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(request_->patience);
        return true;
      case kKeep:
        finish(GuardOutcome::kKept);
        return false;
      case kRollBack:
        finish(roll_back());
        return false;
      default:
        return false;
    }
  }

  /// The program is gone: after its work the guard waits on by itself, in the middle of it all is taken back.
  bool take_silence(pollfd& polled) {
    polled.fd = -1;
    if (is_applied_) return true;
    finish(roll_back());
    return false;
  }

  GuardOutcome roll_back() const {
    const RollBackRequest request{request_->plan, request_->before, request_->optional_too, is_applied_};
    return vpndoctor::roll_back(request).complete ? GuardOutcome::kRolledBack : GuardOutcome::kFailed;
  }

  void finish(GuardOutcome outcome) const {
    const char byte = outcome_byte(outcome);
    ::send(channel_, &byte, 1, MSG_NOSIGNAL);
  }

  const GuardRequest* request_;
  int channel_;
  int listener_;
  uid_t user_;
  bool is_applied_ = false;
  Clock::time_point deadline_;
};

/// True for the controlling terminal of a program that is not in its foreground: to read from it, or to discard what
/// was typed, would stop the program.
bool is_in_background(int terminal) {
  const pid_t foreground = ::tcgetpgrp(terminal);
  return foreground >= 0 && foreground != ::getpgrp();
}

/// The terminal, for Enter: standard input when it is one. -1: there is none, or another program has it.
int open_terminal() {
  const bool is_input = ::isatty(STDIN_FILENO) != 0;
  const int terminal =
      is_input ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : ::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  if (terminal < 0 || !is_in_background(terminal)) return terminal;
  ::close(terminal);
  return -1;
}

/// True when a line was typed; a terminal that hung up says nothing.
bool took_enter(int terminal) {
  std::array<char, 256> text{};
  const ssize_t got = ::read(terminal, text.data(), text.size());
  return got > 0 && std::find(text.begin(), text.begin() + got, '\n') != text.begin() + got;
}

void say(int channel, char word) { ::send(channel, &word, 1, MSG_NOSIGNAL); }

/// Puts off what stops a program from its terminal; returns the signals that were blocked before. A program that is
/// stopped between two steps would leave the machine there, and its guard waiting.
sigset_t block_stops() {
  sigset_t stops;
  sigemptyset(&stops);
  for (const int number : {SIGTSTP, SIGTTIN, SIGTTOU}) sigaddset(&stops, number);
  sigset_t before;
  ::sigprocmask(SIG_BLOCK, &stops, &before);
  return before;
}

/// What the guard said last; nothing when it is gone without a word.
GuardOutcome last_word(int channel, pid_t pid) {
  char byte = 0;
  const bool spoke = ::recv(channel, &byte, 1, 0) == 1;
  ::waitpid(pid, nullptr, 0);
  return spoke ? static_cast<GuardOutcome>(byte - '0') : GuardOutcome::kGone;
}

}  // namespace

Result<RestoreGuard> RestoreGuard::start(const GuardRequest& request) {
  const auto listener = listen_for_confirmation();
  if (!listener) return std::unexpected(listener.error());
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0) {
    ::close(*listener);
    return failure(ErrorKind::kUnavailable, fmt::format("start the guard: {}", std::strerror(errno)));
  }
  const sigset_t signals = block_stops();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(pair[0]);
    Guard(request, pair[1], *listener).run();
    ::_exit(0);
  }
  ::close(*listener);
  ::close(pair[1]);
  if (pid > 0) return RestoreGuard(pid, pair[0], signals);
  ::sigprocmask(SIG_SETMASK, &signals, nullptr);
  ::close(pair[0]);
  return failure(ErrorKind::kUnavailable, fmt::format("start the guard: {}", std::strerror(errno)));
}

RestoreGuard::RestoreGuard(RestoreGuard&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      channel_(std::exchange(other.channel_, -1)),
      signals_(std::exchange(other.signals_, std::nullopt)) {}

RestoreGuard::~RestoreGuard() {
  unblock_stops();
  if (channel_ >= 0) ::close(channel_);
}

void RestoreGuard::unblock_stops() {
  if (signals_) ::sigprocmask(SIG_SETMASK, &*signals_, nullptr);
  signals_.reset();
}

void RestoreGuard::dismiss() {
  say(channel_, kNothingDone);
  ::waitpid(pid_, nullptr, 0);
}

GuardOutcome RestoreGuard::roll_back() {
  say(channel_, kRollBack);
  return last_word(channel_, pid_);
}

GuardOutcome RestoreGuard::wait(const Interrupt& interrupt, const std::function<void()>& prompt) {
  // The guard's clock first: whatever stops this program from here on, the guard goes on.
  say(channel_, kApplied);
  unblock_stops();
  const int terminal = open_terminal();
  if (terminal >= 0) ::tcflush(terminal, TCIFLUSH);
  prompt();
  std::array<pollfd, 3> polled = {pollfd{channel_, POLLIN, 0}, pollfd{terminal, POLLIN, 0},
                                  pollfd{interrupt.descriptor(), POLLIN, 0}};
  while (polled[0].revents == 0) {
    if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) break;
    if (polled[1].revents != 0) {
      if (took_enter(terminal)) say(channel_, kKeep);
      if ((polled[1].revents & (POLLHUP | POLLERR)) != 0) polled[1].fd = -1;
    }
    if (polled[2].revents != 0) {
      say(channel_, kRollBack);
      polled[2].fd = -1;
    }
  }
  if (terminal >= 0) ::close(terminal);
  return last_word(channel_, pid_);
}

}  // namespace vpndoctor
