// SPDX-License-Identifier: Apache-2.0
// Builds frames as a capture has them, for tests of what is made of them. Checksums are zero: nothing here looks at
// them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vpndoctor/captured_packet.h"
#include "vpndoctor/ip.h"

namespace vpndoctor::testing_support {

using FrameBytes = std::vector<std::byte>;

inline constexpr MacAddress kOwnMac{2, 0, 0, 0, 0, 1};
inline constexpr MacAddress kRouterMac{2, 0, 0, 0, 0, 2};

inline void put(FrameBytes& bytes, std::uint64_t value, unsigned size) {
  for (unsigned i = size; i > 0; --i)
    bytes.push_back(i > sizeof value ? std::byte{0} : static_cast<std::byte>(value >> 8U * (i - 1)));
}
inline void put(FrameBytes& bytes, std::span<const std::uint8_t> from) {
  for (const std::uint8_t each : from) bytes.push_back(static_cast<std::byte>(each));
}
inline void put(FrameBytes& bytes, const FrameBytes& from) { bytes.insert(bytes.end(), from.begin(), from.end()); }

/// The bytes that these digits are, two a byte.
inline FrameBytes hex(std::string_view text) {
  FrameBytes bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  return bytes;
}

/// A packet of either family, by the family of its addresses. `fragment` is IPv4's flags and offset.
inline FrameBytes ip_packet(std::string_view from, std::string_view to, std::uint8_t protocol, const FrameBytes& body,
                            std::uint16_t fragment = 0) {
  const IpAddress source = *IpAddress::parse(from);
  const IpAddress destination = *IpAddress::parse(to);
  FrameBytes bytes;
  if (source.family == Family::kInet) {
    put(bytes, 0x4500, 2);
    put(bytes, 20 + body.size(), 2);
    put(bytes, 0x1234, 2);
    put(bytes, fragment, 2);
    put(bytes, 64, 1);
    put(bytes, protocol, 1);
    put(bytes, 0, 2);
  } else {
    put(bytes, 0x60000000, 4);
    put(bytes, body.size(), 2);
    put(bytes, protocol, 1);
    put(bytes, 64, 1);
  }
  put(bytes, source.octets());
  put(bytes, destination.octets());
  put(bytes, body);
  return bytes;
}

inline FrameBytes udp(std::uint16_t from, std::uint16_t to, const FrameBytes& payload = FrameBytes(4)) {
  FrameBytes bytes;
  put(bytes, from, 2);
  put(bytes, to, 2);
  put(bytes, 8 + payload.size(), 2);
  put(bytes, 0, 2);
  put(bytes, payload);
  return bytes;
}

inline constexpr std::uint8_t kSynFlag = 0x02;
inline constexpr std::uint8_t kResetFlag = 0x04;
inline constexpr std::uint8_t kAckFlag = 0x10;

inline FrameBytes tcp(std::uint16_t from, std::uint16_t to, std::uint8_t flags) {
  FrameBytes bytes;
  put(bytes, from, 2);
  put(bytes, to, 2);
  put(bytes, 1, 4);
  put(bytes, 1, 4);
  put(bytes, 0x50, 1);
  put(bytes, flags, 1);
  put(bytes, 0, 6);
  return bytes;
}

inline FrameBytes icmp(std::uint8_t type) {
  FrameBytes bytes;
  put(bytes, type, 1);
  put(bytes, 0, 7);
  return bytes;
}

inline FrameBytes ethernet(const MacAddress& from, const MacAddress& to, std::uint16_t type,
                           const FrameBytes& payload) {
  FrameBytes bytes;
  put(bytes, to);
  put(bytes, from);
  put(bytes, type, 2);
  put(bytes, payload);
  return bytes;
}

/// An IP packet in a frame from one link address to another.
inline FrameBytes ip_frame(const MacAddress& from, const MacAddress& to, const FrameBytes& packet) {
  const bool is_inet6 = std::to_integer<unsigned>(packet[0]) >> 4U == 6;
  return ethernet(from, to, is_inet6 ? 0x86dd : 0x0800, packet);
}

}  // namespace vpndoctor::testing_support
