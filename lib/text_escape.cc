// SPDX-License-Identifier: Apache-2.0
// Escapes foreign text for a terminal. Decides by code point alone; knows nothing of fonts or locales.
#include "vpndoctor/text_escape.h"

#include <fmt/format.h>

#include <cstdint>

#include "vpndoctor/utf8.h"

namespace vpndoctor {
namespace {

/// True for characters that have no glyph of their own and change how others are shown or compared.
bool is_invisible(char32_t c) {
  const bool bidi =
      c == 0x061C || (c >= 0x200E && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x206F);
  const bool zero_width =
      (c >= 0x200B && c <= 0x200D) || (c >= 0x2060 && c <= 0x2065) || c == 0xFEFF || c == 0x00AD || c == 0x180E;
  const bool separator = c == 0x2028 || c == 0x2029;
  const bool tag_or_noncharacter =
      (c >= 0xE0000 && c <= 0xE0FFF) || (c >= 0xFFF0 && c <= 0xFFFB) || (c & 0xFFFEU) == 0xFFFE;
  return bidi || zero_width || separator || tag_or_noncharacter;
}

bool is_control(char32_t c) { return c < 0x20 || (c >= 0x7F && c < 0xA0); }

std::string escaped(char32_t c) {
  switch (c) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return c < 0x80 ? fmt::format("\\x{:02x}", static_cast<std::uint32_t>(c))
                      : fmt::format("\\u{{{:x}}}", static_cast<std::uint32_t>(c));
  }
}

template <class MustEscape>
std::string escape_where(std::string_view text, MustEscape must_escape) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const CodePoint next = decode_utf8(text);
    if (!next.valid) {
      out += fmt::format("\\x{:02x}", static_cast<std::uint8_t>(text[0]));
    } else if (must_escape(next.value)) {
      out += escaped(next.value);
    } else {
      out += text.substr(0, next.bytes);
    }
    text.remove_prefix(next.bytes);
  }
  return out;
}

}  // namespace

std::string escape_controls(std::string_view text) {
  return escape_where(text, [](char32_t c) { return is_control(c) || is_invisible(c); });
}

std::string escape_non_ascii(std::string_view text) {
  return escape_where(text, [](char32_t c) { return is_control(c) || c >= 0x80; });
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kMostShown = 64;
  // A byte takes at most four characters once escaped; so nothing long is escaped in vain.
  return "'" + shorten(escape_controls(text.substr(0, 4 * kMostShown)), kMostShown) + "'";
}

std::string shorten(std::string_view text, std::size_t max_columns) {
  if (display_width(text) <= max_columns) return std::string(text);
  std::size_t columns = 3;
  std::size_t bytes = 0;
  while (bytes < text.size()) {
    const CodePoint next = decode_utf8(text.substr(bytes));
    columns += next.valid ? display_width(next.value) : 1;
    if (columns > max_columns) break;
    bytes += next.bytes;
  }
  return std::string(text.substr(0, bytes)) + "...";
}

}  // namespace vpndoctor
