// SPDX-License-Identifier: Apache-2.0
// The order of TTL-limited probes: first to find the hops, then to find the last one that a large packet reaches.
#include "hop_sweep.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "size_search.h"

namespace vpndoctor {
namespace {

constexpr int kMostSilentTries = 2;    ///< of a hop that never answers
constexpr int kTriesBeforeTarget = 6;  ///< of a silent hop before the target: it may be the target, its answers lost
constexpr int kMostPairs = 24;         ///< at the hop in question
constexpr int kMostPairsInFlight = 5;
constexpr int kMostWaitsForHops = 3;

}  // namespace

HopSweep::HopSweep(const HopSweepOptions& options, const ProbeLedger& ledger) : options_(options), ledger_(ledger) {}

void HopSweep::start(std::uint8_t estimated_hops) {
  horizon_ = std::min<std::uint8_t>(kMostHops, static_cast<std::uint8_t>(estimated_hops + 1));
}

void HopSweep::locate(std::uint32_t lost_bytes, double chance, bool try_largest) {
  lost_bytes_ = lost_bytes;
  chance_ = chance;
  try_largest_ = try_largest && options_.max_bytes != lost_bytes;
}

void HopSweep::on_reply(const SentProbe& probe, const Reply& reply) {
  const std::uint8_t ttl = probe.probe.ttl;
  if (ttl == kFullTtl || ttl > kMostHops) return;
  if (reply.kind != Reply::Kind::kTimeExceeded && reply.kind != Reply::Kind::kReached) return;
  Seen& seen = seen_[ttl];
  if (!seen.address) seen.address = reply.from;
  if (!seen.rtt || probe.rtt < *seen.rtt) seen.rtt = probe.rtt;
  seen.largest_bytes = std::max(seen.largest_bytes, probe.probe.size_bytes);
  if (reply.kind == Reply::Kind::kReached) distance_ = std::min(distance_.value_or(kMostHops), ttl);
}

std::uint8_t HopSweep::last_router() const { return distance_ ? static_cast<std::uint8_t>(*distance_ - 1) : horizon_; }

bool HopSweep::is_busy() const {
  for (std::uint8_t ttl = 1; ttl <= horizon_; ++ttl) {
    for (const Method method : {Method::kEcho, Method::kUdp}) {
      const auto end = ledger_.tallies().upper_bound({method, ttl, UINT32_MAX});
      for (auto entry = ledger_.tallies().lower_bound({method, ttl, 0}); entry != end; ++entry) {
        if (entry->second.in_flight > 0) return true;
      }
    }
  }
  return false;
}

std::optional<HopWant> HopSweep::next(TimePoint now) {
  if (horizon_ == 0 || now < not_before_) return std::nullopt;
  std::optional<HopWant> want = discover();
  if (!want && lost_bytes_ != 0) want = pass_over_routers();
  if (!want && lost_bytes_ != 0) want = settle_candidate(now);
  settled_ = !want && now >= not_before_ && !is_busy();
  return want;
}

std::optional<HopWant> HopSweep::discover() {
  for (int tries = 1; tries <= kMostSilentTries; ++tries) {
    for (std::uint8_t ttl = 1; ttl <= horizon_; ++ttl) {
      if (seen_[ttl].address || (distance_ && ttl > *distance_)) continue;
      const Tally tally = ledger_.tally({options_.discover_method, ttl, options_.control_bytes});
      if (tally.in_flight == 0 && tally.sent < tries) {
        return HopWant{options_.discover_method, options_.control_bytes, ttl};
      }
    }
  }
  const auto before = static_cast<std::uint8_t>(distance_.value_or(1) - 1);
  const bool is_silent = before > 0 && !seen_[before].address;
  if (!is_silent) return std::nullopt;
  const Tally tally = ledger_.tally({options_.discover_method, before, options_.control_bytes});
  if (tally.sent >= kTriesBeforeTarget || tally.in_flight > 0) return std::nullopt;
  return HopWant{options_.discover_method, options_.control_bytes, before};
}

// One large probe to every router, each followed by a small one that shows whether the router is still answering. Where
// that leaves the place open, once more: one of the two is answered even when the routers' limits were used up before.
std::optional<HopWant> HopSweep::pass_over_routers() {
  if (control_due_ != 0) return HopWant{options_.locate_method, options_.control_bytes, std::exchange(control_due_, 0)};
  const std::uint8_t first = passes_ == 1 ? 1 : static_cast<std::uint8_t>(last_reached().value_or(0) + 1);
  for (std::uint8_t ttl = first; ttl <= last_router(); ++ttl) {
    const bool largest_is_due = try_largest_ && passes_ == 1;
    if (largest_is_due && ledger_.tally({options_.locate_method, ttl, options_.max_bytes}).sent == 0) {
      return HopWant{options_.locate_method, options_.max_bytes, ttl};
    }
    if (ledger_.tally({options_.locate_method, ttl, lost_bytes_}).sent < passes_) {
      control_due_ = ttl;
      return HopWant{options_.locate_method, lost_bytes_, ttl};
    }
  }
  return std::nullopt;
}

std::optional<std::uint8_t> HopSweep::last_reached() const {
  if (lost_bytes_ == 0) return std::nullopt;
  for (std::uint8_t ttl = horizon_; ttl > 0; --ttl) {
    // Only this size: a larger one may have got over a link that this one did not (an outer socket fragments it).
    if (ledger_.tally({options_.locate_method, ttl, lost_bytes_}).answered > 0) return ttl;
  }
  return 0;
}

std::optional<std::uint8_t> HopSweep::candidate() const {
  for (std::uint8_t ttl = static_cast<std::uint8_t>(last_reached().value_or(0) + 1); ttl <= last_router(); ++ttl) {
    if (ledger_.tally({options_.locate_method, ttl, options_.control_bytes}).answered > 0) return ttl;
  }
  return std::nullopt;
}

bool HopSweep::has_answering_router_after(std::uint8_t ttl) const {
  for (auto later = static_cast<std::uint8_t>(ttl + 1); later <= last_router(); ++later) {
    if (seen_[later].address) return true;
  }
  return false;
}

int HopSweep::evidence(std::uint8_t ttl) const {
  int count = 0;
  int waiting = 0;  // large probes lost since the last control
  for (std::size_t i = first_; i < ledger_.probes().size(); ++i) {
    const SentProbe& entry = ledger_.probes()[i];
    if (entry.probe.ttl != ttl || entry.probe.method != options_.locate_method) continue;
    if (entry.probe.size_bytes == lost_bytes_) {
      const bool gone = entry.outcome == Outcome::kLost || entry.outcome == Outcome::kTooBig;
      if (gone) ++waiting;
    } else if (entry.probe.size_bytes == options_.control_bytes) {
      if (entry.outcome == Outcome::kTimeExceeded) count += waiting;
      waiting = 0;
    }
  }
  return count;
}

bool HopSweep::is_proven_lost(std::uint8_t ttl) const {
  return std::pow(chance_, evidence(ttl)) <= needed_odds(chance_);
}

// The hop's limit is used up.
std::uint16_t HopSweep::silenced_since(std::uint8_t ttl) const {
  return end_of_silence(ledger_, {options_.locate_method, ttl, options_.control_bytes}, chance_);
}

std::optional<HopWant> HopSweep::settle_candidate(TimePoint now) {
  const auto ttl = candidate();
  if (!ttl) {
    const bool is_open = last_reached().value_or(0) < last_router() && passes_ == 1;
    if (is_open && !is_busy() && wait_for_recovery(now)) ++passes_;
    return std::nullopt;
  }
  if (is_proven_lost(*ttl)) return std::nullopt;
  const Tally large = ledger_.tally({options_.locate_method, *ttl, lost_bytes_});
  const double copies = chance_ < 0.99 ? std::ceil(std::log(needed_odds(chance_)) / std::log(chance_)) : 1;
  const int missing = static_cast<int>(copies) - evidence(*ttl);
  if (large.sent >= kMostPairs || large.in_flight >= std::clamp(missing, 1, kMostPairsInFlight)) return std::nullopt;
  const std::uint16_t silenced = silenced_since(*ttl);
  if (silenced != 0 && waited_for_ != silenced) {
    waited_for_ = silenced;
    wait_for_recovery(now);
    return std::nullopt;
  }
  if (silenced != 0 && waits_ == kMostWaitsForHops) return std::nullopt;
  control_due_ = *ttl;
  return HopWant{options_.locate_method, lost_bytes_, *ttl};
}

bool HopSweep::wait_for_recovery(TimePoint now) {
  if (waits_ == kMostWaitsForHops) return false;
  ++waits_;
  not_before_ = now + kRateLimitRecovery;
  return true;
}

std::optional<Constriction> HopSweep::constriction() const {
  const auto from = last_reached();
  const auto to = candidate();
  if (!from || !to || !is_proven_lost(*to)) return std::nullopt;
  if (*from == 0 && *to > 1) return std::nullopt;  // silent routers before it: it may be at any of them
  return Constriction{*from, *from == 0 ? std::nullopt : seen_[*from].address, *to, seen_[*to].address};
}

std::vector<Hop> HopSweep::hops(std::uint32_t passing_bytes) const {
  std::vector<Hop> hops;
  std::uint8_t last = distance_.value_or(0);
  for (std::uint8_t ttl = 1; ttl <= horizon_ && !distance_; ++ttl) {
    if (seen_[ttl].address) last = ttl;
  }
  std::uint32_t largest = passing_bytes;
  for (std::uint8_t ttl = last; ttl > 0; --ttl) {
    const Seen& seen = seen_[ttl];
    largest = std::max(largest, seen.largest_bytes);
    Hop hop{ttl, seen.address, seen.rtt, std::nullopt, std::nullopt};
    if (largest > 0) hop.largest_bytes = largest;
    hops.push_back(hop);
  }
  std::reverse(hops.begin(), hops.end());
  return hops;
}

std::optional<std::uint8_t> HopSweep::ttl_of(const IpAddress& address) const {
  for (std::uint8_t ttl = 1; ttl <= horizon_; ++ttl) {
    if (seen_[ttl].address == address) return ttl;
  }
  return std::nullopt;
}

}  // namespace vpndoctor
