// SPDX-License-Identifier: Apache-2.0
// Bounded decoders of received packets: IP headers of both families, ICMP, UDP, TCP. Every input is hostile: nothing is
// read past its end, and nullopt says that the bytes are no such packet. Knows nothing of probes or of who sent what.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "vpndoctor/ip.h"

namespace [[gnu::visibility("default")]] vpndoctor {

inline constexpr std::uint8_t kProtocolIcmp = 1;
inline constexpr std::uint8_t kProtocolTcp = 6;
inline constexpr std::uint8_t kProtocolUdp = 17;
inline constexpr std::uint8_t kProtocolIcmp6 = 58;

inline constexpr std::uint16_t kEtherTypeInet = 0x0800;
inline constexpr std::uint16_t kEtherTypeInet6 = 0x86dd;

/// Reads big-endian numbers one after the other. After a read past the end every value is zero and ok() is false.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::uint8_t u8();
  std::uint16_t u16();
  std::uint32_t u32();
  /// Returns the next `count` bytes; empty when there are not so many.
  std::span<const std::byte> take(std::size_t count);
  /// Returns what is left, without moving on.
  std::span<const std::byte> rest() const { return bytes_; }
  /// True while no read went past the end.
  bool ok() const { return ok_; }

 private:
  std::span<const std::byte> bytes_;
  bool ok_ = true;
};

/// One IP packet, or as much of it as was received or quoted. `payload` points into the decoded bytes.
struct IpPacket {
  IpAddress source;
  IpAddress destination;
  std::uint8_t protocol = 0;         ///< of the payload, behind any IPv6 extension headers
  std::uint8_t ttl = 0;              ///< TTL or hop limit
  std::uint32_t total_bytes = 0;     ///< as the header says, which may be more than there is
  std::uint32_t identification = 0;  ///< IPv4's, or that of the IPv6 fragment header, else 0
  bool dont_fragment = false;        ///< IPv4 only
  bool more_fragments = false;
  std::uint32_t fragment_offset_bytes = 0;
  std::uint32_t flow_label = 0;  ///< IPv6 only
  bool complete = false;         ///< all of `total_bytes` are there
  std::span<const std::byte> payload;

  bool is_fragment() const { return more_fragments || fragment_offset_bytes != 0; }
};

/// Decodes an IPv4 header with its options (RFC 791). The header must be whole, the payload may be cut short.
std::optional<IpPacket> decode_ipv4_packet(std::span<const std::byte> bytes);
/// Decodes an IPv6 header and up to eight hop-by-hop, destination, routing and fragment headers (RFC 8200). The headers
/// must be whole, the payload may be cut short.
std::optional<IpPacket> decode_ipv6_packet(std::span<const std::byte> bytes);
/// Decodes either family by the version in the first four bits.
std::optional<IpPacket> decode_ip_packet(std::span<const std::byte> bytes);

/// The ICMP messages of both families that a path measurement can meet, under one name each.
enum class IcmpKind {
  kEchoRequest,
  kEchoReply,
  kTooBig,           ///< ICMP 3/4, ICMPv6 2
  kTimeExceeded,     ///< in transit only: ICMP 11/0, ICMPv6 3/0
  kPortUnreachable,  ///< ICMP 3/3, ICMPv6 1/4
  kUnreachable,      ///< any other ICMP 3 or ICMPv6 1
  kOther,
};

/// One ICMP or ICMPv6 message. `body` points into the decoded bytes.
struct IcmpMessage {
  IcmpKind kind = IcmpKind::kOther;
  std::uint8_t type = 0;
  std::uint8_t code = 0;
  std::uint16_t echo_id = 0;        ///< echoes only
  std::uint16_t echo_sequence = 0;  ///< echoes only
  std::uint32_t mtu_bytes = 0;      ///< kTooBig only: the claim; 0 from routers older than RFC 1191
  std::span<const std::byte> body;  ///< an echo's payload, or the packet that an error quotes (RFC 4884 extensions cut)
};

/// Decodes a message of at least its 8-byte header. The checksum is not looked at: see internet_checksum().
std::optional<IcmpMessage> decode_icmp(Family family, std::span<const std::byte> bytes);

/// One UDP datagram, or the start of one. `payload` points into the decoded bytes.
struct UdpDatagram {
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint16_t length = 0;  ///< as the header says, header included
  std::span<const std::byte> payload;
};

/// Decodes a datagram with a whole 8-byte header; the payload may be cut short.
std::optional<UdpDatagram> decode_udp(std::span<const std::byte> bytes);

/// One TCP segment, or the start of one. `payload` points into the decoded bytes.
struct TcpSegment {
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgment = 0;
  bool fin = false;
  bool syn = false;
  bool rst = false;
  bool ack = false;
  std::optional<std::uint16_t> mss_bytes;  ///< the MSS option, null when there is none or its length is wrong
  std::span<const std::byte> payload;
};

/// Decodes a segment with a whole header, options included.
std::optional<TcpSegment> decode_tcp(std::span<const std::byte> bytes);

/// Adds up 16-bit words (RFC 1071), an odd last byte padded with zero, on top of `sum`. Not folded.
std::uint64_t checksum_sum(std::span<const std::byte> bytes, std::uint64_t sum = 0);
/// Folds a sum to 16 bits and complements it.
std::uint16_t fold_checksum(std::uint64_t sum);
/// Returns fold_checksum(checksum_sum(bytes)): 0 over bytes that hold their own right checksum.
std::uint16_t internet_checksum(std::span<const std::byte> bytes);

/// What the checksum of an upper-layer protocol covers besides the protocol's own bytes.
struct PseudoHeader {
  IpAddress source;
  IpAddress destination;
  std::uint8_t protocol = 0;
  std::uint32_t length = 0;  ///< of the upper-layer header and payload, in bytes
};
/// Returns the pseudo header's sum, to continue with checksum_sum(). Not for ICMPv4, which has none.
std::uint64_t pseudo_header_sum(const PseudoHeader& header);

}  // namespace vpndoctor
