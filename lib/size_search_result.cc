// SPDX-License-Identifier: Apache-2.0
// What the sizes tried so far prove. Sends nothing and decides nothing about what to try next.
#include <algorithm>

#include "size_search.h"

namespace vpndoctor {

SizeBounds SizeSearch::bounds() const {
  SizeBounds bounds;
  for (const SizeState& state : states_) {
    if (state.passes) {
      bounds.at_least_bytes = state.size_bytes;
    } else if (state.settled > 0 && !(options_.answers_are_scarce && state.size_bytes < largest_pass_)) {
      break;
    }
  }
  for (const SizeState& state : states_) {
    const double odds = state.size_bytes < largest_pass_ ? kBandOdds : kMaxFalseClaim;
    if (!state.passes && state.chance_lost <= odds && state.size_bytes > bounds.at_least_bytes.value_or(0)) {
      bounds.at_most_bytes = state.size_bytes - 1;
      break;
    }
  }
  if (bounds.at_least_bytes == options_.max_bytes) bounds.at_most_bytes = options_.max_bytes;
  return bounds;
}

std::optional<double> SizeSearch::false_claim_probability() const {
  const auto at_most = bounds().at_most_bytes;
  if (!at_most || *at_most == options_.max_bytes) return std::nullopt;
  return state_of(*at_most + 1).chance_lost;
}

std::vector<LostBand> SizeSearch::lost_bands() const {
  std::vector<LostBand> bands;
  std::optional<LostBand> open;
  for (const SizeState& state : states_) {
    if (state.passes && open) {
      bands.push_back(*open);
      open.reset();
    } else if (!state.passes && state.chance_lost <= kBandOdds) {
      open = LostBand{open ? open->from_bytes : state.size_bytes, state.size_bytes};
    }
  }
  return bands;
}

std::optional<std::uint32_t> SizeSearch::edge() const {
  const auto edge = lower_edge();
  if (!edge || edge->high - edge->low != 1) return std::nullopt;
  return edge->high;
}

}  // namespace vpndoctor
