// SPDX-License-Identifier: Apache-2.0
// Programs that run inside a network namespace of the lab, with or without privileges, and never outlive it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "namespaces.h"
#include "vpndoctor/result.h"

namespace vpndoctor::lab {

struct Command {
  std::vector<std::string> argv;
  const NetNamespace* inside = nullptr;
  bool unprivileged = false;             ///< without any capability and, where that user exists, as user 65534
  std::vector<std::string> environment;  ///< "NAME=value", added to the lab's own
};

struct Outcome {
  int exit_code = -1;  ///< 128 + signal when a signal ended it
  std::string output;
  std::string errors;
  bool timed_out = false;
  std::chrono::duration<double> elapsed{};
};

/// A running program; ends it when it goes out of scope.
class Process {
 public:
  struct Streams {
    int input = -1;  ///< -1: the lab's own
    int output = -1;
    int errors = -1;
  };
  static Result<Process> start(const Command& command, Streams streams);
  Process(Process&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Process& operator=(Process&& other) noexcept {
    std::swap(pid_, other.pid_);
    return *this;
  }
  ~Process();
  /// Waits for its end and returns the exit code, or 128 + signal.
  int wait();
  bool is_running();
  void kill_now();

 private:
  explicit Process(pid_t pid) : pid_(pid) {}
  pid_t pid_ = -1;
};

/// Runs a program with the lab's own standard streams and returns its exit code.
Result<int> run_attached(const Command& command);
/// Runs a program, collects what it writes, and ends it after `limit`.
Result<Outcome> run_captured(const Command& command, std::chrono::seconds limit);
/// Runs a program with `input` on its standard input; fails when it does not exit with 0, else returns its output.
Result<std::string> run_checked(const Command& command, const std::string& input = {});
/// True when a program of that name is on the search path.
bool is_installed(const std::string& program);

}  // namespace vpndoctor::lab
