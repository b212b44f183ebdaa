// SPDX-License-Identifier: Apache-2.0
// Condenses loss by size: neighbouring sizes with the same fate become one line. Pure arithmetic, no text layout.
#pragma once

#include <cstdint>
#include <vector>

#include "vpndoctor/path_mtu.h"
#include "vpndoctor/path_mtu_diagnosis.h"

namespace vpndoctor {

/// What became of the packets of a size.
enum class SizeFate {
  kPasses,      ///< answered, or below a size up to which everything is proven to pass
  kPartly,      ///< some answered, some not
  kRefused,     ///< not answered, and an accepted too-big message says why
  kVanishes,    ///< not answered, in silence, and shown to be lost
  kOneWay,      ///< proven to arrive by other means, yet its own answer is lost on the way back or filtered
  kUnanswered,  ///< not answered, and nothing more is known
};

struct SizeGroup {
  std::uint32_t from_bytes = 0;
  std::uint32_t to_bytes = 0;
  std::uint32_t sizes = 0;  ///< how many sizes were tried from `from_bytes` to `to_bytes`
  std::uint32_t sent = 0;
  std::uint32_t answered = 0;
  SizeFate fate = SizeFate::kUnanswered;
};

/// Groups the tried sizes, ascending. Condensed, chance losses at sizes that are proven to pass are not set apart,
/// unless the loss itself depends on the size; not condensed, every size is a group of its own.
std::vector<SizeGroup> group_sizes(const PathMtuMeasurement& measurement, const PathMtuDiagnosis& diagnosis,
                                   bool condensed);

}  // namespace vpndoctor
