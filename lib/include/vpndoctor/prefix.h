// SPDX-License-Identifier: Apache-2.0
// An IP prefix (RFC 4632, RFC 4291 section 2.3) as a plain value. Knows its text form and what it contains, nothing of
// routes.
#pragma once

#include <fmt/format.h>

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "vpndoctor/ip.h"
#include "vpndoctor/result.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// Returns the number of bits of an address: 32 or 128.
constexpr unsigned address_bits(Family family) { return family == Family::kInet ? 32 : 128; }

/// A prefix with every host bit zero. The default one is 0.0.0.0/0.
struct IpPrefix {
  IpAddress address;
  std::uint8_t length = 0;  ///< in bits

  /// Parses "10.0.0.0/8"; an address without a length is a host's prefix (/32, /128), and "default" is not known here.
  /// kUsage with what is wrong: no address, a length out of range, or host bits that are set (then the hint names
  /// the prefix that was probably meant).
  static Result<IpPrefix> parse(std::string_view text);
  /// Zeroes the host bits of `address`. A length beyond the family's bits is taken as all of them.
  static IpPrefix of(const IpAddress& address, unsigned length);
  /// The prefix of one address.
  static IpPrefix host(const IpAddress& address) { return of(address, address_bits(address.family)); }
  /// 0.0.0.0/0 or ::/0.
  static IpPrefix everything(Family family) { return of(IpAddress{.family = family, .bytes = {}}, 0); }

  Family family() const { return address.family; }
  bool is_default() const { return length == 0; }
  bool is_host() const { return length == address_bits(address.family); }
  bool contains(const IpAddress& other) const;
  bool contains(const IpPrefix& other) const;  ///< also when they are equal
  bool overlaps(const IpPrefix& other) const { return contains(other) || other.contains(*this); }
  /// Returns the last address, whose host bits are all one.
  IpAddress last_address() const;
  /// Returns the canonical text with the length always shown: "10.0.0.0/8", "::/0", "192.0.2.1/32".
  std::string to_string() const;
  /// Appends the canonical text; for those who write a million prefixes.
  void append_to(std::string& out) const;

  auto operator<=>(const IpPrefix&) const = default;
};

}  // namespace vpndoctor

template <>
struct fmt::formatter<vpndoctor::IpPrefix> : fmt::formatter<std::string> {
  auto format(const vpndoctor::IpPrefix& prefix, fmt::format_context& context) const {
    return fmt::formatter<std::string>::format(prefix.to_string(), context);
  }
};
