// SPDX-License-Identifier: Apache-2.0
// What somebody may have meant who typed a word that does not exist.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vpndoctor {

/// Returns the one of `words` that takes the fewest slips to become `typed` (a letter too many, too few, another one,
/// or two swapped); empty when even that takes more than a third of its letters.
std::string nearest_word(std::string_view typed, const std::vector<std::string>& words);

}  // namespace vpndoctor
