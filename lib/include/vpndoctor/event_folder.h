// SPDX-License-Identifier: Apache-2.0
// Folds a burst of route changes into one line for a person: 800 routes of one tunnel are one thing that happened.
// Pure: the time is the events' own.
#pragma once

#include <vector>

#include "vpndoctor/route_event.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// What one person reads in one line.
struct EventLine {
  std::chrono::system_clock::time_point at;
  std::string text;  ///< names are as they came: escape it
  RouteEventKind kind = RouteEventKind::kAdded;
};

class EventFolder {
 public:
  static constexpr std::chrono::milliseconds kQuiet{200};     ///< a burst ends after so long without another event
  static constexpr std::chrono::milliseconds kLongest{2000};  ///< and after so long in any case
  static constexpr std::size_t kMostSingle = 3;  ///< a burst of no more events than these is told one by one

  /// Takes an event and returns the lines that are ready. Routes that the kernel derives from addresses and links are
  /// not told.
  std::vector<EventLine> take(const RouteEvent& event);
  /// Returns what was held back: call it after kQuiet without an event, and at the end.
  std::vector<EventLine> flush();

 private:
  bool continues_burst(const RouteEvent& event) const;

  std::vector<RouteEvent> held_;  ///< the first ones of the burst
  std::size_t held_count_ = 0;
};

}  // namespace vpndoctor
