// SPDX-License-Identifier: Apache-2.0
// Watches the routing state of this namespace: every change as it happens, with the process that asked for it where it
// can be told. It reads again after lost events and after a link goes away; only an exact reading counts, so that what
// it tells happened and its state equals a fresh dump once nothing moves.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>

#include "vpndoctor/result.h"
#include "vpndoctor/route_event.h"
#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

struct WatchRequest {
  std::optional<std::chrono::duration<double>> duration;  ///< null: until interrupted
  int interrupt_descriptor = -1;                          ///< readable once the user wants to stop; -1: none
  int output_descriptor = -1;                             ///< whose reader may go away: then it ends; -1: none
  std::function<bool(const RouteEvent&)> on_event;        ///< returns false to stop (the output is closed)
  /// Called with the first state once changes are seen; returns false to stop.
  std::function<bool(const Snapshot&)> on_begin;
  std::function<bool()> on_quiet;  ///< called after `quiet` without an event, once; returns false to stop
  std::chrono::milliseconds quiet{200};
  int receive_buffer_bytes = 16 << 20;  ///< wished; without privilege the system's limit holds
};

struct WatchResult {
  Snapshot first;  ///< the state when it began
  Snapshot last;   ///< the state when it ended; `stable` is false when it may differ from the kernel's
  std::size_t events = 0;
  std::size_t resynchronisations = 0;
  bool interrupted = false;
  bool output_closed = false;  ///< nobody reads any more
};

/// Watches until the time is over or the user stops it. Fails when neither routes nor rules can be read; one of them
/// that cannot is missing in both states, and not watched.
Result<WatchResult> watch_routes(const WatchRequest& request);

}  // namespace vpndoctor
