// SPDX-License-Identifier: Apache-2.0
// JSON text by RFC 8259.
#include "vpndoctor/json_writer.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "vpndoctor/utf8.h"

namespace vpndoctor {
namespace {

bool is_plain(char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; }

void append_escape(std::string& out, char32_t point) {
  constexpr char32_t kFirstSupplementary = 0x10000;
  if (point < kFirstSupplementary) {
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(point));
    return;
  }
  const auto offset = static_cast<unsigned>(point - kFirstSupplementary);
  fmt::format_to(std::back_inserter(out), "\\u{:04x}\\u{:04x}", 0xd800U + (offset >> 10U), 0xdc00U + (offset & 0x3ffU));
}

void append_text(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const char c = text.front();
    if (is_plain(c)) {
      out += c;
      text.remove_prefix(1);
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
      text.remove_prefix(1);
    } else {
      const CodePoint point = decode_utf8(text);
      append_escape(out, point.value);
      text.remove_prefix(point.bytes);
    }
  }
}

}  // namespace

void JsonWriter::separate() {
  if (needs_comma_) *out_ += ',';
  needs_comma_ = true;
}

JsonWriter& JsonWriter::begin_object() {
  separate();
  *out_ += '{';
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::end_object() {
  *out_ += '}';
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::begin_array() {
  separate();
  *out_ += '[';
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::end_array() {
  *out_ += ']';
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  separate();
  *out_ += '"';
  *out_ += name;
  *out_ += "\":";
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  separate();
  *out_ += '"';
  append_text(*out_, text);
  *out_ += '"';
  return *this;
}

JsonWriter& JsonWriter::value(bool truth) { return raw(truth ? "true" : "false"); }

JsonWriter& JsonWriter::value(double number) {
  if (!std::isfinite(number)) return null();
  separate();
  fmt::format_to(std::back_inserter(*out_), FMT_COMPILE("{}"), number);
  return *this;
}

JsonWriter& JsonWriter::signed_value(std::int64_t number) {
  separate();
  fmt::format_to(std::back_inserter(*out_), FMT_COMPILE("{}"), number);
  return *this;
}

JsonWriter& JsonWriter::unsigned_value(std::uint64_t number) {
  separate();
  fmt::format_to(std::back_inserter(*out_), FMT_COMPILE("{}"), number);
  return *this;
}

JsonWriter& JsonWriter::value(const IpAddress& address) {
  separate();
  *out_ += '"';
  address.append_to(*out_);
  *out_ += '"';
  return *this;
}

JsonWriter& JsonWriter::value(const IpPrefix& prefix) {
  separate();
  *out_ += '"';
  prefix.append_to(*out_);
  *out_ += '"';
  return *this;
}

JsonWriter& JsonWriter::value(std::span<const std::string> texts) {
  begin_array();
  for (const std::string& text : texts) value(text);
  return end_array();
}

JsonWriter& JsonWriter::null() { return raw("null"); }

JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  *out_ += json;
  return *this;
}

JsonWriter& JsonWriter::field_or_null(std::string_view name, std::string_view text) {
  key(name);
  return text.empty() ? null() : value(text);
}

JsonWriter& JsonWriter::new_line() {
  constexpr std::size_t kLarge = std::size_t{1} << 18U;
  if (drain_ && out_->size() >= kLarge) drain_(*out_);
  // A line break may stand before a comma too.
  *out_ += '\n';
  return *this;
}

}  // namespace vpndoctor
