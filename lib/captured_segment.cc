// SPDX-License-Identifier: Apache-2.0
// Decodes TCP segments and too-big messages of a capture; see the header. Checksums are not looked at: the card fills
// them in after the capture saw the packet.
#include "captured_segment.h"

#include <algorithm>
#include <cstddef>

#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kTcpHeaderBytes = 20;
/// Enough for an IP header with options and a few extension headers, a TCP header and its options.
constexpr std::size_t kHeadBytes = 512;

using Bytes = std::span<const std::byte>;

struct IpHead {
  IpPacket packet;
  std::uint32_t header_bytes = 0;
};

/// The IP header's length: what is between the packet's start and its payload.
IpHead with_header_length(const IpPacket& packet, Bytes bytes) {
  return {packet, static_cast<std::uint32_t>(packet.payload.data() - bytes.data())};
}

/// Reads a packet whose length field is 0, which is how a capture shows a segment of more than 64 kB or, on Windows,
/// any that the card is to split: the frame's own length stands in for it.
std::optional<IpHead> decode_without_length(Bytes bytes, std::uint32_t length_bytes) {
  const unsigned version = std::to_integer<unsigned>(bytes[0]) >> 4U;
  const std::size_t at = version == 4 ? 2 : 4;
  if ((version != 4 && version != 6) || bytes.size() < at + 2) return std::nullopt;
  if (bytes[at] != std::byte{0} || bytes[at + 1] != std::byte{0}) return std::nullopt;
  std::array<std::byte, kHeadBytes> head{};
  const Bytes kept = bytes.first(std::min(bytes.size(), head.size()));
  std::ranges::copy(kept, head.begin());
  head[at] = head[at + 1] = std::byte{0xff};
  const Bytes patched = Bytes(head).first(kept.size());
  auto packet = decode_ip_packet(patched);
  if (!packet) return std::nullopt;
  IpHead result = with_header_length(*packet, patched);
  result.packet.total_bytes = std::max(length_bytes, result.header_bytes);
  result.packet.payload = bytes.subspan(result.header_bytes, packet->payload.size());
  return result;
}

std::optional<IpHead> decode_head(Bytes bytes, std::uint32_t length_bytes) {
  if (bytes.empty()) return std::nullopt;
  if (auto packet = decode_ip_packet(bytes)) return with_header_length(*packet, bytes);
  return decode_without_length(bytes, length_bytes);
}

void read_sack_blocks(Bytes value, CapturedSegment& segment) {
  ByteReader reader(value);
  while (reader.rest().size() >= 8 && segment.sack_count < segment.sack_blocks.size()) {
    SackBlock block;
    block.from = reader.u32();
    block.to = reader.u32();
    segment.sack_blocks[segment.sack_count++] = block;
  }
}

void read_option(std::uint8_t kind, Bytes value, CapturedSegment& segment) {
  constexpr std::uint8_t kMss = 2;
  constexpr std::uint8_t kSackPermitted = 4;
  constexpr std::uint8_t kSack = 5;
  if (kind == kMss && value.size() == 2) segment.mss_bytes = ByteReader(value).u16();
  if (kind == kSackPermitted) segment.may_sack = true;
  if (kind == kSack) read_sack_blocks(value, segment);
}

/// Reads options as far as they were captured. Every option but the two one-byte ones has a length of at least 2, so
/// that the walk always ends.
void read_options(Bytes options, CapturedSegment& segment) {
  constexpr std::uint8_t kEnd = 0;
  constexpr std::uint8_t kNoOperation = 1;
  ByteReader reader(options);
  while (reader.ok() && !reader.rest().empty()) {
    const std::uint8_t kind = reader.u8();
    if (kind == kEnd) return;
    if (kind == kNoOperation) continue;
    const std::uint8_t length = reader.u8();
    if (length < 2) return;
    const Bytes value = reader.take(length - std::size_t{2});
    if (reader.ok()) read_option(kind, value, segment);
  }
}

