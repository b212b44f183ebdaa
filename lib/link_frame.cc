// SPDX-License-Identifier: Apache-2.0
// Decodes what is below the IP header (pcap-linktype(7) and the pages of tcpdump.org/linktypes). What a link carries
// besides IP and ARP is told by its EtherType alone.
#include <algorithm>
#include <array>

#include "vpndoctor/captured_packet.h"
#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

constexpr std::uint16_t kPppoeSession = 0x8864;
constexpr std::uint16_t kPpp = 0x880b;  // what is no IP inside PPP
constexpr std::uint16_t kSmallestEtherType = 0x0600;
constexpr int kMostTags = 4;

enum LinkType : int {
  kNull = 0,
  kEthernet = 1,
  kPppLink = 9,
  kRawBsd = 12,
  kRawOpenBsd = 14,
  kPppHdlc = 50,
  kPppEther = 51,
  kRaw = 101,
  kLoop = 108,
  kLinuxSll = 113,
  kIpv4 = 228,
  kIpv6 = 229,
  kLinuxSll2 = 276,
};

constexpr auto kKnown = std::to_array<int>({kNull, kEthernet, kPppLink, kRawBsd, kRawOpenBsd, kPppHdlc, kPppEther, kRaw,
                                            kLoop, kLinuxSll, kIpv4, kIpv6, kLinuxSll2});

std::optional<MacAddress> read_mac(ByteReader& reader) {
  const std::span<const std::byte> bytes = reader.take(6);
  if (bytes.empty()) return std::nullopt;
  MacAddress mac;
  std::ranges::transform(bytes, mac.begin(), [](std::byte byte) { return std::to_integer<std::uint8_t>(byte); });
  return mac;
}

bool is_vlan_tag(std::uint16_t ether_type) {
  return ether_type == 0x8100 || ether_type == 0x88a8 || ether_type == 0x9100 || ether_type == 0x9200;
}

std::optional<std::uint16_t> ether_type_of_ppp(std::uint16_t protocol) {
  if (protocol == 0x0021) return kEtherTypeInet;
  if (protocol == 0x0057) return kEtherTypeInet6;
  return std::nullopt;
}

/// The protocol field of PPP has one byte, which is odd, or two, of which the first is even (RFC 1661 section 6.5).
std::uint16_t read_ppp_protocol(ByteReader& reader) {
  const std::uint8_t first = reader.u8();
  if ((first & 1U) != 0) return first;
  return static_cast<std::uint16_t>(first << 8U | reader.u8());
}

/// PPPoE's session stage (RFC 2516): where it carries IP, that is what the frame is; else it stays what it is.
void open_pppoe(LinkFrame& frame) {
  ByteReader reader(frame.payload);
  const std::uint8_t version_and_type = reader.u8();
  const std::uint8_t code = reader.u8();
  reader.u16();
  const std::size_t length = reader.u16();
  if (!reader.ok() || version_and_type != 0x11 || code != 0) return;
  ByteReader inner(reader.rest().first(std::min(length, reader.rest().size())));
  const auto ether_type = ether_type_of_ppp(read_ppp_protocol(inner));
  if (!inner.ok() || !ether_type) return;
  frame.ether_type = *ether_type;
  frame.payload = inner.rest();
  frame.is_pppoe = true;
}

/// A length instead of a type: IEEE 802.3. With a SNAP header of Ethernet (RFC 1042) it still names a type.
std::uint16_t snap_type(ByteReader& reader) {
  const std::span<const std::byte> rest = reader.rest();
  constexpr auto kSnap =
      std::to_array({std::byte{0xaa}, std::byte{0xaa}, std::byte{3}, std::byte{0}, std::byte{0}, std::byte{0}});
  if (rest.size() < kSnap.size() + 2 || !std::ranges::equal(rest.first(kSnap.size()), kSnap)) return 0;
  reader.take(kSnap.size());
  return reader.u16();
}

/// Reads the type and what follows it: tags, then the payload. False when it is cut.
bool read_payload(ByteReader& reader, std::uint16_t ether_type, LinkFrame& frame) {
  for (int tags = 0; is_vlan_tag(ether_type) && tags < kMostTags; ++tags) {
    const std::uint16_t tag = reader.u16();
    if (!frame.vlan) frame.vlan = tag & 0x0fffU;
    ether_type = reader.u16();
  }
  if (ether_type < kSmallestEtherType) ether_type = snap_type(reader);
  if (!reader.ok()) return false;
  frame.ether_type = ether_type;
  frame.payload = reader.rest();
  if (ether_type == kPppoeSession) open_pppoe(frame);
  return true;
}

std::optional<LinkFrame> decode_ethernet(ByteReader reader) {
  LinkFrame frame;
  frame.destination = read_mac(reader);
  frame.source = read_mac(reader);
  if (!read_payload(reader, reader.u16(), frame)) return std::nullopt;
  return frame;
}

