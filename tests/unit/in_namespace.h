// SPDX-License-Identifier: Apache-2.0
// Runs a piece of a test in a network namespace of its own, in a child process, so that neither the machine nor another
// test sees what it sets up. Knows nothing of what is tested.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "other_process.h"

namespace vpndoctor::testing_support {

/// Runs `body` in a new network namespace (and, without root, a new user namespace). The body's failed expectations
/// fail the calling test. Skips the calling test, with the reason, where namespaces are not allowed. Call it last.
void in_network_namespace(const std::function<void()>& body);

/// A second network namespace, kept by a process that waits; gone when this object is. Only inside a body.
class PeerNamespace {
 public:
  PeerNamespace();

  pid_t pid() const { return keeper_.pid(); }
  /// Runs a shell command in it; an expectation fails when the command does.
  void run(const std::string& command) const;

 private:
  OtherProcess keeper_;
};

/// Runs a shell command; an expectation fails when it does.
void run(const std::string& command);
/// Runs a shell command and returns what it printed on stdout, whatever its exit code.
std::string output_of(const std::string& command);

}  // namespace vpndoctor::testing_support
