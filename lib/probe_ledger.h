// SPDX-License-Identifier: Apache-2.0
// Every probe of one search in the order it was sent, what became of it, and what that says about round trip and
// loss. Knows nothing of why a probe was sent.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "vpndoctor/probe.h"

namespace vpndoctor {

enum class Outcome : std::uint8_t { kInFlight, kReached, kTimeExceeded, kTooBig, kUnreachable, kLost };

struct SentProbe {
  Probe probe;
  TimePoint sent;
  Outcome outcome = Outcome::kInFlight;
  Milliseconds rtt{};
};

/// Probes that are alike: one method, TTL and size.
struct ProbeKey {
  Method method = Method::kEcho;
  std::uint8_t ttl = kFullTtl;
  std::uint32_t size_bytes = 0;
  auto operator<=>(const ProbeKey&) const = default;
};

/// What became of all probes of one key. `answered` counts proofs that the size got to the probe's destination.
struct Tally {
  std::uint16_t sent = 0;
  std::uint16_t answered = 0;
  std::uint16_t too_big = 0;
  std::uint16_t lost = 0;  ///< timed out
  std::uint16_t in_flight = 0;
};

class ProbeLedger {
 public:
  /// Enters a probe just sent; its id must be next_id().
  void record(const Probe& probe, TimePoint now);
  std::uint16_t next_id() const { return static_cast<std::uint16_t>(probes_.size() + 1); }
  /// Enters what a reply says about its probe. A late success replaces a timeout: success is proof, loss only
  /// evidence. Returns the probe, or null for an id that was never sent.
  const SentProbe* settle(const Reply& reply, TimePoint now);
  /// Marks probes lost whose wait is over.
  void expire(TimePoint now);
  /// When the next probe in flight times out; nullopt when none is in flight.
  std::optional<TimePoint> next_expiry() const;

  const std::vector<SentProbe>& probes() const { return probes_; }
  const SentProbe* find(std::uint16_t id) const;
  Tally tally(const ProbeKey& key) const;
  const std::map<ProbeKey, Tally>& tallies() const { return tallies_; }

  /// True when a full-TTL probe of this method and size was answered by the target.
  bool passes(Method method, std::uint32_t size_bytes) const {
    return size_bytes < kSizes && passing_[static_cast<std::size_t>(method)][size_bytes];
  }
  /// The largest size for which passes() is true; 0 when there is none.
  std::uint32_t largest_passing(Method method) const { return largest_passing_[static_cast<std::size_t>(method)]; }
  bool any_reached(Method method) const { return passing_[static_cast<std::size_t>(method)].any(); }
  /// Changes whenever an outcome changes; lets readers keep what they derived.
  std::uint64_t version() const { return version_; }
  /// Smallest round trip to the target; nullopt before the first answer.
  std::optional<Milliseconds> min_rtt() const { return min_rtt_; }
  std::optional<Milliseconds> smoothed_rtt() const { return smoothed_rtt_; }
  /// How long to wait before the search goes on as if a probe were lost (follows the measured round trips).
  Milliseconds timeout() const;
  /// How long a loss must have lasted before a verdict rests on it; at least timeout().
  Milliseconds grace() const;

 private:
  static constexpr std::size_t kSizes = 65536;

  void note_rtt(Milliseconds rtt);
  void change(SentProbe& entry, Outcome outcome);

  std::vector<SentProbe> probes_;
  std::map<ProbeKey, Tally> tallies_;
  std::array<std::bitset<kSizes>, 3> passing_;
  std::array<std::uint32_t, 3> largest_passing_{};
  std::uint64_t version_ = 0;
  std::size_t first_in_flight_ = 0;
  std::optional<Milliseconds> min_rtt_;
  std::optional<Milliseconds> smoothed_rtt_;
  Milliseconds max_rtt_{};
  Milliseconds deviation_{};
};

/// How long a limit of answers needs until it allows the next (Linux: one a second and destination).
inline constexpr std::chrono::milliseconds kRateLimitRecovery{1100};

/// Where the latest controls, the probes of one key, were all lost and chance does not explain that: returns the last
/// one's id. Otherwise 0. `chance`: that one of them is lost.
std::uint16_t end_of_silence(const ProbeLedger& ledger, const ProbeKey& controls, double chance);

/// Estimates loss from probes whose size is known to pass, and how sure "this size is lost" is. A loss counts only
/// when a probe of a size known to pass, sent right before or after it, was answered: then neither a burst of loss nor
/// an emptied rate limit explains it.
class LossModel {
 public:
  /// `answers_are_scarce`: the target limits its answers (UDP), so that only a control sent afterwards is a witness.
  LossModel(const ProbeLedger& ledger, Method method, bool answers_are_scarce);

  /// Probability that one probe of a size near `size_bytes` is lost by chance although the sizes passes; the worse of
  /// small and large controls.
  double chance(std::uint32_t size_bytes) const;
  /// True when this probe (by index in the ledger) is evidence that its size does not pass: a too-big message, or a
  /// witnessed loss.
  bool is_evidence(std::size_t index) const;
  /// Loss of controls, 0..1; nullopt before the first is settled.
  std::optional<double> control_loss() const;
  /// A full-TTL probe of a size that is known to pass.
  bool is_control(const SentProbe& entry) const;
  /// Losses of probes before this index are neither evidence nor part of the estimate.
  void forget_before(std::size_t index) { first_ = index; }

 private:
  bool tells_chance(const SentProbe& entry) const;
  bool witnessed(std::size_t index) const;

  const ProbeLedger& ledger_;
  Method method_;
  bool scarce_;
  std::size_t first_ = 0;
};

}  // namespace vpndoctor