CapturedTcp decode_segment(const IpHead& head) {
  CapturedTcp result;
  CapturedSegment& segment = result.segment;
  ByteReader reader(head.packet.payload);
  segment.ends = {head.packet.source, head.packet.destination, reader.u16(), 0};
  segment.ends.destination_port = reader.u16();
  segment.sequence = reader.u32();
  segment.acknowledgment = reader.u32();
  const std::uint16_t offset_and_flags = reader.u16();
  segment.window = reader.u16();
  reader.take(4);
  const std::size_t tcp_bytes = (offset_and_flags >> 12U) * std::size_t{4};
  result.kind = CapturedTcp::Kind::kCut;
  if (!reader.ok()) return result;
  result.kind = CapturedTcp::Kind::kUndecoded;
  segment.header_bytes = head.header_bytes + static_cast<std::uint32_t>(tcp_bytes);
  if (tcp_bytes < kTcpHeaderBytes || segment.header_bytes > head.packet.total_bytes) return result;
  result.kind = CapturedTcp::Kind::kSegment;
  segment.payload_bytes = head.packet.total_bytes - segment.header_bytes;
  segment.fin = (offset_and_flags & 0x01U) != 0;
  segment.syn = (offset_and_flags & 0x02U) != 0;
  segment.rst = (offset_and_flags & 0x04U) != 0;
  segment.ack = (offset_and_flags & 0x10U) != 0;
  if (head.packet.source.family == Family::kInet)
    segment.identification = static_cast<std::uint16_t>(head.packet.identification);
  const std::size_t option_bytes = tcp_bytes - kTcpHeaderBytes;
  segment.options_cut = reader.rest().size() < option_bytes;
  read_options(reader.rest().first(std::min(reader.rest().size(), option_bytes)), segment);
  return result;
}

/// A quoted packet has at least the IP header and eight bytes more: the ports and the sequence number.
CapturedTcp decode_too_big(const IpHead& head, const IcmpMessage& message) {
  CapturedTcp result;
  const auto quoted = decode_ip_packet(message.body);
  if (!quoted || quoted->protocol != kProtocolTcp || quoted->fragment_offset_bytes != 0) return result;
  ByteReader reader(quoted->payload);
  CapturedTooBig& too_big = result.too_big;
  too_big.about = {quoted->source, quoted->destination, reader.u16(), 0};
  too_big.about.destination_port = reader.u16();
  too_big.sequence = reader.u32();
  if (!reader.ok()) return result;
  too_big.from = head.packet.source;
  too_big.quoted_bytes = quoted->total_bytes;
  too_big.mtu_bytes = message.mtu_bytes;
  result.kind = CapturedTcp::Kind::kTooBig;
  return result;
}

CapturedTcp decode_ip(const IpHead& head) {
  const Family family = head.packet.source.family;
  if (head.packet.is_fragment()) return {};
  if (head.packet.protocol == kProtocolTcp) return decode_segment(head);
  if (head.packet.protocol != (family == Family::kInet ? kProtocolIcmp : kProtocolIcmp6)) return {};
  const auto message = decode_icmp(family, head.packet.payload);
  return message && message->kind == IcmpKind::kTooBig ? decode_too_big(head, *message) : CapturedTcp{};
}

bool is_ip(std::uint16_t ether_type) { return ether_type == kEtherTypeInet || ether_type == kEtherTypeInet6; }

}  // namespace

CapturedTcp decode_captured_tcp(const CapturedPacket& packet) {
  CapturedTcp result;
  result.kind = CapturedTcp::Kind::kUndecoded;
  const auto frame = decode_link_frame(packet.link_type, packet.bytes);
  if (!frame || !is_ip(frame->ether_type)) return result;
  const std::size_t below = packet.bytes.size() - frame->payload.size();
  const std::size_t length = std::max<std::size_t>(packet.length_bytes, packet.bytes.size());
  const auto head = decode_head(frame->payload, static_cast<std::uint32_t>(length - below));
  if (!head) return result;
  result = decode_ip(*head);
  result.segment.at = packet.at;
  result.too_big.at = packet.at;
  return result;
}

}  // namespace vpndoctor
