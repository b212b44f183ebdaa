// SPDX-License-Identifier: Apache-2.0
// Builds a flow's first packet; see the header.
#include "firewall_packet.h"

#include <array>
#include <bit>

#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

void set_number(Bits<kLargestTransportHeader>& header, std::size_t offset, std::uint16_t number) {
  header.set(offset, std::array{static_cast<std::uint8_t>(number >> 8U), static_cast<std::uint8_t>(number & 0xffU)});
}

/// RFC 791 without options; the "don't fragment" bit, the identification, the length and the checksum are not known.
void set_inet(const Flow& flow, Bits<kLargestNetworkHeader>& header) {
  header.set(0, std::array<std::uint8_t, 2>{0x45, flow.tos});
  header.set(6, std::array<std::uint8_t, 2>{0, 0});
  header.known[6] = 0xbf;
  if (flow.ip_protocol != 0) header.set(9, std::array{flow.ip_protocol});
  if (flow.source) header.set(12, flow.source->octets());
  header.set(16, flow.destination.octets());
}

/// RFC 8200 without extension headers; the flow label, the length and the hop limit are not known.
void set_inet6(const Flow& flow, Bits<kLargestNetworkHeader>& header) {
  header.set(0, std::array{static_cast<std::uint8_t>(0x60U | (flow.tos >> 4U)),
                           static_cast<std::uint8_t>((flow.tos & 0xfU) << 4U)});
  header.known[1] = 0xf0;
  if (flow.ip_protocol != 0) header.set(6, std::array{flow.ip_protocol});
  if (flow.source) header.set(8, flow.source->octets());
  header.set(24, flow.destination.octets());
}

void set_transport(const Flow& flow, Bits<kLargestTransportHeader>& header) {
  if (flow.ip_protocol == kProtocolIcmp) header.set(0, std::array<std::uint8_t, 2>{8, 0});
  if (flow.ip_protocol == kProtocolIcmp6) header.set(0, std::array<std::uint8_t, 2>{128, 0});
  const bool is_tcp = flow.ip_protocol == kProtocolTcp;
  if (!is_tcp && flow.ip_protocol != kProtocolUdp) return;
  if (flow.source_port != 0) set_number(header, 0, flow.source_port);
  if (flow.destination_port != 0) set_number(header, 2, flow.destination_port);
  if (!is_tcp) return;
  header.set(8, std::array<std::uint8_t, 4>{});
  // The reserved bits are 0; the two of ECN above the others may be set (RFC 3168).
  header.known[12] = 0x0f;
  header.set(13, std::array<std::uint8_t, 1>{0x02});
  header.known[13] = 0x3f;
}

}  // namespace

void FirewallPacket::join(const FirewallPacket& other) {
  const auto join_truth = [](Truth& mine, Truth theirs) { mine = mine == theirs ? mine : Truth::kMaybe; };
  mark.join(other.mark);
  ct_mark.join(other.ct_mark);
  ct_status.join(other.ct_status);
  network.join(other.network);
  transport.join(other.transport);
  join_truth(is_untracked, other.is_untracked);
  join_truth(is_redirected, other.is_redirected);
}

std::array<std::uint8_t, 4> native_bytes(const Firewall& firewall, std::uint32_t number) {
  std::array<std::uint8_t, 4> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::size_t shift = firewall.is_big_endian ? 24 - 8 * i : 8 * i;
    bytes[i] = static_cast<std::uint8_t>(number >> shift);
  }
  return bytes;
}

std::uint32_t native_number(const Firewall& firewall, const Bits<4>& bits) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < bits.value.size(); ++i) {
    const std::size_t shift = firewall.is_big_endian ? 24 - 8 * i : 8 * i;
    number |= static_cast<std::uint32_t>(bits.value[i]) << shift;
  }
  return number;
}

FirewallPacket first_packet(const Firewall& firewall, const Flow& flow) {
  FirewallPacket packet;
  packet.mark.set(0, native_bytes(firewall, flow.mark));
  if (firewall.others_may_mark) packet.mark.forget();
  packet.ct_mark.set(0, native_bytes(firewall, 0));
  packet.ct_status.set(0, native_bytes(firewall, 0));
  if (flow.destination.family == Family::kInet) {
    set_inet(flow, packet.network);
  } else {
    set_inet6(flow, packet.network);
  }
  set_transport(flow, packet.transport);
  return packet;
}

std::size_t network_header_bytes(const Flow& flow) { return ip_header_bytes(flow.destination.family); }

std::size_t transport_header_bytes(const Flow& flow) {
  if (flow.ip_protocol == kProtocolTcp) return kLargestTransportHeader;
  const bool is_short =
      flow.ip_protocol == kProtocolUdp || flow.ip_protocol == kProtocolIcmp || flow.ip_protocol == kProtocolIcmp6;
  return is_short ? 8 : 0;
}

}  // namespace vpndoctor
