// SPDX-License-Identifier: Apache-2.0
// Text and bytes of addresses, by RFC 4291 section 2.2 and RFC 5952, without the C library's inet_pton() so that
// the library builds where there are no sockets. Agrees with glibc on every text, odd ones included.
#include "vpndoctor/ip.h"

#include <algorithm>
#include <charconv>

namespace vpndoctor {
namespace {

constexpr std::size_t kGroups = 8;  // of 16 bits in an IPv6 address
constexpr std::size_t kInetBytes = 4;

using Groups = std::array<std::uint16_t, kGroups>;

/// Takes the number at the front of `text`: 1 to `max_digits` digits of `base`.
std::optional<unsigned> take_number(std::string_view& text, int base, std::size_t max_digits) {
  const std::size_t limit = std::min(text.size(), max_digits);
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + limit, value, base);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

bool take(std::string_view& text, std::string_view token) {
  if (!text.starts_with(token)) return false;
  text.remove_prefix(token.size());
  return true;
}

std::optional<std::array<std::uint8_t, kInetBytes>> parse_quad(std::string_view text) {
  std::array<std::uint8_t, kInetBytes> quad{};
  for (std::size_t i = 0; i < quad.size(); ++i) {
    if (i > 0 && !take(text, ".")) return std::nullopt;
    // A leading zero means octal to some programs and decimal to others.
    if (text.size() > 1 && text[0] == '0' && text[1] != '.') return std::nullopt;
    const auto value = take_number(text, 10, 3);
    if (!value || *value > 255) return std::nullopt;
    quad[i] = static_cast<std::uint8_t>(*value);
  }
  if (!text.empty()) return std::nullopt;
  return quad;
}

/// Groups in the order read, and where "::" stood among them.
struct GroupReader {
  Groups groups{};
  std::size_t count = 0;
  std::optional<std::size_t> gap;

  bool append(unsigned value) {
    if (count == kGroups) return false;
    groups[count++] = static_cast<std::uint16_t>(value);
    return true;
  }

  bool append_quad(std::string_view text) {
    const auto quad = parse_quad(text);
    return quad && append((*quad)[0] * 256U + (*quad)[1]) && append((*quad)[2] * 256U + (*quad)[3]);
  }

