// SPDX-License-Identifier: Apache-2.0
// The evidence that packets of one size vanish in one direction of a connection, and how much it proves.
#pragma once

#include <optional>

#include "capture_flow_direction.h"
#include "vpndoctor/finding.h"

namespace vpndoctor {

/// A hole for packets of this size, when full ones are of `full_bytes` (null: not known), is hardly one of the path
/// MTU: a filter that looks at the content is as good an explanation. IPv6's least is the size that tunnels and links
/// keep to everywhere (RFC 8200 section 5).
inline bool is_below_common_mtu(std::uint32_t size_bytes, std::optional<std::uint32_t> full_bytes) {
  constexpr std::uint32_t kLeastOfIpv6 = 1280;
  return size_bytes < kLeastOfIpv6 && (!full_bytes || size_bytes < *full_bytes);
}

/// Above it, chance may well have hit the large ones alone.
inline constexpr double kSuspectedChance = 0.2;

struct HoleEvidence {
  std::uint32_t size_bytes = 0;      ///< the smallest size that vanished
  CaptureTime since;                 ///< when the first such packet was sent
  std::uint64_t lost = 0;            ///< packets of that size and larger
  std::uint32_t sent_in_vain = 0;    ///< how often one segment was sent; 0: the capture did not see it sent
  bool backs_off = false;            ///< the sender waited longer each time
  std::uint64_t smaller_passed = 0;  ///< in the whole flow
  std::uint64_t smaller_lost = 0;
  std::uint64_t smaller_passed_after = 0;  ///< sent since
  bool is_interleaved = false;  ///< a smaller packet passed between two that were lost: the path was there all along
  bool is_split = false;        ///< the lost bytes got through in smaller packets
  bool passed_before = false;   ///< such packets were acknowledged earlier in the flow
  bool is_doubtful = false;     ///< the size is presumed, the capture has holes, or a large packet may have arrived
  bool by_gap = false;          ///< seen near the receiver: as a gap
  std::uint32_t gap_bytes = 0;
  double chance = 1;  ///< that size has nothing to do with it
  Confidence confidence = Confidence::kSuspected;
};

/// Returns the strongest evidence, the smallest size among equals; nullopt when there is none worth the name.
std::optional<HoleEvidence> find_hole(const FlowHistory& history, const FlowHistory& back);

}  // namespace vpndoctor
