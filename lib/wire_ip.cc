// SPDX-License-Identifier: Apache-2.0
// Decodes IPv4 and IPv6 headers and computes Internet checksums. Header checksums are not verified here: the kernel
// does so for received packets, and those of quoted packets are changed by every hop.
#include <algorithm>

#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

constexpr std::uint8_t kHopByHop = 0;
constexpr std::uint8_t kRouting = 43;
constexpr std::uint8_t kFragment = 44;
constexpr std::uint8_t kDestinationOptions = 60;
constexpr int kMaxExtensionHeaders = 8;

bool is_option_header(std::uint8_t protocol) {
  return protocol == kHopByHop || protocol == kRouting || protocol == kDestinationOptions;
}

void skip_option_header(ByteReader& reader, IpPacket& packet) {
  packet.protocol = reader.u8();
  const std::size_t eight_byte_units = reader.u8();
  reader.take(eight_byte_units * 8 + 6);
}

void read_fragment_header(ByteReader& reader, IpPacket& packet) {
  packet.protocol = reader.u8();
  reader.u8();
  const std::uint16_t offset_and_flags = reader.u16();
  packet.identification = reader.u32();
  packet.more_fragments = (offset_and_flags & 1) != 0;
  packet.fragment_offset_bytes = offset_and_flags & 0xfff8U;
}

/// False when there are too many headers, or they are cut short. A later fragment's payload holds no further headers.
bool read_extension_headers(ByteReader& reader, IpPacket& packet) {
  for (int count = 0; reader.ok() && packet.fragment_offset_bytes == 0; ++count) {
    if (!is_option_header(packet.protocol) && packet.protocol != kFragment) return true;
    if (count == kMaxExtensionHeaders) return false;
    if (packet.protocol == kFragment) {
      read_fragment_header(reader, packet);
    } else {
      skip_option_header(reader, packet);
    }
  }
  return reader.ok();
}

IpAddress read_address(ByteReader& reader, std::size_t length) {
  const std::span<const std::byte> bytes = reader.take(length);
  IpAddress address;
  address.family = length == 4 ? Family::kInet : Family::kInet6;
  std::ranges::transform(bytes, address.bytes.begin(),
                         [](std::byte byte) { return std::to_integer<std::uint8_t>(byte); });
  return address;
}

std::span<const std::byte> at_most(std::span<const std::byte> bytes, std::size_t count) {
  return bytes.first(std::min(bytes.size(), count));
}

}  // namespace

std::span<const std::byte> ByteReader::take(std::size_t count) {
  if (!ok_ || count > bytes_.size()) {
    ok_ = false;
    bytes_ = {};
    return {};
  }
  const std::span<const std::byte> taken = bytes_.first(count);
  bytes_ = bytes_.subspan(count);
  return taken;
}

std::uint8_t ByteReader::u8() {
  const std::span<const std::byte> bytes = take(1);
  return bytes.empty() ? std::uint8_t{0} : std::to_integer<std::uint8_t>(bytes[0]);
}

std::uint16_t ByteReader::u16() {
  const unsigned high = u8();
  const unsigned low = u8();
  return ok_ ? static_cast<std::uint16_t>(high << 8U | low) : std::uint16_t{0};
}

std::uint32_t ByteReader::u32() {
  const std::uint32_t high = u16();
  const std::uint32_t low = u16();
  return ok_ ? high << 16U | low : 0;
}

std::optional<IpPacket> decode_ipv4_packet(std::span<const std::byte> bytes) {
  ByteReader reader(bytes);
  IpPacket packet;
  const std::uint8_t version_and_length = reader.u8();
  reader.u8();
  packet.total_bytes = reader.u16();
  packet.identification = reader.u16();
  const std::uint16_t flags_and_offset = reader.u16();
  packet.dont_fragment = (flags_and_offset & 0x4000U) != 0;
  packet.more_fragments = (flags_and_offset & 0x2000U) != 0;
  packet.fragment_offset_bytes = (flags_and_offset & 0x1fffU) * 8;
  packet.ttl = reader.u8();
  packet.protocol = reader.u8();
  reader.u16();
  packet.source = read_address(reader, 4);
  packet.destination = read_address(reader, 4);
  const std::size_t header_bytes = (version_and_length & 0x0fU) * std::size_t{4};
  if (version_and_length >> 4U != 4 || header_bytes < 20 || packet.total_bytes < header_bytes) return std::nullopt;
  reader.take(header_bytes - 20);
  if (!reader.ok()) return std::nullopt;
  packet.payload = at_most(reader.rest(), packet.total_bytes - header_bytes);
  packet.complete = bytes.size() >= packet.total_bytes;
  return packet;
}

std::optional<IpPacket> decode_ipv6_packet(std::span<const std::byte> bytes) {
  ByteReader reader(bytes);
  IpPacket packet;
  const std::uint32_t version_and_label = reader.u32();
  packet.flow_label = version_and_label & 0xfffffU;
  const std::size_t payload_bytes = reader.u16();
  packet.protocol = reader.u8();
  packet.ttl = reader.u8();
  packet.source = read_address(reader, 16);
  packet.destination = read_address(reader, 16);
  // A payload length of 0 would be a jumbogram, which no path that is measured here carries.
  if (!reader.ok() || version_and_label >> 28U != 6 || payload_bytes == 0) return std::nullopt;
  packet.total_bytes = static_cast<std::uint32_t>(40 + payload_bytes);
  ByteReader extensions(at_most(reader.rest(), payload_bytes));
  if (!read_extension_headers(extensions, packet)) return std::nullopt;
  packet.payload = extensions.rest();
  packet.complete = bytes.size() >= packet.total_bytes;
  return packet;
}

std::optional<IpPacket> decode_ip_packet(std::span<const std::byte> bytes) {
  const std::uint8_t version = static_cast<std::uint8_t>(ByteReader(bytes).u8() >> 4U);
  if (version == 4) return decode_ipv4_packet(bytes);
  if (version == 6) return decode_ipv6_packet(bytes);
  return std::nullopt;
}

std::uint64_t checksum_sum(std::span<const std::byte> bytes, std::uint64_t sum) {
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
    sum += std::to_integer<std::uint64_t>(bytes[i]) << 8U | std::to_integer<std::uint64_t>(bytes[i + 1]);
  }
  if (bytes.size() % 2 != 0) sum += std::to_integer<std::uint64_t>(bytes.back()) << 8U;
  return sum;
}

std::uint16_t fold_checksum(std::uint64_t sum) {
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16U);
  return static_cast<std::uint16_t>(~sum & 0xffff);
}

std::uint16_t internet_checksum(std::span<const std::byte> bytes) { return fold_checksum(checksum_sum(bytes)); }

std::uint64_t pseudo_header_sum(const PseudoHeader& header) {
  const std::uint64_t addresses = checksum_sum(std::as_bytes(header.source.octets()));
  const std::uint64_t length_sum = (header.length >> 16U) + (header.length & 0xffffU);
  return checksum_sum(std::as_bytes(header.destination.octets()), addresses) + length_sum + header.protocol;
}

}  // namespace vpndoctor
