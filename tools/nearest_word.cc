// SPDX-License-Identifier: Apache-2.0
// The restricted Damerau-Levenshtein distance: each letter takes part in one slip at most.
#include "nearest_word.h"

#include <algorithm>
#include <cstddef>

namespace vpndoctor {
namespace {

std::size_t slips_between(std::string_view from, std::string_view to) {
  using Row = std::vector<std::size_t>;
  Row row(to.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
  Row before = row;
  for (std::size_t i = 1; i <= from.size(); ++i) {
    const Row two_before = before;
    before = row;
    row[0] = i;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const std::size_t other = from[i - 1] == to[j - 1] ? 0 : 1;
      row[j] = std::min({before[j] + 1, row[j - 1] + 1, before[j - 1] + other});
      const bool swapped = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
      if (swapped) row[j] = std::min(row[j], two_before[j - 2] + 1);
    }
  }
  return row.back();
}

}  // namespace

std::string nearest_word(std::string_view typed, const std::vector<std::string>& words) {
  constexpr std::size_t kLongest = 32;
  if (typed.size() > kLongest) return {};
  std::string nearest;
  std::size_t fewest = kLongest;
  for (const std::string& word : words) {
    const std::size_t slips = slips_between(typed, word);
    if (slips >= fewest || slips > std::max<std::size_t>(1, word.size() / 3)) continue;
    fewest = slips;
    nearest = word;
  }
  return nearest;
}

}  // namespace vpndoctor
