// SPDX-License-Identifier: Apache-2.0
// A packet as a capture has it, live or from a file, and what is below its IP header: Ethernet with VLAN tags, Linux
// cooked captures (SLL, SLL2), raw IP, loopback, PPP. Every input is hostile. Pure.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace [[gnu::visibility("default")]] vpndoctor {

enum class PacketDirection : std::uint8_t { kUnknown, kOut, kIn };

/// `bytes` belongs to whoever captured it and may be cut by the snap length.
struct CapturedPacket {
  std::chrono::system_clock::time_point at;
  std::string_view interface;  ///< empty: not known
  int link_type = 0;           ///< LINKTYPE_* of pcap-linktype(7), DLT_* where they are the same
  PacketDirection direction = PacketDirection::kUnknown;
  std::uint32_t length_bytes = 0;  ///< on the wire
  std::span<const std::byte> bytes;
};

using MacAddress = std::array<std::uint8_t, 6>;

/// What is below the IP header.
struct LinkFrame {
  std::uint16_t ether_type = 0;           ///< 0x0800 IPv4, 0x86dd IPv6, 0x0806 ARP, ...; behind VLAN tags
  std::optional<MacAddress> source;       ///< null: the link type has none
  std::optional<MacAddress> destination;  ///< null: the link type has none
  std::optional<std::uint16_t> vlan;      ///< the outer tag's number
  PacketDirection direction = PacketDirection::kUnknown;  ///< as a cooked capture tells
  std::optional<std::uint32_t> interface_index;           ///< SLL2
  std::span<const std::byte> payload;                     ///< from the IP header on
  bool is_pppoe = false;                                  ///< the packet lies in a PPPoE session
};

/// Decodes what is below the IP header; nullopt when it is cut, or the link type is not one of the above.
std::optional<LinkFrame> decode_link_frame(int link_type, std::span<const std::byte> bytes);
/// True for a link type that decode_link_frame() knows.
bool is_known_link_type(int link_type);

}  // namespace vpndoctor
