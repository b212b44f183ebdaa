// SPDX-License-Identifier: Apache-2.0
// The path MTU search as a state machine: says which probe to send next, takes the answers, takes time as an argument.
// No socket, no clock: it runs against simulated networks as well as against the real one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "vpndoctor/path_mtu.h"
#include "vpndoctor/probe.h"

namespace [[gnu::visibility("default")]] vpndoctor {

struct PathMtuSearchOptions {
  Family family = Family::kInet;
  IpAddress target;
  std::optional<Method> method;    ///< null: echo, and UDP when no echo is answered
  std::uint32_t min_bytes = 0;     ///< 0: the smallest control
  std::uint32_t max_bytes = 1500;  ///< upper bound, usually the device MTU
  CarrierAbilities abilities;
  std::uint32_t rate_bytes_per_round_trip = 32 * 1024;
  bool gentle = false;               ///< at most 11 sizes at a time
  Milliseconds give_up_after{3000};  ///< without any answer
  Milliseconds deadline{30000};      ///< for the whole search
};

class PathMtuSearch {
 public:
  PathMtuSearch(const PathMtuSearchOptions& options, TimePoint now);
  ~PathMtuSearch();
  PathMtuSearch(PathMtuSearch&&) noexcept;

  /// Returns the next probe to send at `now`, or nullopt when nothing may be sent before wake_at(). A probe returned
  /// counts as sent; say so with on_send_failure() when it was not.
  std::optional<Probe> next(TimePoint now);
  /// Takes what came back. Believes nothing before it is checked: RFC 8201 section 4, RFC 8899 section 4.6.
  void on_reply(const Reply& reply, TimePoint now);
  void on_send_failure(const Probe& probe, SendFailure failure, TimePoint now);
  /// Takes what the capture knows of fragmented replies, whenever it changes.
  void on_reply_fragments(const ReplyFragments& fragments);

  /// When next() should be called again even if nothing arrives. Meaningless once done().
  TimePoint wake_at(TimePoint now) const;
  bool done() const;
  /// Ends the search with what is known; `incomplete` when it was interrupted.
  void stop(bool incomplete);

  /// The target, or any router on the way, answered.
  bool heard_anything() const;
  std::optional<Milliseconds> round_trip() const;
  /// The largest size proven to get there and back so far; null before the first answer.
  std::optional<std::uint32_t> largest_answered_bytes() const;
  /// The size that seems to be the first lost one, as soon as there is a suspicion.
  std::optional<std::uint32_t> suspected_lost_bytes() const;

  /// A probe of a size that passes was lost.
  bool saw_loss() const;
  /// The suspected size is lost on the way there: refused by a router, or lost before the target, whatever comes back.
  bool lost_on_the_way_there() const;

  /// Writes everything learned into the measurement (its target, egress and TCP parts are left alone).
  void describe(PathMtuMeasurement& measurement) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vpndoctor
