// SPDX-License-Identifier: Apache-2.0
// IP packets as routers handle them: read the header, decrement, fragment, clamp, answer with an ICMP error.
// Pure functions over bytes; knows nothing of links, queues or sockets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "vpndoctor/ip.h"

namespace vpndoctor::lab {

using Bytes = std::vector<std::uint8_t>;
using BytesView = std::span<const std::uint8_t>;

constexpr std::uint8_t kProtocolIcmp = 1;
constexpr std::uint8_t kProtocolTcp = 6;
constexpr std::uint8_t kProtocolUdp = 17;
constexpr std::uint8_t kProtocolIcmp6 = 58;

/// Reads an address from its text with the C library; the text is the lab's own and must be valid.
IpAddress lab_address(const char* text);

/// What a router looks at in a packet. `payload` points into the packet that was parsed.
struct PacketView {
  IpAddress source;
  IpAddress destination;
  std::uint8_t protocol = 0;       ///< of the upper layer, behind an IPv6 fragment header
  std::uint8_t ttl = 0;            ///< or hop limit
  std::size_t header_bytes = 0;    ///< IP header with options, and an IPv6 fragment header
  bool may_be_fragmented = false;  ///< IPv4 with DF clear; never IPv6
  bool is_fragment = false;
  bool is_first = true;  ///< false for fragments behind the first: there is no upper layer header in them
  BytesView payload;

  Family family() const { return source.family; }
};

/// Reads the IP header; nullopt when the packet is shorter than it says or no IP packet at all.
std::optional<PacketView> parse_packet(BytesView packet);

/// Computes the Internet checksum (RFC 1071) of `data`, starting from a sum of 16-bit words.
std::uint16_t internet_checksum(BytesView data, std::uint32_t sum = 0);

/// Computes the checksum of an upper layer packet with the family's pseudo header; 0 when `upper` carries a right one.
std::uint16_t transport_checksum(const PacketView& ip, BytesView upper);

/// Takes one from the TTL or hop limit and mends the IPv4 header checksum; false when nothing is left of it.
bool decrement_ttl(Bytes& packet);

/// Cuts an IPv4 packet into fragments of at most `mtu_bytes` each (RFC 791 section 3.2); IP options stay on the first.
std::vector<Bytes> fragment(BytesView packet, std::uint32_t mtu_bytes);

/// Lowers the MSS option of a TCP SYN to `mss_bytes` and mends the checksum; false when there was nothing to lower.
bool clamp_mss(Bytes& packet, std::uint16_t mss_bytes);

/// The part of an ICMP error that does not come from the packet it quotes.
struct IcmpError {
  enum class Kind { kTooBig, kTimeExceeded };
  Kind kind = Kind::kTooBig;
  std::uint32_t mtu_bytes = 0;  ///< for a too-big message
  IpAddress from;
};

/// Builds an ICMP error about `offending`, addressed to its source, which quotes as much as is allowed (576 bytes in
/// all for IPv4, 1280 for IPv6). Nullopt where RFC 1122 section 3.2.2 and RFC 4443 section 2.4 forbid to answer.
std::optional<Bytes> icmp_error(const IcmpError& error, BytesView offending);

/// The fields of an IP header that the lab writes itself.
struct HeaderFields {
  IpAddress source;
  IpAddress destination;
  std::uint8_t protocol = 0;
  std::uint8_t option_words = 0;  ///< IPv4 only: how many 32-bit words of no-operation options
};

/// Prepends an IP header to `upper` and, for ICMP, writes its checksum.
Bytes ip_packet(const HeaderFields& header, Bytes upper);

}  // namespace vpndoctor::lab
