// SPDX-License-Identifier: Apache-2.0
// Converts internationalised names with libidn2; see the header.
#include "vpndoctor/idn.h"

#include <idn2.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "handles.h"
#include "vpndoctor/utf8.h"

namespace vpndoctor {
namespace {

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const CodePoint point = decode_utf8(text);
    if (!point.valid) return false;
    text.remove_prefix(point.bytes);
  }
  return true;
}

}  // namespace

std::expected<std::string, std::string> idn_to_ascii(const std::string& name) {
  if (is_ascii(name)) return name;
  char* ascii = nullptr;
  const int flags = IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT;
  const int status =
      is_utf8(name) ? idn2_to_ascii_8z(name.c_str(), &ascii, flags) : idn2_to_ascii_lz(name.c_str(), &ascii, flags);
  if (status == IDN2_ICONV_FAIL) return std::unexpected("it is neither UTF-8 nor text of this locale");
  if (status != IDN2_OK) return std::unexpected(idn2_strerror(status));
  const std::unique_ptr<char, Freer<idn2_free>> owner(ascii);
  return std::string(ascii);
}

}  // namespace vpndoctor
