// SPDX-License-Identifier: Apache-2.0
// Domain names between text and wire; see dns_message.h.
#include <fmt/format.h>

#include "vpndoctor/dns_message.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMaxLabelBytes = 63;
constexpr std::size_t kMaxNameBytes = 255;
constexpr int kMaxPointers = 127;
constexpr unsigned kPointerMask = 0xC0;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Takes one character, or one escape, off the text; nullopt when the escape is wrong.
std::optional<std::byte> take_byte(std::string_view& text) {
  const char first = text.front();
  text.remove_prefix(1);
  if (first != '\\') return static_cast<std::byte>(first);
  if (text.empty()) return std::nullopt;
  if (!is_digit(text[0])) {
    const auto escaped = static_cast<std::byte>(text[0]);
    text.remove_prefix(1);
    return escaped;
  }
  if (text.size() < 3 || !is_digit(text[1]) || !is_digit(text[2])) return std::nullopt;
  const int number = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
  text.remove_prefix(3);
  return number > 255 ? std::nullopt : std::optional(static_cast<std::byte>(number));
}

/// Takes one label and the dot behind it off the text.
std::optional<std::vector<std::byte>> take_label(std::string_view& text) {
  std::vector<std::byte> label;
  while (!text.empty() && text.front() != '.') {
    const auto byte = take_byte(text);
    if (!byte || label.size() == kMaxLabelBytes) return std::nullopt;
    label.push_back(*byte);
  }
  if (!text.empty()) text.remove_prefix(1);
  if (label.empty()) return std::nullopt;
  return label;
}

/// As zone files have it (RFC 1035 section 5.1): what has a meaning there is escaped.
void append_label(std::span<const std::byte> label, std::string& name) {
  if (!name.empty()) name += '.';
  for (const std::byte byte : label) {
    const auto c = static_cast<unsigned char>(byte);
    if (c < 0x20 || c > 0x7e) {
      name += fmt::format("\\{:03}", c);
      continue;
    }
    if (std::string_view("\".;\\()@$").contains(static_cast<char>(c))) name += '\\';
    name += static_cast<char>(c);
  }
}

}  // namespace

std::optional<std::vector<std::byte>> encode_dns_name(std::string_view name) {
  std::vector<std::byte> wire;
  if (name.empty()) return std::nullopt;
  if (name == ".") name = {};
  while (!name.empty()) {
    const auto label = take_label(name);
    if (!label) return std::nullopt;
    wire.push_back(static_cast<std::byte>(label->size()));
    wire.insert(wire.end(), label->begin(), label->end());
    if (wire.size() >= kMaxNameBytes) return std::nullopt;
  }
  wire.push_back(std::byte{0});
  return wire;
}

std::optional<DnsNameInMessage> decode_dns_name(std::span<const std::byte> message, std::size_t offset) {
  DnsNameInMessage decoded;
  std::size_t run_start = offset;  // a pointer must lead before it, so that every run is visited once
  std::size_t name_bytes = 1;
  int pointers = 0;
  while (offset < message.size()) {
    const auto length = static_cast<unsigned>(message[offset]);
    if (length == 0) {
      if (pointers == 0) decoded.next = offset + 1;
      if (decoded.name.empty()) decoded.name.push_back('.');
      return decoded;
    }
    if ((length & kPointerMask) == kPointerMask) {
      if (offset + 1 >= message.size()) return std::nullopt;
      const std::size_t target = (length & ~kPointerMask) << 8U | static_cast<unsigned>(message[offset + 1]);
      if (target >= run_start || ++pointers > kMaxPointers) return std::nullopt;
      if (pointers == 1) decoded.next = offset + 2;
      offset = run_start = target;
      continue;
    }
    name_bytes += length + 1;
    if (length > kMaxLabelBytes || name_bytes > kMaxNameBytes) return std::nullopt;
    if (length >= message.size() - offset) return std::nullopt;
    append_label(message.subspan(offset + 1, length), decoded.name);
    offset += length + 1;
  }
  return std::nullopt;
}

}  // namespace vpndoctor
