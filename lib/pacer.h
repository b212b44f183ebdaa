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
    // Some time may be caught up after a pause, and the packet that ends a round trip is in it whole: the rate is lower
    // for both. Jumbo packets and fragmented ones may exceed the budget by one of them.
    const auto start = std::max(next_, now - ticks(period * kSlack));
    largest_ = std::max(largest_, std::min<double>(bytes, kEthernetBytes));
    const double rate = std::max(budget_ - largest_, budget_ / 2) / (1 + kSlack);
    next_ = start + ticks(period * (bytes / rate));
  }
  void scale(double factor) { budget_ *= factor; }

 private:
  static constexpr double kSlack = 0.05;
  static constexpr double kEthernetBytes = 1500;
  static TimePoint::duration ticks(Milliseconds time) { return std::chrono::round<TimePoint::duration>(time); }

  double budget_;
  double largest_ = 0;
  TimePoint next_{};
};

}  // namespace vpndoctor