/// PACKET_OUTGOING is 4; 0 to 3 came in (linux/if_packet.h).
PacketDirection direction_of(unsigned packet_type) {
  if (packet_type == 4) return PacketDirection::kOut;
  return packet_type <= 3 ? PacketDirection::kIn : PacketDirection::kUnknown;
}

/// The sender's address has 8 bytes of room; only one of Ethernet's length is one here.
std::optional<MacAddress> read_cooked_address(ByteReader& reader, std::size_t length) {
  ByteReader address(reader.take(8));
  if (length != 6) return std::nullopt;
  return read_mac(address);
}

/// GRE (778), netlink (824), frame relay (770) and radiotap (803) devices have no EtherType in the protocol field.
bool has_ether_type(std::uint16_t hardware) {
  return hardware != 770 && hardware != 778 && hardware != 803 && hardware != 824;
}

std::optional<LinkFrame> decode_sll(ByteReader reader) {
  LinkFrame frame;
  frame.direction = direction_of(reader.u16());
  const std::uint16_t hardware = reader.u16();
  const std::size_t address_bytes = reader.u16();
  frame.source = read_cooked_address(reader, address_bytes);
  const std::uint16_t protocol = reader.u16();
  if (!read_payload(reader, has_ether_type(hardware) ? protocol : 0, frame)) return std::nullopt;
  return frame;
}

std::optional<LinkFrame> decode_sll2(ByteReader reader) {
  LinkFrame frame;
  const std::uint16_t protocol = reader.u16();
  reader.u16();
  frame.interface_index = reader.u32();
  const std::uint16_t hardware = reader.u16();
  frame.direction = direction_of(reader.u8());
  const std::size_t address_bytes = reader.u8();
  frame.source = read_cooked_address(reader, address_bytes);
  if (!read_payload(reader, has_ether_type(hardware) ? protocol : 0, frame)) return std::nullopt;
  return frame;
}

std::optional<LinkFrame> decode_raw(std::span<const std::byte> bytes, int link_type) {
  const unsigned version = ByteReader(bytes).u8() >> 4U;
  LinkFrame frame;
  frame.payload = bytes;
  if (version == 4 && link_type != kIpv6) frame.ether_type = kEtherTypeInet;
  if (version == 6 && link_type != kIpv4) frame.ether_type = kEtherTypeInet6;
  if (frame.ether_type == 0) return std::nullopt;
  return frame;
}

/// The address family of the system that captured, in its byte order (LINKTYPE_NULL) or the network's (LINKTYPE_LOOP):
/// both are taken for either. 2 is IPv4 everywhere; IPv6 is 10 on Linux, 24, 28 or 30 on the BSDs and macOS.
std::optional<LinkFrame> decode_loopback(ByteReader reader) {
  std::uint32_t family = reader.u32();
  if (!reader.ok()) return std::nullopt;
  if (family > 0xffff) family = family >> 24U | (family >> 8U & 0xff00U);
  LinkFrame frame;
  if (family == 2) frame.ether_type = kEtherTypeInet;
  if (family == 10 || family == 24 || family == 28 || family == 30) frame.ether_type = kEtherTypeInet6;
  frame.payload = reader.rest();
  return frame;
}

std::optional<LinkFrame> decode_ppp(ByteReader reader) {
  constexpr auto kAddressAndControl = std::to_array({std::byte{0xff}, std::byte{0x03}});
  if (reader.rest().size() >= 2 && std::ranges::equal(reader.rest().first(2), kAddressAndControl)) reader.take(2);
  LinkFrame frame;
  frame.ether_type = ether_type_of_ppp(read_ppp_protocol(reader)).value_or(kPpp);
  frame.payload = reader.rest();
  if (!reader.ok()) return std::nullopt;
  return frame;
}

/// Without an Ethernet header: what follows is a PPPoE header.
std::optional<LinkFrame> decode_pppoe(std::span<const std::byte> bytes) {
  if (bytes.size() < 6) return std::nullopt;
  LinkFrame frame;
  frame.ether_type = kPppoeSession;
  frame.payload = bytes;
  open_pppoe(frame);
  return frame;
}

}  // namespace

std::optional<LinkFrame> decode_link_frame(int link_type, std::span<const std::byte> bytes) {
  switch (link_type) {
    case kEthernet:
      return decode_ethernet(ByteReader(bytes));
    case kLinuxSll:
      return decode_sll(ByteReader(bytes));
    case kLinuxSll2:
      return decode_sll2(ByteReader(bytes));
    case kRawBsd:
    case kRawOpenBsd:
    case kRaw:
    case kIpv4:
    case kIpv6:
      return decode_raw(bytes, link_type);
    case kNull:
    case kLoop:
      return decode_loopback(ByteReader(bytes));
    case kPppLink:
    case kPppHdlc:
      return decode_ppp(ByteReader(bytes));
    case kPppEther:
      return decode_pppoe(bytes);
    default:
      return std::nullopt;
  }
}

bool is_known_link_type(int link_type) { return std::ranges::find(kKnown, link_type) != kKnown.end(); }

}  // namespace vpndoctor
