// SPDX-License-Identifier: Apache-2.0
// Spreads a budget of bytes a round trip evenly over the round trip, so that probing itself causes no loss.
#pragma once

#include <algorithm>
#include <cstdint>

#include "vpndoctor/probe.h"

namespace vpndoctor {

class Pacer {
 public:
  explicit Pacer(std::uint32_t bytes_per_round_trip) : budget_(bytes_per_round_trip) {}

  /// The earliest time of the next packet.
  TimePoint next() const { return next_; }
  /// Books a packet sent at `now`; `rtt` is the round trip, at least a millisecond is assumed.
  void book(std::uint32_t bytes, TimePoint now, Milliseconds rtt) {
    const Milliseconds period = std::max(rtt, Milliseconds(1));
    // A tenth of a round trip may be caught up after an idle time; the rate is a tenth lower for it.
    const auto start = std::max(next_, now - ticks(period * kSlack));
    next_ = start + ticks(period * (bytes / (budget_ * (1 - kSlack))));
  }
  void scale(double factor) { budget_ *= factor; }

 private:
  static constexpr double kSlack = 0.1;
  static TimePoint::duration ticks(Milliseconds time) { return std::chrono::round<TimePoint::duration>(time); }

  double budget_;
  TimePoint next_{};
};

}  // namespace vpndoctor
