// SPDX-License-Identifier: Apache-2.0
// Encodes probes. Sends nothing; randomness comes from outside.
#include "vpndoctor/probe_packet.h"

#include <algorithm>

#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

constexpr std::uint8_t kUsualTtl = 64;
constexpr std::uint32_t kLargestPacketBytes = 65535;
constexpr std::uint8_t kFragmentHeader = 44;
constexpr std::size_t kTransportHeaderBytes = 8;

/// Appends big-endian numbers.
class ByteWriter {
 public:
  explicit ByteWriter(std::size_t capacity) { bytes_.reserve(capacity); }
  void u8(std::uint32_t value) { bytes_.push_back(static_cast<std::byte>(value & 0xffU)); }
  void u16(std::uint32_t value) {
    u8(value >> 8U);
    u8(value);
  }
  void u32(std::uint32_t value) {
    u16(value >> 16U);
    u16(value);
  }
  void append(std::span<const std::byte> bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  std::size_t size() const { return bytes_.size(); }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

/// Fills up with a sequence that no link can compress: a tunnel with compression would carry zeros at any size.
void fill(ByteWriter& writer, std::size_t end, std::span<const std::byte> seed) {
  std::uint64_t state = 0;
  for (const std::byte byte : seed) state = state << 8U | std::to_integer<std::uint64_t>(byte);
  while (writer.size() < end) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    writer.u8(static_cast<std::uint32_t>(state >> 56U));
  }
}

std::uint8_t protocol_of(const ProbeFlow& flow, Method method) {
  if (method == Method::kUdp) return kProtocolUdp;
  return flow.target.family == Family::kInet ? kProtocolIcmp : kProtocolIcmp6;
}

std::uint64_t covered_sum(const ProbeFlow& flow, const Probe& probe, std::span<const std::byte> transport) {
  const std::uint8_t protocol = protocol_of(flow, probe.method);
  if (protocol == kProtocolIcmp) return checksum_sum(transport);
  const PseudoHeader pseudo{flow.source, flow.target, protocol, static_cast<std::uint32_t>(transport.size())};
  return checksum_sum(transport, pseudo_header_sum(pseudo));
}

bool size_is_possible(const ProbeFlow& flow, const Probe& probe) {
  return probe.size_bytes >= smallest_probe_bytes(flow.target.family) && probe.size_bytes <= kLargestPacketBytes;
}

void write_address(ByteWriter& writer, const IpAddress& address) { writer.append(std::as_bytes(address.octets())); }

struct IpFields {
  std::uint32_t payload_bytes = 0;
  std::uint8_t protocol = 0;
  std::uint8_t ttl = 0;
  std::uint16_t flags_and_offset = 0;  ///< IPv4 only
};

std::vector<std::byte> ipv4_packet(const ProbeFlow& flow, const Probe& probe, const IpFields& fields) {
  const std::uint32_t total = fields.payload_bytes + 20;
  ByteWriter writer(total);
  writer.u16(0x4500);
  writer.u16(total);
  writer.u16(probe.id);
  writer.u16(fields.flags_and_offset);
  writer.u8(fields.ttl);
  writer.u8(fields.protocol);
  writer.u16(0);
  write_address(writer, flow.source);
  write_address(writer, flow.target);
  return writer.take();
}

std::vector<std::byte> ipv6_packet(const ProbeFlow& flow, const IpFields& fields) {
  ByteWriter writer(fields.payload_bytes + 40);
  writer.u32(0x60000000U | (flow.flow_label & 0xfffffU));
  writer.u16(fields.payload_bytes);
  writer.u8(fields.protocol);
  writer.u8(fields.ttl);
  write_address(writer, flow.source);
  write_address(writer, flow.target);
  return writer.take();
}

using Packets = std::vector<std::vector<std::byte>>;
using Transport = std::span<const std::byte>;

void append(std::vector<std::byte>& packet, Transport bytes) {
  packet.insert(packet.end(), bytes.begin(), bytes.end());
}

/// Payload bytes of each fragment but the last: a multiple of 8 behind the headers; 0 when nothing fits.
std::size_t fragment_payload(const ProbeFlow& flow, const Probe& probe) {
  const std::size_t headers = flow.target.family == Family::kInet ? 20 : 48;
  return probe.fragment_bytes < headers + 8 ? 0 : (probe.fragment_bytes - headers) / 8 * 8;
}

std::vector<std::byte> ipv6_fragment(const ProbeFlow& flow, const Probe& probe, IpFields fields) {
  const std::uint32_t offset = (fields.flags_and_offset & 0x1fffU) * 8;
  const bool more = (fields.flags_and_offset & 0x2000U) != 0;
  ByteWriter header(8);
  header.u8(fields.protocol);
  header.u8(0);
  header.u16(offset | (more ? 1U : 0U));
  header.u32(flow.flow_label << 16U ^ probe.id);
  fields.payload_bytes += 8;
  fields.protocol = kFragmentHeader;
  std::vector<std::byte> packet = ipv6_packet(flow, fields);
  append(packet, header.take());
  return packet;
}

Packets fragments(const ProbeFlow& flow, const Probe& probe, Transport transport) {
  const std::size_t step = fragment_payload(flow, probe);
  Packets packets;
  for (std::size_t offset = 0; step != 0 && offset < transport.size(); offset += step) {
    const Transport part = transport.subspan(offset, std::min(step, transport.size() - offset));
    const std::uint32_t more = offset + step < transport.size() ? 0x2000U : 0U;
    const IpFields fields{.payload_bytes = static_cast<std::uint32_t>(part.size()),
                          .protocol = protocol_of(flow, probe.method),
                          .ttl = probe.ttl == kFullTtl ? kUsualTtl : probe.ttl,
                          .flags_and_offset = static_cast<std::uint16_t>(offset / 8 | more)};
    packets.push_back(flow.target.family == Family::kInet ? ipv4_packet(flow, probe, fields)
                                                          : ipv6_fragment(flow, probe, fields));
    append(packets.back(), part);
  }
  return packets;
}

Packets whole(const ProbeFlow& flow, const Probe& probe, Transport transport) {
  constexpr std::uint16_t kDontFragment = 0x4000;
  const IpFields fields{.payload_bytes = static_cast<std::uint32_t>(transport.size()),
                        .protocol = protocol_of(flow, probe.method),
                        .ttl = probe.ttl == kFullTtl ? kUsualTtl : probe.ttl,
                        .flags_and_offset = kDontFragment};
  Packets packets{flow.target.family == Family::kInet ? ipv4_packet(flow, probe, fields) : ipv6_packet(flow, fields)};
  append(packets.front(), transport);
  return packets;
}

void write_transport_header(ByteWriter& writer, const ProbeFlow& flow, const Probe& probe) {
  if (probe.method == Method::kUdp) {
    writer.u16(flow.source_port);
    writer.u16(flow.destination_port);
    writer.u16(probe.size_bytes - ip_header_bytes(flow.target.family));
    writer.u16(flow.checksum);
    return;
  }
  writer.u16(flow.target.family == Family::kInet ? 0x0800 : 0x8000);
  writer.u16(flow.checksum);
  writer.u16(flow.icmp_id);
  writer.u16(probe.id);
}

}  // namespace

