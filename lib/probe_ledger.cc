// SPDX-License-Identifier: Apache-2.0
// The bookkeeping of sent probes: answers, deadlines, the smoothed round trip, and tallies by method, TTL and size.
#include "probe_ledger.h"

#include <algorithm>
#include <cmath>

namespace vpndoctor {
namespace {

// RFC 6298's smoothing constants.
constexpr double kRttGain = 1.0 / 8;
constexpr double kDeviationGain = 1.0 / 4;
constexpr Milliseconds kInitialTimeout{1000};

ProbeKey key_of(const Probe& probe) { return {probe.method, probe.ttl, probe.size_bytes}; }

Outcome outcome_of(Reply::Kind kind) {
  switch (kind) {
    case Reply::Kind::kReached:
      return Outcome::kReached;
    case Reply::Kind::kTimeExceeded:
      return Outcome::kTimeExceeded;
    case Reply::Kind::kTooBig:
      return Outcome::kTooBig;
    case Reply::Kind::kUnreachable:
      break;
  }
  return Outcome::kUnreachable;
}

bool is_success(Outcome outcome) { return outcome == Outcome::kReached || outcome == Outcome::kTimeExceeded; }

std::uint16_t* counter(Tally& tally, Outcome outcome) {
  switch (outcome) {
    case Outcome::kInFlight:
      return &tally.in_flight;
    case Outcome::kReached:
    case Outcome::kTimeExceeded:
      return &tally.answered;
    case Outcome::kTooBig:
      return &tally.too_big;
    case Outcome::kLost:
      return &tally.lost;
    case Outcome::kUnreachable:
      break;
  }
  return nullptr;
}

}  // namespace

void ProbeLedger::record(const Probe& probe, TimePoint now) {
  probes_.push_back({probe, now});
  ++version_;
  if (probe.fragmented) return;
  Tally& tally = tallies_[key_of(probe)];
  ++tally.sent;
  ++tally.in_flight;
}

const SentProbe* ProbeLedger::find(std::uint16_t id) const {
  return id == 0 || id > probes_.size() ? nullptr : &probes_[id - 1U];
}

void ProbeLedger::change(SentProbe& entry, Outcome outcome) {
  ++version_;
  if (!entry.probe.fragmented) {
    Tally& tally = tallies_[key_of(entry.probe)];
    if (auto* before = counter(tally, entry.outcome)) --*before;
    if (auto* after = counter(tally, outcome)) ++*after;
    if (outcome == Outcome::kReached && entry.probe.ttl == kFullTtl && entry.probe.size_bytes < kSizes) {
      passing_[static_cast<std::size_t>(entry.probe.method)].set(entry.probe.size_bytes);
      auto& largest = largest_passing_[static_cast<std::size_t>(entry.probe.method)];
      largest = std::max(largest, entry.probe.size_bytes);
    }
  }
  entry.outcome = outcome;
}

const SentProbe* ProbeLedger::settle(const Reply& reply, TimePoint now) {
  if (!reply.probe_id || !find(*reply.probe_id)) return nullptr;
  SentProbe& entry = probes_[*reply.probe_id - 1U];
  const Outcome outcome = outcome_of(reply.kind);
  if (entry.outcome != Outcome::kInFlight && (!is_success(outcome) || is_success(entry.outcome))) return &entry;
  change(entry, outcome);
  entry.rtt = now - entry.sent;
  if (outcome == Outcome::kReached && !entry.probe.fragmented) note_rtt(entry.rtt);
  return &entry;
}

void ProbeLedger::note_rtt(Milliseconds rtt) {
  min_rtt_ = min_rtt_ ? std::min(*min_rtt_, rtt) : rtt;
  max_rtt_ = std::max(max_rtt_, rtt);
  if (!smoothed_rtt_) {
    smoothed_rtt_ = rtt;
    deviation_ = rtt / 8;
    return;
  }
  deviation_ =
      (1 - kDeviationGain) * deviation_ + kDeviationGain * Milliseconds(std::abs((rtt - *smoothed_rtt_).count()));
  smoothed_rtt_ = (1 - kRttGain) * *smoothed_rtt_ + kRttGain * rtt;
}

Milliseconds ProbeLedger::timeout() const {
  if (!smoothed_rtt_) return kInitialTimeout;
  return std::min(Milliseconds(2000), std::max(max_rtt_, *smoothed_rtt_ + 4 * deviation_) * 1.1 + Milliseconds(12));
}

Milliseconds ProbeLedger::grace() const {
  if (!smoothed_rtt_) return kInitialTimeout;
  return std::max(timeout(), max_rtt_ * 1.25 + Milliseconds(40));
}

void ProbeLedger::expire(TimePoint now) {
  const Milliseconds wait = timeout();
  bool all_settled = true;
  for (std::size_t i = first_in_flight_; i < probes_.size(); ++i) {
    SentProbe& entry = probes_[i];
    if (entry.outcome == Outcome::kInFlight) {
      if (now - entry.sent < wait) {
        all_settled = false;
        break;  // sent in order: the rest is younger
      }
      change(entry, Outcome::kLost);
    }
    if (all_settled) first_in_flight_ = i + 1;
  }
}

std::optional<TimePoint> ProbeLedger::next_expiry() const {
  for (std::size_t i = first_in_flight_; i < probes_.size(); ++i) {
    if (probes_[i].outcome == Outcome::kInFlight) {
      return probes_[i].sent + std::chrono::ceil<TimePoint::duration>(timeout());
    }
  }
  return std::nullopt;
}

Tally ProbeLedger::tally(const ProbeKey& key) const {
  const auto found = tallies_.find(key);
  return found == tallies_.end() ? Tally{} : found->second;
}

std::uint16_t end_of_silence(const ProbeLedger& ledger, const ProbeKey& controls, double chance) {
  constexpr double kSilenceOdds = 0.05;
  double odds = 1;
  std::uint16_t last = 0;
  const auto& probes = ledger.probes();
  for (std::size_t i = probes.size(); i-- > 0 && odds > kSilenceOdds;) {
    const SentProbe& entry = probes[i];
    if (key_of(entry.probe) != controls || entry.outcome == Outcome::kInFlight) continue;
    if (entry.outcome != Outcome::kLost) return 0;
    last = std::max(last, entry.probe.id);
    odds *= chance;
  }
  return odds > kSilenceOdds ? std::uint16_t{0} : last;
}

LossModel::LossModel(const ProbeLedger& ledger, Method method, bool answers_are_scarce)
    : ledger_(ledger), method_(method), scarce_(answers_are_scarce) {}

bool LossModel::is_control(const SentProbe& entry) const {
  return entry.probe.method == method_ && entry.probe.ttl == kFullTtl && !entry.probe.fragmented &&
         ledger_.passes(method_, entry.probe.size_bytes);
}

bool LossModel::witnessed(std::size_t index) const {
  constexpr std::size_t kReach = 12;
  const auto& probes = ledger_.probes();
  for (std::size_t i = index + 1; i < std::min(probes.size(), index + kReach); ++i) {
    if (!is_control(probes[i])) continue;
    if (probes[i].outcome == Outcome::kReached) return true;
    break;
  }
  if (scarce_) return false;
  for (std::size_t back = 1; back <= index && back < kReach; ++back) {
    const SentProbe& before = probes[index - back];
    if (is_control(before)) return before.outcome == Outcome::kReached;
  }
  return false;
}

// Where every answer is scarce most sizes are sent only once: to count the answered ones alone would flatter the path.
bool LossModel::tells_chance(const SentProbe& entry) const {
  if (is_control(entry)) return true;
  const bool is_ours = entry.probe.method == method_ && entry.probe.ttl == kFullTtl && !entry.probe.fragmented;
  return scarce_ && is_ours && entry.probe.size_bytes < ledger_.largest_passing(method_);
}

double LossModel::chance(std::uint32_t size_bytes) const {
  struct Count {
    double lost = 0, settled = 0;
    double estimate() const { return (lost + 0.5) / (settled + 1); }  // mean under Jeffreys' prior
  } small, large;
  const auto& probes = ledger_.probes();
  for (std::size_t i = first_; i < probes.size(); ++i) {
    const SentProbe& entry = probes[i];
    const bool is_lost = entry.outcome == Outcome::kLost;
    if ((!is_lost && entry.outcome != Outcome::kReached) || !tells_chance(entry)) continue;
    if (is_lost && !witnessed(i)) continue;
    Count& count = entry.probe.size_bytes * 10 >= size_bytes * 8 ? large : small;
    count.settled += 1;
    if (is_lost) count.lost += 1;
  }
  return std::max(
      small.settled + large.settled > 0 ? Count{small.lost + large.lost, small.settled + large.settled}.estimate() : 1,
      large.settled > 0 ? large.estimate() : 0);
}

bool LossModel::is_evidence(std::size_t index) const {
  const SentProbe& entry = ledger_.probes()[index];
  if (entry.probe.ttl != kFullTtl || entry.probe.fragmented) return false;
  if (entry.outcome == Outcome::kTooBig) return true;
  return entry.outcome == Outcome::kLost && entry.probe.method == method_ && index >= first_ && witnessed(index);
}

std::optional<double> LossModel::control_loss() const {
  double lost = 0, settled = 0;
  for (auto entry = ledger_.tallies().lower_bound({method_, kFullTtl, 0});
       entry != ledger_.tallies().end() && entry->first.method == method_ && entry->first.ttl == kFullTtl; ++entry) {
    if (entry->second.answered == 0) continue;
    lost += entry->second.lost;
    settled += entry->second.lost + entry->second.answered;
  }
  if (settled == 0) return std::nullopt;
  return lost / settled;
}

}  // namespace vpndoctor
