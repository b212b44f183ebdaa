// SPDX-License-Identifier: Apache-2.0
// Asks by UDP about one size at a time, each question between controls, and counts only losses that a control frames.
#include "forward_check.h"

#include <algorithm>
#include <cmath>

#include "size_search.h"

namespace vpndoctor {
namespace {

constexpr int kMostQuestions = 60;
constexpr int kMostPairsABurst = 2;  ///< with their controls and a later burst, within a Linux target's six answers
constexpr int kMostWaitsForTarget = 12;

}  // namespace

ForwardCheck::ForwardCheck(const ProbeLedger& ledger, std::uint32_t control_bytes, std::uint32_t max_bytes)
    : ledger_(ledger), control_bytes_(control_bytes), max_bytes_(max_bytes) {}

void ForwardCheck::start(std::uint32_t passes_bytes, std::uint32_t lost_bytes, double chance) {
  if (started_ && high_ == lost_bytes) {
    chance_ = chance;
    return;
  }
  started_ = true;
  settled_ = false;
  low_ = passes_bytes;
  high_ = lost_bytes;
  chance_ = chance;
}

bool ForwardCheck::is_busy() const {
  const auto end = ledger_.tallies().upper_bound({Method::kUdp, kFullTtl, UINT32_MAX});
  for (auto entry = ledger_.tallies().lower_bound({Method::kUdp, kFullTtl, 0}); entry != end; ++entry) {
    if (entry->second.in_flight > 0) return true;
  }
  return false;
}

// Losses of a size with an answer to a UDP probe sent later and before the next loss of that size.
int ForwardCheck::evidence(std::uint32_t size_bytes) const {
  int count = 0;
  bool waiting = false;
  for (std::size_t i = first_; i < ledger_.probes().size(); ++i) {
    const SentProbe& entry = ledger_.probes()[i];
    if (entry.probe.method != Method::kUdp || entry.probe.ttl != kFullTtl) continue;
    if (entry.probe.size_bytes == size_bytes) {
      if (entry.outcome == Outcome::kTooBig) ++count;
      waiting = entry.outcome == Outcome::kLost;
    } else if (waiting && entry.outcome == Outcome::kReached) {
      ++count;
      waiting = false;
    }
  }
  return count;
}

bool ForwardCheck::is_lost(std::uint32_t size_bytes) const {
  return !reached(size_bytes) && std::pow(chance_, evidence(size_bytes)) <= needed_odds(chance_);
}

// The first question is the size that was lost on the round trip; when it gets there, the largest; when that does not,
// a bisection between them.
std::optional<std::uint32_t> ForwardCheck::next_question() const {
  if (!reached(high_)) return is_lost(high_) ? std::nullopt : std::optional(high_);
  if (reached(max_bytes_)) return std::nullopt;
  if (!is_lost(max_bytes_)) return max_bytes_;
  const SizeBounds known = bounds();
  if (known.exact() || !known.at_least_bytes || !known.at_most_bytes) return std::nullopt;
  return (*known.at_least_bytes + *known.at_most_bytes + 1) / 2;
}

// The target's limit is used up, or it never answers UDP.
std::uint16_t ForwardCheck::silenced_since() const {
  return end_of_silence(ledger_, {Method::kUdp, kFullTtl, control_bytes_}, chance_);
}

std::optional<std::uint32_t> ForwardCheck::next(TimePoint now) {
  if (!started_ || now < not_before_) return std::nullopt;
  if (control_due_) {
    control_due_ = false;
    return control_bytes_;
  }
  if (pairs_left_ > 0) return ask();
  if (is_busy()) return std::nullopt;
  const auto question = next_question();
  settled_ = !question || asked_ >= kMostQuestions;
  if (settled_) return std::nullopt;
  const std::uint16_t silenced = silenced_since();
  if (silenced != 0 && waited_for_ != silenced) {
    settled_ = waits_ == kMostWaitsForTarget || (!answers() && waits_ == 1);
    if (settled_) return std::nullopt;
    ++waits_;
    waited_for_ = silenced;
    not_before_ = now + (answers() ? kRateLimitRecovery : kRateLimitRecovery / 4);
    return std::nullopt;
  }
  question_ = *question;
  const double copies = chance_ < 0.99 ? std::ceil(std::log(needed_odds(chance_)) / std::log(chance_)) : 1;
  pairs_left_ = std::clamp(static_cast<int>(copies) - evidence(question_), 1, kMostPairsABurst);
  return ask();
}

std::uint32_t ForwardCheck::ask() {
  --pairs_left_;
  ++asked_;
  control_due_ = true;
  return question_;
}

SizeBounds ForwardCheck::bounds() const {
  SizeBounds bounds;
  if (!started_ || !answers()) return bounds;
  // Larger sizes say nothing while this one is open: sizes above a lost band pass.
  if (!reached(high_)) return is_lost(high_) ? SizeBounds{low_, high_ - 1} : bounds;
  bounds.at_least_bytes = low_;
  const auto end = ledger_.tallies().upper_bound({Method::kUdp, kFullTtl, UINT32_MAX});
  for (auto entry = ledger_.tallies().lower_bound({Method::kUdp, kFullTtl, 0}); entry != end; ++entry) {
    const std::uint32_t size = entry->first.size_bytes;
    if (entry->second.answered > 0 && size > low_) {
      bounds.at_least_bytes = size;
    } else if (size > low_ && is_lost(size)) {
      bounds.at_most_bytes = size - 1;
      break;
    }
  }
  if (bounds.at_least_bytes == max_bytes_) bounds.at_most_bytes = max_bytes_;
  if (bounds.at_least_bytes == low_ && !bounds.at_most_bytes) return {};
  return bounds;
}

std::optional<double> ForwardCheck::false_claim_probability() const {
  const auto at_most = bounds().at_most_bytes;
  if (!at_most || *at_most == max_bytes_) return std::nullopt;
  return std::pow(chance_, evidence(*at_most + 1));
}

}  // namespace vpndoctor
