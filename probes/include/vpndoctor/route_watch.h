// SPDX-License-Identifier: Apache-2.0
// Watches the routing state of this namespace: every change as it happens, with the process that asked for it where it
// can be told. Its own state always equals a fresh dump: it reads again after lost events and after a link goes away.
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
  std::function<bool()> on_begin;                         ///< called once changes are seen; returns false to stop
  std::function<bool()> on_quiet;  ///< called after `quiet` without an event, once; returns false to stop
  std::chrono::milliseconds quiet{200};
  int receive_buffer_bytes = 16 << 20;  ///< wished; without privilege the system's limit holds
};

struct WatchResult {
  Snapshot first;  ///< the state when it began
  Snapshot last;   ///< the state when it ended
  std::size_t events = 0;
  std::size_t resynchronisations = 0;
  bool interrupted = false;
  bool output_closed = false;  ///< nobody reads any more
};

/// Watches until the time is over or the user stops it.
Result<WatchResult> watch_routes(const WatchRequest& request);

}  // namespace vpndoctor
