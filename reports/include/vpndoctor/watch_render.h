// SPDX-License-Identifier: Apache-2.0
// Shows what `routes watch` sees: a line an event, and at its end what is different from the start. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "vpndoctor/event_folder.h"
#include "vpndoctor/render.h"
#include "vpndoctor/routes_report.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// How a watch went, beside what is different.
struct WatchEnd {
  std::chrono::system_clock::time_point at;
  std::size_t events = 0;
  std::size_t resynchronisations = 0;
  bool interrupted = false;
  bool stable = true;  ///< false: something was still changing, so that the last state is not sure
};

/// Says whether the end answers what was asked: no when a facet could not be watched, and when nothing differs in a
/// last state that is not sure.
bool is_undetermined(const RoutesDiffReport& report, const WatchEnd& end);

/// Returns one line, ending in a newline; `clock_time` is the local time of the event.
std::string render_event_text(const EventLine& line, std::string_view clock_time, const TextOptions& options = {});

/// Returns the summary as text: what is different, then how many events there were.
std::string render_watch_text(const RoutesDiffReport& report, const WatchEnd& end, const TextOptions& options = {});

/// Returns {"kind":"summary", ..., "data": as of routes diff} on one line, ending in a newline.
std::string render_watch_json(const RoutesDiffReport& report, const WatchEnd& end);

/// Returns {"kind":"began","at":...} on one line, ending in a newline: from here on every change is told.
std::string render_watch_began_json(std::chrono::system_clock::time_point at);

}  // namespace vpndoctor
