// SPDX-License-Identifier: Apache-2.0
// The core of the diagnosis: what the evidence of all methods, taken together, proves about both directions
// and about each too-big message. Knows no findings, advice or wording beyond the reason for "undetermined".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/path_mtu.h"
#include "vpndoctor/path_mtu_diagnosis.h"

namespace vpndoctor {

/// Above these odds that a loss was chance, a size is not called too large.
inline constexpr double kMaxFalseClaimProbability = 1e-3;

enum class ClaimVerdict {
  kRight,       ///< within what was measured
  kTooLarge,    ///< the claimer's own link carries less
  kTooSmall,    ///< larger packets passed behind the claimer
  kNoSize,      ///< MTU 0: a router older than RFC 1191, no lie
  kUnverified,  ///< nothing measured confirms or contradicts it
};

/// A too-big message that quotes a probe of ours, and what the measurement says of it.
struct JudgedClaim {
  TooBigMessage message;
  ClaimVerdict verdict = ClaimVerdict::kUnverified;
};

struct PathMtuJudgement {
  PathMtuStatus status = PathMtuStatus::kUndetermined;
  std::optional<Direction> direction;
  std::uint32_t link_bytes = 0;   ///< the largest packet that the egress can send
  std::uint32_t reach_bytes = 0;  ///< the largest that was asked about: the link's, or less with --max
  SizeBounds forward;             ///< of the way there, all methods merged
  SizeBounds round_trip;          ///< of echoes, without losses that may be chance
  std::optional<std::uint32_t> reverse_bytes;
  std::optional<std::uint32_t> usable_bytes;  ///< proven to work in every direction that was measured
  bool answered = false;                      ///< the target was heard, by probes or by TCP
  bool forward_lost = false;                  ///< a size that the link could send is lost on the way there
  bool reverse_hole = false;                  ///< large packets vanish on the way back
  bool echo_filtered = false;                 ///< large echoes vanish, equally large other packets do not
  bool may_be_chance = false;                 ///< losses were seen, but not often enough to be sure
  bool eaten_locally = false;                 ///< too-big messages arrive at this machine and no socket gets them
  std::vector<JudgedClaim> claims;
  std::string undetermined_because;
};

/// Weighs all evidence. A success is proof for its size; a loss counts only beyond chance; TCP outranks ICMP.
PathMtuJudgement judge_path_mtu(const PathMtuMeasurement& measurement);

/// True when a too-big message from this router can be about the link where large packets stop: the constriction
/// begins at it, or at a hop whose address is not known, or was not found.
bool may_be_at_constriction(const PathMtuMeasurement& measurement, const IpAddress& router);
/// True when the constriction is known to begin at this router.
bool is_at_constriction(const PathMtuMeasurement& measurement, const IpAddress& router);
/// Finds the TTL of a router by its address.
std::optional<std::uint8_t> hop_ttl(const PathMtuMeasurement& measurement, const IpAddress& router);

/// Judges each too-big message that quotes one of our probes against what the path was shown to carry.
std::vector<JudgedClaim> judge_claims(const PathMtuMeasurement& measurement, const SizeBounds& forward);

/// True when any of the claims has this verdict.
bool any_claim(const std::vector<JudgedClaim>& claims, ClaimVerdict verdict);

}  // namespace vpndoctor
