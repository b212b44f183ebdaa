// SPDX-License-Identifier: Apache-2.0
// Judges what routers claim in too-big messages against what their links were shown to carry.
// Does not decide the status of the path.
#include <algorithm>

#include "path_mtu_judgement.h"

namespace vpndoctor {
namespace {

bool passed_behind(const PathMtuMeasurement& measurement, const TooBigMessage& claim) {
  const auto ttl = hop_ttl(measurement, claim.from);
  if (!ttl) return false;
  return std::ranges::any_of(measurement.hops, [&](const Hop& hop) {
    return hop.ttl > *ttl && hop.largest_bytes && *hop.largest_bytes > claim.mtu_bytes;
  });
}

ClaimVerdict judge(const PathMtuMeasurement& measurement, const SizeBounds& forward, const TooBigMessage& claim) {
  if (claim.mtu_bytes == 0) return ClaimVerdict::kNoSize;
  const std::uint32_t probe = *claim.probe_bytes;
  if (claim.mtu_bytes >= probe) {
    // It refused what it says it carries. Where the refused size gets through after all, the message is noise.
    const bool refused = forward.at_most_bytes && *forward.at_most_bytes < probe;
    return refused && may_be_at_constriction(measurement, claim.from) ? ClaimVerdict::kTooLarge
                                                                      : ClaimVerdict::kUnverified;
  }
  if (!claim.accepted) return ClaimVerdict::kUnverified;
  if (forward.at_least_bytes && *forward.at_least_bytes > claim.mtu_bytes) return ClaimVerdict::kTooSmall;
  if (passed_behind(measurement, claim)) return ClaimVerdict::kTooSmall;
  if (!forward.at_most_bytes) return ClaimVerdict::kUnverified;
  if (claim.mtu_bytes > *forward.at_most_bytes)
    return is_at_constriction(measurement, claim.from) ? ClaimVerdict::kTooLarge : ClaimVerdict::kUnverified;
  return forward.at_least_bytes ? ClaimVerdict::kRight : ClaimVerdict::kUnverified;
}

}  // namespace

std::optional<std::uint8_t> hop_ttl(const PathMtuMeasurement& measurement, const IpAddress& router) {
  const auto found = std::ranges::find_if(measurement.hops, [&](const Hop& hop) { return hop.address == router; });
  return found == measurement.hops.end() ? std::nullopt : std::optional(found->ttl);
}

bool is_at_constriction(const PathMtuMeasurement& measurement, const IpAddress& router) {
  if (!measurement.constriction) return false;
  if (measurement.constriction->from_address == router) return true;
  return hop_ttl(measurement, router) == std::optional(measurement.constriction->from_ttl);
}

bool may_be_at_constriction(const PathMtuMeasurement& measurement, const IpAddress& router) {
  const auto& constriction = measurement.constriction;
  if (!constriction || is_at_constriction(measurement, router)) return true;
  // A silent hop may be the claimer, unless the claimer is known to stand elsewhere.
  return constriction->from_ttl > 0 && !constriction->from_address && !hop_ttl(measurement, router);
}

std::vector<JudgedClaim> judge_claims(const PathMtuMeasurement& measurement, const SizeBounds& forward) {
  std::vector<JudgedClaim> claims;
  for (const auto& message : measurement.too_big)
    if (message.probe_bytes) claims.push_back({message, judge(measurement, forward, message)});
  return claims;
}

bool any_claim(const std::vector<JudgedClaim>& claims, ClaimVerdict verdict) {
  return std::ranges::find(claims, verdict, &JudgedClaim::verdict) != claims.end();
}

}  // namespace vpndoctor
