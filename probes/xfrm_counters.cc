// SPDX-License-Identifier: Apache-2.0
// Parses IPsec counters; see the header.
#include "xfrm_counters.h"

#include <algorithm>

#include "parse_number.h"

namespace vpndoctor {

std::vector<std::pair<std::string, std::uint64_t>> non_zero_xfrm_counters(std::string_view table) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  std::vector<std::pair<std::string, std::uint64_t>> counters;
  while (!table.empty()) {
    const std::string_view line = table.substr(0, table.find('\n'));
    table.remove_prefix(std::min(line.size() + 1, table.size()));
    const std::size_t name_end = line.find_first_not_of(kLetters);
    const std::size_t number = line.find_first_of("0123456789", name_end);
    if (name_end == 0 || number == std::string_view::npos) continue;
    const auto count = parse_number<std::uint64_t>(line.substr(number));
    if (count.value_or(0) != 0) counters.emplace_back(line.substr(0, name_end), *count);
  }
  return counters;
}

}  // namespace vpndoctor
