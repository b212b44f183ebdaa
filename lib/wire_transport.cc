// SPDX-License-Identifier: Apache-2.0
// Decodes UDP and TCP headers, whole or as quoted by an ICMP error.
#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

constexpr std::uint8_t kOptionEnd = 0;
constexpr std::uint8_t kOptionNoOperation = 1;
constexpr std::uint8_t kOptionMss = 2;

/// Every option but the two one-byte ones has a length of at least 2, so that the walk always ends.
std::optional<std::uint16_t> find_mss(std::span<const std::byte> options) {
  ByteReader reader(options);
  while (reader.ok() && !reader.rest().empty()) {
    const std::uint8_t kind = reader.u8();
    if (kind == kOptionEnd) return std::nullopt;
    if (kind == kOptionNoOperation) continue;
    const std::uint8_t length = reader.u8();
    if (length < 2) return std::nullopt;
    const std::span<const std::byte> value = reader.take(length - std::size_t{2});
    if (kind != kOptionMss) continue;
    if (!reader.ok() || value.size() != 2) return std::nullopt;
    return ByteReader(value).u16();
  }
  return std::nullopt;
}

}  // namespace

std::optional<UdpDatagram> decode_udp(std::span<const std::byte> bytes) {
  ByteReader reader(bytes);
  UdpDatagram datagram;
  datagram.source_port = reader.u16();
  datagram.destination_port = reader.u16();
  datagram.length = reader.u16();
  reader.u16();
  if (!reader.ok() || datagram.length < 8) return std::nullopt;
  const std::size_t payload_bytes = datagram.length - std::size_t{8};
  const std::span<const std::byte> rest = reader.rest();
  datagram.payload = rest.size() > payload_bytes ? rest.first(payload_bytes) : rest;
  return datagram;
}

std::optional<TcpSegment> decode_tcp(std::span<const std::byte> bytes) {
  ByteReader reader(bytes);
  TcpSegment segment;
  segment.source_port = reader.u16();
  segment.destination_port = reader.u16();
  segment.sequence = reader.u32();
  segment.acknowledgment = reader.u32();
  const std::uint16_t offset_and_flags = reader.u16();
  segment.fin = (offset_and_flags & 0x01U) != 0;
  segment.syn = (offset_and_flags & 0x02U) != 0;
  segment.rst = (offset_and_flags & 0x04U) != 0;
  segment.ack = (offset_and_flags & 0x10U) != 0;
  reader.take(6);
  const std::size_t header_bytes = (offset_and_flags >> 12U) * std::size_t{4};
  if (!reader.ok() || header_bytes < 20) return std::nullopt;
  const std::span<const std::byte> options = reader.take(header_bytes - 20);
  if (!reader.ok()) return std::nullopt;
  segment.mss_bytes = find_mss(options);
  segment.payload = reader.rest();
  return segment;
}

}  // namespace vpndoctor
