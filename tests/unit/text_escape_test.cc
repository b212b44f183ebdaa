// SPDX-License-Identifier: Apache-2.0
// Foreign text on a terminal. The oracles are glibc's decoder and its widths in a UTF-8 locale.
#include "vpndoctor/text_escape.h"

#include <gtest/gtest.h>
#include <locale.h>
#include <wchar.h>

#include <climits>
#include <random>
#include <string>

#include "vpndoctor/utf8.h"

namespace vpndoctor {
namespace {

/// A UTF-8 locale for glibc's conversion functions on this thread.
class Utf8Locale {
 public:
  Utf8Locale() : locale_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)), before_(uselocale(locale_)) {}
  ~Utf8Locale() {
    uselocale(before_);
    freelocale(locale_);
  }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  locale_t locale_;
  locale_t before_;
};

std::string encoded(char32_t code_point) {
  char bytes[MB_LEN_MAX] = {};
  mbstate_t state = {};
  const std::size_t length = wcrtomb(bytes, static_cast<wchar_t>(code_point), &state);
  return length == static_cast<std::size_t>(-1) ? "" : std::string(bytes, length);
}

TEST(TextEscape, ControlsAreShownAndTextIsKept) {
  EXPECT_EQ(escape_controls("plain m\xc3\xbcnchen"), "plain m\xc3\xbcnchen");
  EXPECT_EQ(escape_controls("a\nb\tc\rd"), "a\\nb\\tc\\rd");
  EXPECT_EQ(escape_controls("\x1b[31mred"), "\\x1b[31mred");
  EXPECT_EQ(escape_controls(std::string_view("\0\x7f", 2)), "\\x00\\x7f");
  EXPECT_EQ(escape_controls("\xc2\x9b"), "\\u{9b}");
}

TEST(TextEscape, BidiOverridesAndInvisibleCharactersAreShown) {
  EXPECT_EQ(escape_controls("\xe2\x80\xae"), "\\u{202e}");
  EXPECT_EQ(escape_controls("\xe2\x81\xa6"), "\\u{2066}");
  EXPECT_EQ(escape_controls("\xe2\x80\x8b"), "\\u{200b}");
  EXPECT_EQ(escape_controls("\xe2\x80\xa8"), "\\u{2028}");
  EXPECT_EQ(escape_controls("\xef\xbb\xbf"), "\\u{feff}");
  EXPECT_EQ(escape_controls("\xf3\xa0\x81\x81"), "\\u{e0041}");
}

TEST(TextEscape, BytesThatAreNotUtf8AreShownOneByOne) {
  EXPECT_EQ(escape_controls("a\xff"), "a\\xff");
  EXPECT_EQ(escape_controls("\xc0\x80"), "\\xc0\\x80");
  EXPECT_EQ(escape_controls("\xed\xa0\x80"), "\\xed\\xa0\\x80");
  EXPECT_EQ(escape_controls("\xe2\x82"), "\\xe2\\x82");
  EXPECT_EQ(escape_controls("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
}

TEST(TextEscape, AsciiOnlyEscapesTheRest) {
  EXPECT_EQ(escape_non_ascii("m\xc3\xbcnchen \xf0\x9f\x94\xa5\n"), "m\\u{fc}nchen \\u{1f525}\\n");
}

TEST(TextEscape, ShorteningCountsColumns) {
  EXPECT_EQ(shorten("abcdef", 6), "abcdef");
  EXPECT_EQ(shorten("abcdefg", 6), "abc...");
  EXPECT_EQ(shorten("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 6), "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e");
  EXPECT_EQ(shorten("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 5), "\xe6\x97\xa5...");
}

TEST(Utf8, DecodesEveryCodePointAsGlibcEncodesIt) {
  const Utf8Locale locale;
  for (char32_t code_point = 1; code_point <= 0x10FFFF; ++code_point) {
    const std::string text = encoded(code_point);
    if (text.empty()) continue;
    const CodePoint decoded = decode_utf8(text);
    ASSERT_TRUE(decoded.valid) << std::hex << static_cast<std::uint32_t>(code_point);
    ASSERT_EQ(decoded.value, code_point);
    ASSERT_EQ(decoded.bytes, text.size());
  }
}

TEST(Utf8, AcceptsRandomBytesExactlyWhenGlibcDoes) {
  const Utf8Locale locale;
  std::mt19937_64 random(8);
  for (int i = 0; i < 300'000; ++i) {
    char bytes[4];
    for (char& byte : bytes) byte = static_cast<char>(random() % 3 == 0 ? random() : 0x80 + random() % 0x80);
    if (bytes[0] == 0) continue;
    wchar_t wide = 0;
    mbstate_t state = {};
    const std::size_t length = mbrtowc(&wide, bytes, sizeof bytes, &state);
    const CodePoint decoded = decode_utf8({bytes, sizeof bytes});
    // glibc takes surrogates and values above Unicode's end, RFC 3629 does not.
    const bool is_unicode = wide <= 0x10FFFF && (wide < 0xD800 || wide > 0xDFFF);
    ASSERT_EQ(decoded.valid, length <= sizeof bytes && is_unicode) << "at " << i;
    if (decoded.valid) {
      ASSERT_EQ(decoded.bytes, length);
    }
  }
}

TEST(Utf8, NoCharacterIsNarrowerThanGlibcSays) {
  const Utf8Locale locale;
  for (char32_t code_point = 0x20; code_point <= 0x10FFFF; ++code_point) {
    const int columns = wcwidth(static_cast<wchar_t>(code_point));
    if (columns < 0) continue;
    ASSERT_GE(static_cast<int>(display_width(code_point)), columns)
        << std::hex << static_cast<std::uint32_t>(code_point);
  }
  EXPECT_EQ(display_width(U'a'), 1U);
  EXPECT_EQ(display_width(std::string_view("e\xcc\x81")), 1U);
  EXPECT_EQ(display_width(std::string_view("\xe6\x97\xa5\xe6\x9c\xac")), 4U);
}

}  // namespace
}  // namespace vpndoctor