  /// Moves what followed the gap to the end. A gap stands for at least one group.
  bool fill_gap() {
    if (!gap) return count == kGroups;
    if (count == kGroups) return false;
    std::rotate(groups.begin() + *gap, groups.begin() + count, groups.end());
    return true;
  }
};

std::optional<Groups> parse_groups(std::string_view text) {
  GroupReader reader;
  if (take(text, "::")) reader.gap = 0;
  while (!text.empty()) {
    const std::string_view group = text;
    const auto value = take_number(text, 16, 4);
    if (!value) return std::nullopt;
    if (text.starts_with('.')) {
      if (!reader.append_quad(group)) return std::nullopt;
      break;
    }
    if (!reader.append(*value)) return std::nullopt;
    if (text.empty()) break;
    if (take(text, "::")) {
      if (reader.gap) return std::nullopt;
      reader.gap = reader.count;
    } else if (!take(text, ":") || text.empty()) {
      return std::nullopt;
    }
  }
  if (!reader.fill_gap()) return std::nullopt;
  return reader.groups;
}

struct Run {
  std::size_t begin = 0;
  std::size_t length = 0;
};

/// Finds the zero groups that "::" replaces: the first of the longest runs, never a single group (RFC 5952 4.2).
Run longest_zero_run(const Groups& groups) {
  Run best;
  for (std::size_t i = 0; i < kGroups; ++i) {
    std::size_t end = i;
    while (end < kGroups && groups[end] == 0) ++end;
    if (end - i > best.length) best = {i, end - i};
    i = std::max(i, end);
  }
  return best.length >= 2 ? best : Run{kGroups, 0};
}

char* put_quad(char* at, std::span<const std::uint8_t> quad) {
  constexpr std::ptrdiff_t kMostDigits = 3;
  for (std::size_t i = 0; i < kInetBytes; ++i) {
    if (i > 0) *at++ = '.';
    at = std::to_chars(at, at + kMostDigits, static_cast<unsigned>(quad[i])).ptr;
  }
  return at;
}

/// IPv4-mapped and IPv4-compatible addresses end in a dotted quad, as every tool of the system prints them.
bool ends_in_quad(const Groups& groups, Run zeros) {
  return zeros.begin == 0 && (zeros.length == 6 || (zeros.length == 5 && groups[5] == 0xffff));
}

char* put_inet6(char* at, std::span<const std::uint8_t> bytes) {
  constexpr std::ptrdiff_t kMostDigits = 4;
  Groups groups;
  for (std::size_t i = 0; i < kGroups; ++i)
    groups[i] = static_cast<std::uint16_t>(bytes[2 * i] << 8 | bytes[2 * i + 1]);
  const Run zeros = longest_zero_run(groups);
  const bool quad = ends_in_quad(groups, zeros);
  const std::size_t end = quad ? 6 : kGroups;
  bool needs_colon = false;
  for (std::size_t i = 0; i < end; ++i) {
    if (i == zeros.begin) {
      *at++ = ':';
      *at++ = ':';
      i += zeros.length - 1;
      needs_colon = false;
      continue;
    }
    if (needs_colon) *at++ = ':';
    at = std::to_chars(at, at + kMostDigits, groups[i], 16).ptr;
    needs_colon = true;
  }
  if (!quad) return at;
  if (needs_colon) *at++ = ':';
  return put_quad(at, bytes.subspan(12));
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  IpAddress address;
  if (const auto quad = parse_quad(text)) {
    std::copy(quad->begin(), quad->end(), address.bytes.begin());
    return address;
  }
  const auto groups = parse_groups(text);
  if (!groups) return std::nullopt;
  address.family = Family::kInet6;
  for (std::size_t i = 0; i < kGroups; ++i) {
    address.bytes[2 * i] = static_cast<std::uint8_t>((*groups)[i] >> 8);
    address.bytes[2 * i + 1] = static_cast<std::uint8_t>((*groups)[i] & 0xff);
  }
  return address;
}

std::optional<IpAddress> IpAddress::from_bytes(std::span<const std::byte> network_order) {
  IpAddress address;
  if (network_order.size() != kInetBytes && network_order.size() != address.bytes.size()) return std::nullopt;
  address.family = network_order.size() == kInetBytes ? Family::kInet : Family::kInet6;
  std::transform(network_order.begin(), network_order.end(), address.bytes.begin(),
                 [](std::byte byte) { return std::to_integer<std::uint8_t>(byte); });
  return address;
}

std::string IpAddress::to_string() const {
  std::string text;
  append_to(text);
  return text;
}

void IpAddress::append_to(std::string& out) const {
  std::array<char, 48> text;  // the longest form has 45 characters
  char* end = family == Family::kInet ? put_quad(text.data(), octets()) : put_inet6(text.data(), octets());
  out.append(text.data(), end);
}

bool IpAddress::is_unspecified() const {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

bool IpAddress::is_loopback() const {
  if (family == Family::kInet) return bytes[0] == 127;
  return bytes.back() == 1 && std::all_of(bytes.begin(), bytes.end() - 1, [](std::uint8_t byte) { return byte == 0; });
}

bool IpAddress::is_multicast() const { return family == Family::kInet ? bytes[0] >> 4 == 14 : bytes[0] == 0xff; }

bool IpAddress::is_limited_broadcast() const {
  const auto own = octets();
  return family == Family::kInet && std::all_of(own.begin(), own.end(), [](std::uint8_t byte) { return byte == 255; });
}

bool IpAddress::is_link_local() const {
  if (family == Family::kInet) return bytes[0] == 169 && bytes[1] == 254;
  return bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}

}  // namespace vpndoctor