void randomize_flow(ProbeFlow& flow, std::span<const std::byte, 16> random) {
  ByteReader reader(random);
  std::ranges::copy(reader.take(flow.cookie.size()), flow.cookie.begin());
  flow.icmp_id = reader.u16();
  flow.flow_label = reader.u32() & 0xfffffU;
  // Neither 0, which means "none" in UDP over IPv4, nor 0xffff, which is the same number in ones' complement.
  flow.checksum = static_cast<std::uint16_t>(reader.u16() % 0xfffeU + 1);
  if (flow.destination_port == 0) flow.destination_port = kProbeDestinationPort;
}

bool cookie_fits(const ProbeFlow& flow, std::span<const std::byte> payload) {
  constexpr std::size_t kCookieOffset = 2;
  if (payload.size() <= kCookieOffset) return true;
  const std::span<const std::byte> there = payload.subspan(kCookieOffset);
  const std::size_t count = std::min(there.size(), flow.cookie.size());
  return std::ranges::equal(there.first(count), std::span(flow.cookie).first(count));
}

std::vector<std::byte> encode_probe_transport(const ProbeFlow& flow, const Probe& probe) {
  if (probe.method == Method::kTcp || !size_is_possible(flow, probe)) return {};
  const std::size_t size = probe.size_bytes - ip_header_bytes(flow.target.family);
  ByteWriter writer(size);
  write_transport_header(writer, flow, probe);
  writer.u16(0);
  writer.append(flow.cookie);
  writer.u16(probe.id);
  fill(writer, size, flow.cookie);
  std::vector<std::byte> transport = writer.take();
  // The checksum is already in place, so what is missing to a right sum is what the compensation has to be.
  const std::uint16_t compensation = fold_checksum(covered_sum(flow, probe, transport));
  transport[kTransportHeaderBytes] = static_cast<std::byte>(compensation >> 8U);
  transport[kTransportHeaderBytes + 1] = static_cast<std::byte>(compensation & 0xffU);
  return transport;
}

std::vector<std::vector<std::byte>> encode_probe_packets(const ProbeFlow& flow, const Probe& probe) {
  const std::vector<std::byte> transport = encode_probe_transport(flow, probe);
  if (transport.empty()) return {};
  return probe.fragmented ? fragments(flow, probe, transport) : whole(flow, probe, transport);
}

}  // namespace vpndoctor
