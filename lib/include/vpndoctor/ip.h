// SPDX-License-Identifier: Apache-2.0
// IP addresses of both families as plain values. Knows their text form and their special ranges,
// nothing of interfaces, ports or sockets.
#pragma once

#include <fmt/format.h>

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace [[gnu::visibility("default")]] vpndoctor {

enum class Family : std::uint8_t { kInet, kInet6 };

/// Returns "inet" or "inet6", the words of the JSON contract.
constexpr const char* family_name(Family family) { return family == Family::kInet ? "inet" : "inet6"; }

/// Returns "IPv4" or "IPv6", for a reader.
constexpr const char* family_title(Family family) { return family == Family::kInet ? "IPv4" : "IPv6"; }

/// Returns the fixed header size in bytes of an IP packet without options or extension headers.
constexpr std::uint32_t ip_header_bytes(Family family) { return family == Family::kInet ? 20 : 40; }

/// An IPv4 or IPv6 address in network byte order; IPv4 uses the first four bytes, the rest are zero.
struct IpAddress {
  Family family = Family::kInet;
  std::array<std::uint8_t, 16> bytes{};

  /// Parses the canonical and the abbreviated forms, without zone or prefix length; nullopt for anything else.
  static std::optional<IpAddress> parse(std::string_view text);
  /// Builds an address from 4 or 16 bytes in network order; nullopt for any other length.
  static std::optional<IpAddress> from_bytes(std::span<const std::byte> network_order);

  /// Returns the address's own bytes: 4 or 16 of them.
  std::span<const std::uint8_t> octets() const { return {bytes.data(), family == Family::kInet ? 4U : 16U}; }
  /// Returns the text form: dotted quad, or RFC 5952 for IPv6.
  std::string to_string() const;
  /// Appends the text form; for those who write a million addresses.
  void append_to(std::string& out) const;

  bool is_unspecified() const;
  bool is_loopback() const;
  bool is_multicast() const;
  /// True for 255.255.255.255 only; a subnet's broadcast address is known to the routing table alone.
  bool is_limited_broadcast() const;
  /// True for fe80::/10 and 169.254.0.0/16, which mean something on one link only.
  bool is_link_local() const;

  auto operator<=>(const IpAddress&) const = default;
};

}  // namespace vpndoctor

template <>
struct fmt::formatter<vpndoctor::IpAddress> : fmt::formatter<std::string> {
  auto format(const vpndoctor::IpAddress& address, fmt::format_context& context) const {
    return fmt::formatter<std::string>::format(address.to_string(), context);
  }
};
