// SPDX-License-Identifier: Apache-2.0
// Flows of packets; see the header.
#include "captured_flow.h"

#include <cstring>
#include <utility>

namespace vpndoctor {
namespace {

constexpr std::uint8_t kSctp = 132;
constexpr std::uint8_t kUdpLite = 136;
constexpr std::uint8_t kDccp = 33;

/// A multiplication and a rotation a word: enough for tables whose size is bounded.
std::size_t mix(std::size_t hash, std::uint64_t word) {
  hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
  return hash ^ hash >> 29U;
}

std::size_t mix(std::size_t hash, const IpAddress& address) {
  std::uint64_t halves[2];
  std::memcpy(halves, address.bytes.data(), sizeof halves);
  return mix(mix(hash, halves[0]), halves[1]);
}

bool has_port_fields(std::uint8_t protocol) {
  return protocol == kProtocolTcp || protocol == kProtocolUdp || protocol == kSctp || protocol == kUdpLite ||
         protocol == kDccp;
}

/// The flags are at byte 13 (RFC 9293 section 3.1); a snap length may have cut the options behind them.
TcpMark tcp_mark(std::span<const std::byte> segment) {
  if (segment.size() < 14) return TcpMark::kNone;
  const unsigned flags = std::to_integer<unsigned>(segment[13]);
  if ((flags & 4U) != 0) return TcpMark::kReset;
  if ((flags & 2U) == 0) return TcpMark::kNone;
  return (flags & 16U) != 0 ? TcpMark::kSynAck : TcpMark::kSyn;
}

}  // namespace

FlowKey FlowKey::reversed() const {
  FlowKey other = *this;
  std::swap(other.source, other.destination);
  std::swap(other.source_port, other.port);
  return other;
}

std::size_t FlowKeyHash::operator()(const FlowKey& key) const noexcept {
  const std::uint64_t rest = std::uint64_t{key.source_port} | std::uint64_t{key.port} << 16U |
                             std::uint64_t{key.interface} << 32U | std::uint64_t{key.ip_protocol} << 48U;
  return mix(mix(mix(0, rest), key.source), key.destination);
}

std::size_t FlowReader::FragmentKeyHash::operator()(const FragmentKey& key) const noexcept {
  return mix(mix(mix(0, std::uint64_t{key.identification} << 8U | key.ip_protocol), key.source), key.destination);
}

void FlowReader::read_first_fragment(const IpPacket& packet, FlowPacket& flow) {
  ByteReader reader(packet.payload);
  if (packet.protocol == kProtocolIcmp || packet.protocol == kProtocolIcmp6) {
    flow.icmp_type = reader.u8();
    flow.has_ports = reader.ok();
    return;
  }
  if (!has_port_fields(packet.protocol)) return;
  flow.key.source_port = reader.u16();
  flow.key.port = reader.u16();
  flow.has_ports = reader.ok();
  if (packet.protocol == kProtocolTcp) flow.tcp = tcp_mark(packet.payload);
  if (packet.protocol == kProtocolUdp && packet.payload.size() > 8) flow.payload = packet.payload.subspan(8);
}

FlowPacket FlowReader::read(const IpPacket& packet, std::uint16_t interface) {
  FlowPacket flow;
  flow.key.source = packet.source;
  flow.key.destination = packet.destination;
  flow.key.interface = interface;
  flow.key.ip_protocol = packet.protocol;
  const FragmentKey fragment{packet.source, packet.destination, packet.identification, packet.protocol};
  if (packet.fragment_offset_bytes == 0) {
    read_first_fragment(packet, flow);
    if (packet.more_fragments && flow.has_ports) fragments_.set(fragment, {flow.key.source_port, flow.key.port});
    return flow;
  }
  if (const Ports* ports = fragments_.find(fragment)) {
    flow.key.source_port = ports->source;
    flow.key.port = ports->destination;
  } else {
    flow.has_ports = !has_port_fields(packet.protocol);
  }
  return flow;
}

}  // namespace vpndoctor
