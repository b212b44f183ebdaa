// SPDX-License-Identifier: Apache-2.0
// Turns Ctrl-C and a polite request to end into a readable descriptor, so that what is known so far can be reported.
#pragma once

namespace vpndoctor {

/// Blocks SIGINT and SIGTERM for the whole process (call before any thread starts).
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  /// Readable once a signal came; stays readable. -1 when the system offers none.
  int descriptor() const { return descriptor_; }
  bool happened() const;

 private:
  int descriptor_ = -1;
};

}  // namespace vpndoctor
