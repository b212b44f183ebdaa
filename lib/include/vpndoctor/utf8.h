// SPDX-License-Identifier: Apache-2.0
// UTF-8 as bytes in and code points out, and how many terminal columns a code point takes. Knows no locale:
// the widths are those of Unicode's East Asian Width, wide where a terminal may disagree.
#pragma once

#include <cstddef>
#include <string_view>

namespace [[gnu::visibility("default")]] vpndoctor {

/// One step through a text. `value` is U+FFFD and `valid` false where the bytes are not UTF-8; then `bytes` is 1.
struct CodePoint {
  char32_t value = 0xFFFD;
  std::size_t bytes = 1;
  bool valid = false;
};

/// Decodes the first code point of `text`, which must not be empty. Refuses overlong forms, surrogates and
/// everything above U+10FFFF (RFC 3629 section 3).
CodePoint decode_utf8(std::string_view text);

/// Returns the terminal columns of a code point: 0 for combining marks, 2 for wide ones, else 1.
std::size_t display_width(char32_t code_point);
/// Returns the terminal columns of a text without control characters; a byte that is not UTF-8 takes one.
std::size_t display_width(std::string_view text);

}  // namespace vpndoctor
