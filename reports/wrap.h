// SPDX-License-Identifier: Apache-2.0
// Breaks text into lines by terminal columns. Expects text without control characters; knows nothing of colour.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace vpndoctor {

/// Breaks at spaces so that no line takes more than `columns` (at least 2); a longer word is cut. Runs of spaces
/// become one. Returns at least one line, which may be empty.
std::vector<std::string> wrap(std::string_view text, std::size_t columns);

/// Returns how many bytes of `text` fit in `columns`, at least one code point.
std::size_t bytes_that_fit(std::string_view text, std::size_t columns);

}  // namespace vpndoctor
