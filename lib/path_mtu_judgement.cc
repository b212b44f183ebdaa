// SPDX-License-Identifier: Apache-2.0
// Merges the evidence of echo, UDP, TTL-limited probes, TCP and captures into bounds for each direction, and
// decides status and direction. RFC 8899 sections 4.3 and 4.6 say which losses and messages count.
#include "path_mtu_judgement.h"

#include <fmt/format.h>

#include <algorithm>

namespace vpndoctor {
namespace {

using Size = std::optional<std::uint32_t>;

void raise(Size& lower, const Size& proof) {
  if (proof && (!lower || *proof > *lower)) lower = proof;
}

/// A success outweighs any loss of the same or a smaller size.
void drop_contradicted_loss(SizeBounds& bounds) {
  if (bounds.at_least_bytes && bounds.at_most_bytes && *bounds.at_least_bytes > *bounds.at_most_bytes)
    bounds.at_most_bytes.reset();
}

bool below(const Size& size, std::uint32_t limit) { return size && *size < limit; }

std::uint32_t link_limit(const PathMtuMeasurement& measurement) {
  constexpr std::uint32_t kLargestInetPacketBytes = 65535;
  const std::uint32_t link = measurement.egress.link_mtu_bytes.value_or(measurement.max_bytes);
  return measurement.target.address.family == Family::kInet ? std::min(link, kLargestInetPacketBytes) : link;
}

/// Losses whose odds of being chance are too high count only where a router's own message confirms them.
bool losses_may_be_chance(const PathMtuMeasurement& measurement, std::uint32_t reach_bytes) {
  const bool any_loss = below(measurement.forward.at_most_bytes, reach_bytes) ||
                        below(measurement.round_trip.at_most_bytes, reach_bytes) || !measurement.lost_bands.empty();
  if (!any_loss || measurement.false_claim_probability.value_or(0.0) <= kMaxFalseClaimProbability) return false;
  const auto confirms = [&](const TooBigMessage& message) {
    return message.accepted && message.probe_bytes && message.mtu_bytes > 0 &&
           (message.mtu_bytes == measurement.forward.at_most_bytes ||
            message.mtu_bytes == measurement.round_trip.at_most_bytes);
  };
  return std::ranges::none_of(measurement.too_big, confirms);
}

void apply_tcp(const PathMtuMeasurement& measurement, SizeBounds& forward) {
  if (!measurement.tcp) return;
  const auto& tcp = *measurement.tcp;
  // With a band of lost sizes a large segment that passes says nothing about the sizes below it.
  if (measurement.lost_bands.empty()) raise(forward.at_least_bytes, tcp.forward_full_bytes);
  drop_contradicted_loss(forward);
  if (!tcp.forward_lost_bytes || *tcp.forward_lost_bytes == 0) return;
  const std::uint32_t lost = *tcp.forward_lost_bytes;
  // Large segments may be lost for other reasons than their size; a packet of that size that arrived is proof.
  if (!tcp.requested && forward.at_least_bytes && *forward.at_least_bytes >= lost) return;
  if (!below(forward.at_most_bytes, lost)) forward.at_most_bytes = lost - 1;
  if (forward.at_least_bytes && *forward.at_least_bytes >= lost)
    forward.at_least_bytes = below(tcp.forward_full_bytes, lost) ? tcp.forward_full_bytes : std::nullopt;
}

bool is_target(const PathMtuMeasurement& measurement, const Constriction& constriction) {
  if (constriction.to_address) return constriction.to_address == measurement.target.address;
  const auto target_ttl = hop_ttl(measurement, measurement.target.address);
  return !target_ttl || *target_ttl == constriction.to_ttl;
}

/// A lost echo may have been lost on the way back. What proves that it never arrived: a TTL-limited probe that
/// stops before the target, or a router's message about it.
bool echo_loss_is_forward(const PathMtuMeasurement& measurement, std::uint32_t at_most_bytes) {
  if (measurement.constriction && !is_target(measurement, *measurement.constriction)) return true;
  return std::ranges::any_of(measurement.too_big, [&](const TooBigMessage& message) {
    if (!message.probe_bytes || *message.probe_bytes <= at_most_bytes) return false;
    // A refusal of a still larger size, with another claim, may be about another link than the one that counts.
    const bool about_this_size = message.mtu_bytes == at_most_bytes || *message.probe_bytes == at_most_bytes + 1;
    return about_this_size && may_be_at_constriction(measurement, message.from);
  });
}

SizeBounds merge_forward(const PathMtuMeasurement& measurement, const PathMtuJudgement& judgement) {
  SizeBounds forward = measurement.forward;
  if (judgement.may_be_chance) forward.at_most_bytes.reset();
  raise(forward.at_least_bytes, measurement.round_trip.at_least_bytes);
  drop_contradicted_loss(forward);
  const auto& echo_limit = judgement.round_trip.at_most_bytes;
  if (!forward.at_most_bytes && echo_limit && !(forward.at_least_bytes && *forward.at_least_bytes > *echo_limit) &&
      echo_loss_is_forward(measurement, *echo_limit))
    forward.at_most_bytes = echo_limit;
  if (!judgement.may_be_chance) apply_tcp(measurement, forward);
  return forward;
}

/// Echo replies of this size came back in one piece.
bool whole_replies_came(const PathMtuMeasurement& measurement, std::uint32_t bytes) {
  const bool watched = measurement.fragments && !measurement.fragments->first_fragment_bytes;
  return watched && measurement.round_trip.at_least_bytes && *measurement.round_trip.at_least_bytes >= bytes;
}

bool tcp_shows_reverse_hole(const PathMtuMeasurement& measurement) {
  if (!measurement.tcp || !measurement.tcp->reverse_lost_bytes) return false;
  const std::uint32_t lost = *measurement.tcp->reverse_lost_bytes;
  if (!below(measurement.tcp->reverse_full_bytes, lost)) return false;
  return measurement.tcp->requested || !whole_replies_came(measurement, lost);
}

bool has_reverse_hole(const PathMtuMeasurement& measurement, std::uint32_t reach_bytes) {
  if (measurement.fragments && measurement.fragments->only_tail_arrived) return true;
  if (tcp_shows_reverse_hole(measurement)) return true;
  // Fragments that arrive show a narrow way back that works.
  const bool arrives_in_fragments = measurement.fragments && measurement.fragments->first_fragment_bytes;
  return !arrives_in_fragments && measurement.reverse && below(measurement.reverse->at_most_bytes, reach_bytes);
}

bool tcp_passes_both_ways_above(const PathMtuMeasurement& measurement, std::uint32_t bytes) {
  const auto above = [&](const Size& size) { return size && *size > bytes; };
  return measurement.tcp && above(measurement.tcp->forward_full_bytes) && above(measurement.tcp->reverse_full_bytes);
}

bool has_echo_filter(const PathMtuMeasurement& measurement, const PathMtuJudgement& judgement) {
  if (judgement.reverse_hole) return false;
  if (measurement.large_echo_filtered) return true;
  const auto& limit = judgement.round_trip.at_most_bytes;
  return below(limit, judgement.reach_bytes) && tcp_passes_both_ways_above(measurement, *limit);
}

PathMtuStatus forward_status(const PathMtuMeasurement& measurement, const PathMtuJudgement& judgement) {
  const bool has_band = !measurement.lost_bands.empty() && !judgement.may_be_chance;
  const auto& claims = judgement.claims;
  const auto near_constriction = [&](ClaimVerdict verdict) {
    return std::ranges::any_of(claims, [&](const JudgedClaim& claim) {
      return claim.verdict == verdict && may_be_at_constriction(measurement, claim.message.from);
    });
  };
  if (!judgement.forward_lost && !has_band) {
    if (any_claim(claims, ClaimVerdict::kTooSmall)) return PathMtuStatus::kMisreported;
    return below(judgement.forward.at_least_bytes, judgement.reach_bytes) || !judgement.forward.at_least_bytes ||
                   judgement.may_be_chance
               ? PathMtuStatus::kUndetermined
               : PathMtuStatus::kClear;
  }
  if (near_constriction(ClaimVerdict::kTooLarge) || near_constriction(ClaimVerdict::kTooSmall))
    return PathMtuStatus::kMisreported;
  if (any_claim(claims, ClaimVerdict::kRight))
    return any_claim(claims, ClaimVerdict::kTooSmall) ? PathMtuStatus::kMisreported : PathMtuStatus::kSignalled;
  const bool size_was_refused = std::ranges::any_of(claims, [&](const JudgedClaim& claim) {
    return claim.verdict == ClaimVerdict::kNoSize && may_be_at_constriction(measurement, claim.message.from) &&
           below(judgement.forward.at_most_bytes, *claim.message.probe_bytes);
  });
  return size_was_refused ? PathMtuStatus::kSignalled : PathMtuStatus::kBlackHole;
}

/// Echoes above some size vanish, and nothing says whether path, way back or a filter is to blame.
bool echo_loss_is_unexplained(const PathMtuJudgement& judgement) {
  if (judgement.reverse_hole || judgement.echo_filtered || !judgement.round_trip.at_most_bytes) return false;
  const std::uint32_t limit = *judgement.round_trip.at_most_bytes;
  if (limit >= judgement.reach_bytes) return false;
  const bool arrives = judgement.forward.at_least_bytes && *judgement.forward.at_least_bytes > limit;
  return arrives || !judgement.forward_lost;
}

void decide_status(const PathMtuMeasurement& measurement, PathMtuJudgement& judgement) {
  const PathMtuStatus there = forward_status(measurement, judgement);
  const bool hole_there = there == PathMtuStatus::kBlackHole;
  if (hole_there || judgement.reverse_hole) {
    judgement.status = PathMtuStatus::kBlackHole;
    if (hole_there && judgement.forward_lost)
      judgement.direction = judgement.reverse_hole ? Direction::kBoth : Direction::kForward;
    else if (judgement.reverse_hole)
      judgement.direction = Direction::kReverse;
    return;
  }
  const bool proven_lie = there == PathMtuStatus::kMisreported;
  judgement.status = !proven_lie && echo_loss_is_unexplained(judgement) ? PathMtuStatus::kUndetermined : there;
}

/// Where a hole is on the way back: by TCP to the byte, or by echoes whose replies were seen to die there.
Size reverse_hole_limit(const PathMtuMeasurement& measurement, const PathMtuJudgement& judgement) {
  const Size tcp_full = measurement.tcp ? measurement.tcp->reverse_full_bytes : std::nullopt;
  if (tcp_full && measurement.tcp->reverse_lost_bytes == *tcp_full + 1) return tcp_full;
  const auto& echo = judgement.round_trip;
  const bool replies_died = measurement.fragments && measurement.fragments->only_tail_arrived;
  if (!replies_died || !echo.exact() || (tcp_full && *tcp_full > *echo.at_most_bytes)) return std::nullopt;
  const bool requests_arrive =
      judgement.forward.at_least_bytes && *judgement.forward.at_least_bytes > *echo.at_most_bytes;
  return requests_arrive ? echo.at_most_bytes : std::nullopt;
}

Size reverse_mtu(const PathMtuMeasurement& measurement, const PathMtuJudgement& judgement) {
  if (measurement.reverse && measurement.reverse->exact()) return measurement.reverse->at_least_bytes;
  if (judgement.reverse_hole) return reverse_hole_limit(measurement, judgement);
  if (!measurement.fragments || !measurement.fragments->first_fragment_bytes) return std::nullopt;
  return measurement.reverse && measurement.reverse->at_least_bytes ? measurement.reverse->at_least_bytes
                                                                    : measurement.fragments->first_fragment_bytes;
}

Size usable_mtu(const PathMtuJudgement& judgement) {
  const bool hole = judgement.status == PathMtuStatus::kBlackHole;
  if (judgement.reverse_hole) {
    if (!judgement.reverse_bytes || !judgement.forward.at_least_bytes) return judgement.round_trip.at_least_bytes;
    return std::min(*judgement.reverse_bytes, *judgement.forward.at_least_bytes);
  }
  if (hole && !judgement.direction) return judgement.round_trip.at_least_bytes;
  // In a hole a proven lower bound is a value that works, even when the last byte is not known.
  return hole || judgement.forward.exact() ? judgement.forward.at_least_bytes : std::nullopt;
}

std::string why_echo_loss_is_unexplained(const PathMtuJudgement& judgement) {
  const std::uint32_t limit = *judgement.round_trip.at_most_bytes;
  const auto& arrives = judgement.forward.at_least_bytes;
  if (arrives && *arrives > limit)
    return fmt::format(
        "the way there carries {} bytes, but echoes above {} vanish: either the way back loses large packets or "
        "a filter drops large ICMP echoes",
        *arrives, limit);
  return fmt::format(
      "echoes above {} bytes vanish, and nothing else could test these sizes; either the path loses large packets or a "
      "filter drops large ICMP echoes",
      limit);
}

std::string why_chance(const PathMtuMeasurement& measurement) {
  const double odds = measurement.false_claim_probability.value_or(1.0);
  const auto& limit =
      measurement.forward.at_most_bytes ? measurement.forward.at_most_bytes : measurement.round_trip.at_most_bytes;
  const std::string which =
      limit ? fmt::format("sizes above {} bytes went unanswered", *limit) : std::string("some sizes went unanswered");
  return fmt::format("{}, but so many packets are lost that chance alone explains it with odds of {}", which,
                     odds_text(odds));
}

std::string why_undetermined(const PathMtuMeasurement& measurement, const PathMtuJudgement& judgement) {
  if (!judgement.answered) return "it answered nothing that was sent to it, whatever the size";
  if (judgement.may_be_chance) return why_chance(measurement);
  if (echo_loss_is_unexplained(judgement)) return why_echo_loss_is_unexplained(judgement);
  if (measurement.incomplete) return "the measurement was stopped before it was complete";
  if (!judgement.forward.at_least_bytes) return "no probe of a known size was shown to arrive";
  return fmt::format("sizes above {} bytes were neither shown to arrive nor to be lost",
                     *judgement.forward.at_least_bytes);
}

/// Above what was searched nothing is known, up to what the link sends.
void bound_by_link(PathMtuJudgement& judgement) {
  auto& bounds = judgement.forward;
  if (bounds.at_least_bytes) bounds.at_least_bytes = std::min(*bounds.at_least_bytes, judgement.link_bytes);
  if (!below(bounds.at_most_bytes, judgement.reach_bytes)) bounds.at_most_bytes = judgement.link_bytes;
}

}  // namespace

PathMtuJudgement judge_path_mtu(const PathMtuMeasurement& measurement) {
  PathMtuJudgement judgement;
  judgement.link_bytes = link_limit(measurement);
  judgement.reach_bytes =
      measurement.max_bytes == 0 ? judgement.link_bytes : std::min(measurement.max_bytes, judgement.link_bytes);
  if (measurement.egress.is_local) {
    judgement.status = PathMtuStatus::kClear;
    judgement.forward = {judgement.link_bytes, judgement.link_bytes};
    judgement.usable_bytes = judgement.link_bytes;
    return judgement;
  }
  judgement.answered = measurement.answered || (measurement.tcp && measurement.tcp->state == TcpEvidence::State::kOpen);
  judgement.may_be_chance = losses_may_be_chance(measurement, judgement.reach_bytes);
  judgement.round_trip = measurement.round_trip;
  if (judgement.may_be_chance) judgement.round_trip.at_most_bytes.reset();
  drop_contradicted_loss(judgement.round_trip);
  judgement.forward = merge_forward(measurement, judgement);
  judgement.claims = judge_claims(measurement, judgement.forward);
  judgement.eaten_locally = !measurement.too_big_not_delivered.empty();
  judgement.forward_lost = below(judgement.forward.at_most_bytes, judgement.reach_bytes);
  if (judgement.answered) {
    judgement.reverse_hole = !judgement.may_be_chance && has_reverse_hole(measurement, judgement.reach_bytes);
    judgement.echo_filtered = has_echo_filter(measurement, judgement);
    decide_status(measurement, judgement);
    bound_by_link(judgement);
  }
  judgement.reverse_bytes = reverse_mtu(measurement, judgement);
  judgement.usable_bytes = usable_mtu(judgement);
  if (judgement.status == PathMtuStatus::kUndetermined)
    judgement.undetermined_because = why_undetermined(measurement, judgement);
  return judgement;
}

}  // namespace vpndoctor
