// SPDX-License-Identifier: Apache-2.0
// Looks at the counters of every tunnel twice: only what moves between two looks shows whether a tunnel works.
#pragma once

#include <chrono>
#include <memory>

#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// Takes the first look when it is made, the second in finish().
class TunnelActivityReader {
 public:
  /// Looks at the counters of the snapshot's tunnels and of its physical interfaces.
  explicit TunnelActivityReader(const Snapshot& snapshot);
  ~TunnelActivityReader();
  TunnelActivityReader(TunnelActivityReader&&) noexcept;
  TunnelActivityReader& operator=(TunnelActivityReader&&) noexcept;

  /// How much longer finish() waits: until 1 s after the first look, 6 s where a WireGuard handshake is over 180 s old.
  std::chrono::milliseconds remaining() const;
  /// Waits, then looks again, and each second until 6 s are over where a tunnel was sent into and nothing came out: an
  /// answer may be late. A readable `interrupt_descriptor` (-1: none) ends the wait; then the limits say so.
  Observed<TunnelActivity> finish(int interrupt_descriptor);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vpndoctor
