// SPDX-License-Identifier: Apache-2.0
// Turns the history of a flow into its verdict and the sentence that explains it.
#include "capture_flow_verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <numeric>

#include "capture_flow_hole.h"
#include "vpndoctor/number_text.h"

namespace vpndoctor {
namespace {

/// Where no SYN tells the full size, this is large enough to be called full.
constexpr std::uint32_t kLooksFullBytes = 1200;
/// A message takes its time from the router to the sender.
constexpr std::chrono::milliseconds kMessageTravels{200};
constexpr double kLossyShare = 0.05;

std::string times_text(std::uint64_t count, const char* thing) {
  return fmt::format("{} {}{}", grouped(count), thing, count == 1 ? "" : "s");
}

/// The message that fits what was lost: the last one.
const TooBigSeen* last_message(const FlowHistory& history) {
  return history.too_big.empty() ? nullptr : &history.too_big.back();
}

/// A claim that is not below the packet it answers tells its reader nothing (RFC 8899 section 4.6.2).
bool tells_less(const TooBigSeen& message) {
  return message.mtu_bytes == 0 || message.mtu_bytes < message.quoted_bytes;
}

/// Packets above the claim that left although the sender should have known it.
std::uint64_t sent_against(const FlowHistory& history, const TooBigSeen& message) {
  std::uint64_t count = 0;
  for (const SizeAt& lost : history.lost)
    if (message.mtu_bytes != 0 && lost.size_bytes > message.mtu_bytes && lost.at > message.at + kMessageTravels)
      count += lost.packets;
  return count;
}

std::string hole_why(const HoleEvidence& hole) {
  if (hole.by_gap) {
    return fmt::format("a gap of {} {}, while {} behind it arrived", times_text(hole.gap_bytes, "byte"),
                       hole.is_split ? "was filled only by packets smaller than a full segment" : "was never filled",
                       times_text(hole.smaller_passed_after, "smaller packet"));
  }
  std::string text = fmt::format("one segment of {} bytes was sent {} times and never acknowledged", hole.size_bytes,
                                 hole.sent_in_vain);
  if (hole.is_split) {
    text += "; the same bytes got through in smaller packets";
  } else if (hole.smaller_passed_after > 0) {
    text += fmt::format(", while {} arrived", times_text(hole.smaller_passed_after, "smaller packet"));
  } else {
    text += "; no smaller packet was sent meanwhile that could tell a hole from an outage";
  }
  if (hole.passed_before) text += "; earlier in the flow such packets did arrive";
  return text;
}

void fill_hole(const HoleEvidence& hole, JudgedFlow& judged) {
  FlowMtu& flow = judged.flow;
  flow.status = FlowMtuStatus::kBlackHole;
  flow.confidence = hole.confidence;
  flow.smallest_lost_bytes = hole.size_bytes;
  flow.sent_in_vain = hole.sent_in_vain;
  flow.smaller_acknowledged = hole.smaller_passed_after;
  flow.got_through_smaller = hole.is_split;
  if (!hole.by_gap) flow.false_claim_probability = hole.chance;
  judged.lost_since = hole.since;
  flow.why = hole_why(hole);
}

void fill_signalled(const FlowHistory& history, const TooBigSeen& message, FlowMtu& flow) {
  flow.status = FlowMtuStatus::kSignalled;
  flow.confidence = Confidence::kProven;
  for (const SizeAt& lost : history.lost)
    if (lost.size_bytes > message.mtu_bytes)
      flow.smallest_lost_bytes = std::min(flow.smallest_lost_bytes.value_or(lost.size_bytes), lost.size_bytes);
  flow.why = fmt::format("{} said that packets of {} bytes are too big, and the sender made them smaller", message.from,
                         message.quoted_bytes);
}

void fill_ignored(const FlowHistory& history, const TooBigSeen& message, FlowMtu& flow) {
  const std::uint64_t against = sent_against(history, message);
  flow.status = FlowMtuStatus::kBlackHole;
  flow.is_message_ignored = true;
  flow.why = fmt::format("{} said that no more than {} bytes pass, yet {} larger {} sent after it", message.from,
                         message.mtu_bytes, times_text(against, "packet"), against == 1 ? "was" : "were");
}

bool is_lossy(const FlowHistory& history) {
  const auto packets = static_cast<double>(std::max<std::uint64_t>(history.packets, 1));
  return history.retransmitted >= 3 && static_cast<double>(history.retransmitted) >= kLossyShare * packets;
}

/// Packets of new bytes that are clearly smaller than the largest.
std::uint64_t smaller_sent(const FlowHistory& history) {
  const auto end = history.sent_first.begin() + static_cast<std::ptrdiff_t>(passed_class(history.largest_sent_bytes));
  return std::accumulate(history.sent_first.begin(), end, std::uint64_t{0});
}

/// What was sent again hints at a black hole, without any acknowledgement that would prove it; empty: it does not.
std::string full_ones_alone(const FlowHistory& history) {
  const std::uint64_t smaller = smaller_sent(history);
  if (history.retransmitted < 3 || history.retransmitted != history.retransmitted_full) return {};
  if (is_below_common_mtu(history.largest_sent_bytes, history.full_bytes())) return {};
  if (chance_of_size_split(history.retransmitted, smaller, 0) > kSuspectedChance) return {};
  return fmt::format("only full segments were sent again, {} of {} bytes, and none of {}: a black hole is suspected",
                     grouped(history.retransmitted), grouped(history.largest_sent_bytes),
                     times_text(smaller, "smaller packet"));
}

void fill_one_way(const FlowHistory& history, FlowMtu& flow) {
  flow.why = "only one direction is in the capture, so that nothing tells what arrived";
  if (const std::string hint = full_ones_alone(history); !hint.empty()) flow.why += "; " + hint;
}

/// Loss of full segments alone is no plain loss where none of them is known to have arrived.
void fill_not_arrived(const FlowHistory& history, FlowMtu& flow) {
  flow.why = fmt::format("{} of the largest size were sent again, and no packet of that size is known to have arrived",
                         times_text(history.retransmitted, "segment"));
  if (const std::string hint = full_ones_alone(history); !hint.empty()) flow.why += "; " + hint;
}

void fill_harmless(const FlowHistory& history, FlowMtu& flow) {
  const auto full = history.full_bytes();
  const bool full_passed = full ? history.largest_passed_bytes >= *full
                                : history.largest_passed_bytes >= kLooksFullBytes &&
                                      history.largest_passed_bytes >= history.largest_sent_bytes;
  if (is_lossy(history) && !full_passed && history.retransmitted == history.retransmitted_full) {
    fill_not_arrived(history, flow);
  } else if (is_lossy(history)) {
    flow.status = FlowMtuStatus::kLossy;
    flow.confidence = full_passed ? Confidence::kProven : Confidence::kLikely;
    flow.why = fmt::format("{} sent again{}", times_text(history.retransmitted, "segment"),
                           full_passed ? ", and full ones got through" : ", small ones among them");
  } else if (full_passed) {
    flow.status = FlowMtuStatus::kClear;
    flow.confidence = Confidence::kProven;
    flow.why = fmt::format("packets of {} bytes were acknowledged", history.largest_passed_bytes);
  } else if (history.largest_passed_bytes > 0) {
    flow.why = fmt::format("nothing above {} bytes was acknowledged, and no larger packet is known to be lost",
                           history.largest_passed_bytes);
  } else {
    flow.why = "nothing that was sent is known to be acknowledged";
  }
}

FlowMtu start_flow(const FlowHistory& history) {
  FlowMtu flow;
  flow.source = history.ends.source;
  flow.source_port = history.ends.source_port;
  flow.destination = history.ends.destination;
  flow.destination_port = history.ends.destination_port;
  flow.announced_mss_bytes = history.peer_mss_bytes;
  flow.full_bytes = history.full_bytes();
  if (history.largest_passed_bytes > 0) flow.largest_acknowledged_bytes = history.largest_passed_bytes;
  flow.packets = history.packets;
  flow.data_bytes = history.data_bytes;
  flow.retransmitted = history.retransmitted;
  flow.retransmitted_full = history.retransmitted_full;
  flow.offloaded = history.offloaded;
  if (const TooBigSeen* message = last_message(history)) {
    flow.too_big_from = message->from;
    if (message->mtu_bytes != 0) flow.too_big_mtu_bytes = message->mtu_bytes;
  }
  return flow;
}

CaptureTime last_passed_at(const FlowHistory& history, std::uint32_t size) {
  CaptureTime last;
  for (const PassedSizes& passed : history.passed)
    if (passed.packets > 0 && passed.largest_bytes >= size) last = std::max(last, passed.last_sent_at);
  return last;
}

}  // namespace

JudgedFlow judge_flow(const FlowHistory& history, const FlowHistory& back) {
  JudgedFlow judged;
  judged.flow = start_flow(history);
  judged.full_passed_at = last_passed_at(history, history.largest_passed_bytes);
  const TooBigSeen* message = last_message(history);
  const bool told = message != nullptr && tells_less(*message);
  const bool ignored = told && sent_against(history, *message) >= 2;
  const bool is_one_way = back.packets == 0;
  const auto hole = is_one_way ? std::nullopt : find_hole(history, back);
  // What is lost above a claim that the sender then kept to is explained by it.
  const bool explained = told && !ignored && hole && hole->size_bytes > message->mtu_bytes;
  if (hole && !explained) fill_hole(*hole, judged);
  if (ignored && (!hole || hole->size_bytes > message->mtu_bytes)) {
    judged.flow.confidence = std::max(judged.flow.confidence, Confidence::kLikely);
    fill_ignored(history, *message, judged.flow);
  }
  if (judged.flow.status != FlowMtuStatus::kUndetermined) return judged;
  if (told) {
    fill_signalled(history, *message, judged.flow);
  } else if (is_one_way) {
    fill_one_way(history, judged.flow);
  } else {
    fill_harmless(history, judged.flow);
  }
  return judged;
}

}  // namespace vpndoctor
