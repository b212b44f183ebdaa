// SPDX-License-Identifier: Apache-2.0
// Greedy line breaking by display width.
#include "wrap.h"

#include <algorithm>

#include "vpndoctor/utf8.h"

namespace vpndoctor {
namespace {

/// Takes the next word off `text`; empty when only spaces are left.
std::string_view take_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  return word;
}

}  // namespace

std::size_t bytes_that_fit(std::string_view text, std::size_t columns) {
  std::size_t bytes = 0;
  std::size_t used = 0;
  while (bytes < text.size()) {
    const CodePoint next = decode_utf8(text.substr(bytes));
    used += next.valid ? display_width(next.value) : 1;
    if (used > columns && bytes > 0) break;
    bytes += next.bytes;
  }
  return bytes;
}

std::vector<std::string> wrap(std::string_view text, std::size_t columns) {
  std::vector<std::string> lines(1);
  for (std::string_view word = take_word(text); !word.empty(); word = take_word(text)) {
    const std::size_t used = display_width(lines.back());
    if (used > 0 && used + 1 + display_width(word) <= columns) {
      lines.back().append(" ").append(word);
      continue;
    }
    if (used > 0) lines.emplace_back();
    while (display_width(word) > columns) {
      const std::size_t bytes = bytes_that_fit(word, columns);
      lines.back() = word.substr(0, bytes);
      lines.emplace_back();
      word.remove_prefix(bytes);
    }
    lines.back() = word;
  }
  return lines;
}

}  // namespace vpndoctor
