// SPDX-License-Identifier: Apache-2.0
// The private world of the lab: a user namespace where that is needed, a mount namespace with an empty /run, and
// unnamed network namespaces that vanish with the process. Knows nothing of what is built inside them.
#pragma once

#include <string>

#include "handles.h"
#include "vpndoctor/result.h"

namespace vpndoctor::lab {

/// Gives this process the right to make namespaces and a mount namespace of its own with an empty /run. Call it once,
/// before any thread starts. Fails where the system allows neither, saying which call was refused.
Result<void> enter_private_world();

/// A network namespace, kept alive by a descriptor.
class NetNamespace {
 public:
  /// Makes a namespace with `lo` up, without DAD, router solicitation and listening to router advertisements.
  static Result<NetNamespace> create();
  /// Moves the calling thread into it.
  bool enter() const;
  int fd() const { return fd_.get(); }

 private:
  explicit NetNamespace(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

/// Moves the calling thread into a namespace for the duration of a scope.
class InNamespace {
 public:
  explicit InNamespace(const NetNamespace& inside);
  ~InNamespace();
  InNamespace(const InNamespace&) = delete;

 private:
  Fd outside_;
};

/// Writes a setting below /proc/sys/net of the calling thread's namespace; false when it does not exist or is refused.
bool write_sysctl(const std::string& name, const std::string& value);

}  // namespace vpndoctor::lab
