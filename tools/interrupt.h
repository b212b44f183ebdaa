// SPDX-License-Identifier: Apache-2.0
// Turns Ctrl-C and a polite request to end into a readable descriptor, so that what is known so far can be reported.
// Only for work that polls the descriptor: whatever else waits is ended by the signal itself, as everywhere.
#pragma once

#include <csignal>

namespace vpndoctor {

/// While it lives, signals that would end the program wait, so that a step is done wholly or not at all.
class HeldSignals {
 public:
  HeldSignals();
  ~HeldSignals();
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

 private:
  sigset_t before_{};
};

/// While it lives, SIGINT and SIGTERM do nothing but make its descriptor readable (make it before any thread starts).
class Interrupt {
 public:
  Interrupt();
  ~Interrupt() { release(); }
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  /// Readable once a signal came; stays readable. -1 when the system offers none, or after release().
  int descriptor() const { return descriptor_; }
  bool happened() const;

  /// Gives the signals their usual effect back, and returns whether one came; one that comes from now on ends the
  /// program. To be called before the result is written: a reader that does not read must not hold it for ever.
  bool release();

 private:
  int descriptor_ = -1;
  bool has_happened_ = false;
  sigset_t before_{};
};

}  // namespace vpndoctor
