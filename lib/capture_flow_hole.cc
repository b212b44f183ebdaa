// SPDX-License-Identifier: Apache-2.0
// Weighs lost against acknowledged sizes; see the header. The claim has to stand against two other explanations: that
// packets are lost whatever their size, and that for a while nothing got through at all.
#include "capture_flow_hole.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "capture_flow_verdict.h"

namespace vpndoctor {
namespace {

using std::chrono::milliseconds;

/// What no link that carries IP loses for its size: of IPv4 what everybody sends in small packets, of IPv6 what every
/// link has to carry (RFC 8200 section 5).
std::uint32_t least_hole_bytes(Family family) { return family == Family::kInet ? 400 : 1281; }

constexpr std::uint32_t kProvenTimes = 4;
constexpr milliseconds kProvenSpan{500};
constexpr double kProvenChance = 1e-4;
constexpr double kLikelyChance = 0.03;
/// A sender whose segment is lost has sent it again by then, at least twice (RFC 6298: 1 s, then 2 s).
constexpr milliseconds kGapTold{3000};
/// Reordering does not last so long.
constexpr milliseconds kGapFilledLate{150};

/// When a packet of at least this size last got through.
std::optional<CaptureTime> last_passed(const FlowHistory& history, std::uint32_t size) {
  std::optional<CaptureTime> last;
  for (const PassedSizes& passed : history.passed)
    if (passed.packets > 0 && passed.largest_bytes >= size)
      last = std::max(last.value_or(CaptureTime{}), passed.last_sent_at);
  return last;
}

struct After {
  std::optional<CaptureTime> time;
  bool operator()(CaptureTime at) const { return !time || at > *time; }
};

/// One segment of just this size: how often it was sent since, and whether ever more slowly.
void weigh_stuck(const StuckBytes& stuck, After after, HoleEvidence& evidence) {
  std::vector<CaptureTime> sent;
  std::ranges::copy_if(stuck.sent, std::back_inserter(sent), after);
  if (sent.empty()) return;
  evidence.is_split = evidence.is_split || stuck.is_split;
  evidence.sent_in_vain = std::max(evidence.sent_in_vain, static_cast<std::uint32_t>(sent.size()));
  for (std::size_t index = 2; index < sent.size(); ++index)
    if ((sent[index] - sent[index - 1]) * 2 >= (sent[index - 1] - sent[index - 2]) * 3 &&
        sent.back() - sent.front() >= kProvenSpan)
      evidence.backs_off = true;
}

/// What offload is presumed to have made counts only where there is nothing better.
void weigh_repeats(const FlowHistory& history, After after, HoleEvidence& evidence) {
  for (const bool uncertain : {false, true}) {
    if (uncertain && evidence.sent_in_vain > 1) return;
    evidence.is_doubtful = uncertain;
    for (const StuckBytes& stuck : history.stuck)
      if (stuck.size_bytes == evidence.size_bytes && stuck.uncertain == uncertain) weigh_stuck(stuck, after, evidence);
  }
}

void weigh_lost(const FlowHistory& history, After after, HoleEvidence& evidence) {
  bool first = true;
  for (const SizeAt& lost : history.lost) {
    if (lost.size_bytes < evidence.size_bytes) {
      evidence.smaller_lost += lost.packets;
    } else if (after(lost.at)) {
      evidence.lost += lost.packets;
      evidence.since = first ? lost.at : std::min(evidence.since, lost.at);
      first = false;
    }
  }
}

bool is_between_losses(const FlowHistory& history, const HoleEvidence& evidence, CaptureTime at) {
  const auto is_large = [&](const SizeAt& lost) {
    return lost.size_bytes >= evidence.size_bytes && lost.at >= evidence.since;
  };
  return std::ranges::any_of(history.lost, [&](const SizeAt& lost) { return is_large(lost) && lost.at < at; }) &&
         std::ranges::any_of(history.lost, [&](const SizeAt& lost) { return is_large(lost) && lost.at > at; });
}

void weigh_passed(const FlowHistory& history, const FlowHistory& back, HoleEvidence& evidence) {
  for (const PassedSizes& passed : history.passed)
    if (passed.largest_bytes < evidence.size_bytes) evidence.smaller_passed += passed.packets;
  // The other side never sent anything again: our acknowledgements, small packets, got there.
  if (history.sent_pure_ack && back.retransmitted == 0 && back.data_bytes > 0) ++evidence.smaller_passed;
  for (const SizeAt& passed : history.recent_passed) {
    if (passed.size_bytes >= evidence.size_bytes || passed.at < evidence.since) continue;
    evidence.smaller_passed_after += passed.packets;
    if (is_between_losses(history, evidence, passed.at)) evidence.is_interleaved = true;
  }
}

/// A receiver without SACK answers each packet behind the missing one, and does not say which it was.
void weigh_duplicate_acks(const FlowHistory& history, HoleEvidence& evidence) {
  if (history.saw_sack || history.duplicate_acks == 0 || history.duplicate_ack_at < evidence.since) return;
  std::uint64_t small = 0;
  for (const SizeAt& sent : history.unanswered) {
    if (sent.at < evidence.since) continue;
    if (sent.size_bytes >= evidence.size_bytes) evidence.is_doubtful = true;
    if (sent.size_bytes < evidence.size_bytes) small += sent.packets;
  }
  if (history.duplicate_acks > small) evidence.is_doubtful = true;
  const std::uint64_t arrived = std::min<std::uint64_t>(small, history.duplicate_acks);
  evidence.smaller_passed += arrived;
  evidence.smaller_passed_after += arrived;
  if (arrived > 0 && is_between_losses(history, evidence, history.duplicate_ack_at)) evidence.is_interleaved = true;
}

/// Null: no claim.
std::optional<Confidence> confidence_of(const FlowHistory& history, const HoleEvidence& evidence) {
  const bool repeated = evidence.sent_in_vain >= kProvenTimes && evidence.backs_off;
  const bool whole = !evidence.is_doubtful && !history.is_cut && history.missed_bytes == 0;
  const bool others_pass = evidence.smaller_passed_after > 0 || evidence.is_split;
  if (repeated && whole && !evidence.passed_before && evidence.is_interleaved && evidence.smaller_passed_after > 0 &&
      evidence.chance <= kProvenChance)
    return Confidence::kProven;
  const bool peer_is_there = history.peer_last_at > evidence.since + kProvenSpan;
  const bool hangs = repeated && !evidence.passed_before;
  if (evidence.sent_in_vain >= 3 && !evidence.is_doubtful && evidence.chance <= kLikelyChance &&
      (others_pass || (hangs && peer_is_there)))
    return Confidence::kLikely;
  if (evidence.sent_in_vain >= 3 && evidence.chance <= kSuspectedChance && (others_pass || hangs))
    return Confidence::kSuspected;
  return std::nullopt;
}

std::optional<HoleEvidence> weigh(const FlowHistory& history, const FlowHistory& back, std::uint32_t size) {
  HoleEvidence evidence;
  evidence.size_bytes = size;
  const After after{last_passed(history, size)};
  evidence.passed_before = after.time.has_value();
  weigh_repeats(history, after, evidence);
  if (evidence.sent_in_vain == 0) return std::nullopt;
  weigh_lost(history, after, evidence);
  weigh_passed(history, back, evidence);
  weigh_duplicate_acks(history, evidence);
  evidence.chance = chance_of_size_split(evidence.lost, evidence.smaller_passed, evidence.smaller_lost);
  const auto confidence = confidence_of(history, evidence);
  if (!confidence) return std::nullopt;
  const bool may_be_filter = is_below_common_mtu(size, history.full_bytes());
  evidence.confidence = may_be_filter ? Confidence::kSuspected : *confidence;
  return evidence;
}

/// A gap that holds full segments and was not filled by one: what a capture sees on the far side of the hole.
std::optional<HoleEvidence> weigh_gap(const FlowHistory& history, const GapSeen& gap, std::uint32_t full) {
  constexpr std::uint32_t kMostHeaderBytes = 120;
  if (gap.bytes + kMostHeaderBytes < full || (gap.is_filled && gap.filled_bytes >= full)) return std::nullopt;
  const CaptureTime end = gap.is_filled ? gap.filled_at : std::max(history.last_at, history.peer_last_at);
  if (end - gap.since < (gap.is_filled ? kGapFilledLate : kGapTold)) return std::nullopt;
  HoleEvidence evidence;
  evidence.size_bytes = full;
  evidence.since = gap.since;
  evidence.by_gap = true;
  evidence.gap_bytes = gap.bytes;
  evidence.is_split = gap.is_filled;
  const auto passed = last_passed(history, full);
  if (passed && *passed >= gap.since) return std::nullopt;
  evidence.passed_before = passed.has_value();
  weigh_passed(history, {}, evidence);
  if (evidence.smaller_passed_after == 0) return std::nullopt;
  const bool likely = !evidence.passed_before && history.missed_bytes == 0 && !history.is_cut;
  evidence.confidence = likely ? Confidence::kLikely : Confidence::kSuspected;
  return evidence;
}

void keep_better(std::optional<HoleEvidence>& best, const std::optional<HoleEvidence>& other) {
  if (other && (!best || other->confidence > best->confidence)) best = other;
}

}  // namespace

double chance_of_size_split(std::uint64_t lost_large, std::uint64_t passed_small, std::uint64_t lost_small) {
  double chance = 1;
  for (std::uint64_t index = 1; index <= lost_large; ++index) {
    const auto lost = static_cast<double>(lost_small + index);
    chance *= lost / (lost + static_cast<double>(passed_small));
  }
  return chance;
}

std::optional<HoleEvidence> find_hole(const FlowHistory& history, const FlowHistory& back) {
  const std::uint32_t least = least_hole_bytes(history.ends.source.family);
  std::set<std::uint32_t> sizes;
  for (const StuckBytes& stuck : history.stuck)
    if (stuck.size_bytes >= least) sizes.insert(stuck.size_bytes);
  std::optional<HoleEvidence> best;
  for (const std::uint32_t size : sizes) keep_better(best, weigh(history, back, size));
  const auto full = history.full_bytes();
  if (!full || *full < least) return best;
  for (const GapSeen& gap : history.gaps) keep_better(best, weigh_gap(history, gap, *full));
  return best;
}

}  // namespace vpndoctor
