// SPDX-License-Identifier: Apache-2.0
// Which equal entries of two lists kept their order: the rest moved.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace vpndoctor {

/// Positions in two lists that hold the same.
struct OrderPair {
  std::size_t before = 0;
  std::size_t after = 0;
};

/// The longest increasing subsequence by `after` of pairs that ascend by `before` (patience sorting).
inline std::vector<OrderPair> longest_in_order(const std::vector<OrderPair>& pairs) {
  std::vector<std::size_t> ends;  // by length: the pair that ends such a sequence earliest
  std::vector<std::size_t> previous(pairs.size());
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const auto place = std::lower_bound(ends.begin(), ends.end(), pairs[i].after,
                                        [&](std::size_t end, std::size_t at) { return pairs[end].after < at; });
    previous[i] = place == ends.begin() ? i : *(place - 1);
    if (place == ends.end()) {
      ends.push_back(i);
    } else {
      *place = i;
    }
  }
  std::vector<OrderPair> kept(ends.size());
  for (std::size_t i = ends.size(), at = ends.empty() ? 0 : ends.back(); i-- > 0; at = previous[at]) {
    kept[i] = pairs[at];
  }
  return kept;
}

}  // namespace vpndoctor
