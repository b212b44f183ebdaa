// SPDX-License-Identifier: Apache-2.0
// The byte work of a router. Field offsets are those of RFC 791, RFC 8200, RFC 792, RFC 4443 and RFC 9293.
#include "packet.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cassert>
#include <cstring>

namespace vpndoctor::lab {
namespace {

constexpr std::uint16_t kMoreFragments = 0x2000;
constexpr std::uint16_t kDontFragment = 0x4000;
constexpr std::uint16_t kOffsetMask = 0x1fff;
constexpr std::uint8_t kIpv6FragmentHeader = 44;
constexpr std::uint8_t kTcpSyn = 0x02;

std::uint16_t be16(BytesView bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

void put16(std::span<std::uint8_t> bytes, std::size_t at, std::uint32_t value) {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value);
}

IpAddress read_address(Family family, BytesView bytes) {
  IpAddress address{family, {}};
  std::copy_n(bytes.begin(), family == Family::kInet ? 4 : 16, address.bytes.begin());
  return address;
}

std::uint32_t sum_words(BytesView data, std::uint32_t sum = 0) {
  for (std::size_t at = 0; at + 1 < data.size(); at += 2) sum += be16(data, at);
  if (data.size() % 2 != 0) sum += static_cast<std::uint32_t>(data.back() << 8);
  return sum;
}

void write_ipv4_checksum(std::span<std::uint8_t> header) {
  put16(header, 10, 0);
  put16(header, 10, internet_checksum(header));
}

std::optional<PacketView> parse_ipv4(BytesView packet) {
  if (packet.size() < 20) return std::nullopt;
  PacketView view;
  view.header_bytes = (packet[0] & 0x0fU) * 4U;
  const std::size_t total = be16(packet, 2);
  if (view.header_bytes < 20 || total < view.header_bytes || total > packet.size()) return std::nullopt;
  const std::uint16_t flags = be16(packet, 6);
  view.may_be_fragmented = (flags & kDontFragment) == 0;
  view.is_first = (flags & kOffsetMask) == 0;
  view.is_fragment = !view.is_first || (flags & kMoreFragments) != 0;
  view.ttl = packet[8];
  view.protocol = packet[9];
  view.source = read_address(Family::kInet, packet.subspan(12));
  view.destination = read_address(Family::kInet, packet.subspan(16));
  view.payload = packet.subspan(view.header_bytes, total - view.header_bytes);
  return view;
}

std::optional<PacketView> parse_ipv6(BytesView packet) {
  if (packet.size() < 40U || packet.size() < 40U + be16(packet, 4)) return std::nullopt;
  PacketView view;
  view.header_bytes = 40;
  view.protocol = packet[6];
  view.ttl = packet[7];
  view.source = read_address(Family::kInet6, packet.subspan(8));
  view.destination = read_address(Family::kInet6, packet.subspan(24));
  view.payload = packet.subspan(40, be16(packet, 4));
  if (view.protocol != kIpv6FragmentHeader || view.payload.size() < 8) return view;
  view.protocol = view.payload[0];
  view.is_fragment = true;
  view.is_first = be16(view.payload, 2) < 8;
  view.header_bytes += 8;
  view.payload = view.payload.subspan(8);
  return view;
}

/// True when RFC 1122 and RFC 4443 forbid an ICMP error about this packet.
bool must_stay_unanswered(const PacketView& view) {
  if (!view.is_first || view.destination.bytes[0] == (view.family() == Family::kInet ? 224 : 255)) return true;
  if (view.payload.empty()) return false;
  const std::uint8_t type = view.payload[0];
  if (view.protocol == kProtocolIcmp6) return type < 128;
  return view.protocol == kProtocolIcmp && type != 0 && type != 8 && type != 13 && type != 14;
}

/// Returns the offset of the MSS value inside a TCP header, or 0 when there is no such option.
std::size_t find_mss(BytesView tcp) {
  const std::size_t end = std::min<std::size_t>(tcp.size(), (tcp[12] >> 4U) * 4U);
  for (std::size_t at = 20; at + 1 < end;) {
    if (tcp[at] == 0) return 0;
    if (tcp[at] == 2 && tcp[at + 1] == 4 && at + 4 <= end) return at + 2;
    at += tcp[at] == 1 ? 1U : std::max<std::size_t>(tcp[at + 1], 2U);
  }
  return 0;
}

}  // namespace

IpAddress lab_address(const char* text) {
  IpAddress address{std::strchr(text, ':') != nullptr ? Family::kInet6 : Family::kInet, {}};
  const int family = address.family == Family::kInet ? AF_INET : AF_INET6;
  [[maybe_unused]] const int parsed = inet_pton(family, text, address.bytes.data());
  assert(parsed == 1);
  return address;
}

std::optional<PacketView> parse_packet(BytesView packet) {
  if (packet.empty()) return std::nullopt;
  if (packet[0] >> 4 == 4) return parse_ipv4(packet);
  if (packet[0] >> 4 == 6) return parse_ipv6(packet);
  return std::nullopt;
}

std::uint16_t internet_checksum(BytesView data, std::uint32_t sum) {
  sum = sum_words(data, sum);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

std::uint16_t transport_checksum(const PacketView& ip, BytesView upper) {
  if (ip.protocol == kProtocolIcmp) return internet_checksum(upper);
  std::uint32_t sum = ip.protocol + static_cast<std::uint32_t>(upper.size());
  sum = sum_words(ip.source.octets(), sum);
  sum = sum_words(ip.destination.octets(), sum);
  return internet_checksum(upper, sum);
}

bool decrement_ttl(Bytes& packet) {
  const bool is_ipv4 = packet[0] >> 4 == 4;
  std::uint8_t& ttl = packet[is_ipv4 ? 8 : 7];
  if (ttl <= 1) return false;
  --ttl;
  if (is_ipv4) write_ipv4_checksum(std::span(packet).first((packet[0] & 0x0fU) * 4U));
  return true;
}

std::vector<Bytes> fragment(BytesView packet, std::uint32_t mtu_bytes) {
  const auto view = parse_packet(packet);
  if (!view || view->family() != Family::kInet || mtu_bytes < view->header_bytes + 8) return {};
  const std::uint16_t old_flags = be16(packet, 6);
  std::vector<Bytes> fragments;
  for (std::size_t offset = 0; offset < view->payload.size();) {
    const std::size_t header_bytes = offset == 0 ? view->header_bytes : 20;
    std::size_t length = (mtu_bytes - header_bytes) / 8 * 8;
    const bool last = mtu_bytes - header_bytes >= view->payload.size() - offset;
    if (last) length = view->payload.size() - offset;
    Bytes piece(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(header_bytes));
    piece[0] = static_cast<std::uint8_t>(0x40 | header_bytes / 4);
    const auto data = view->payload.subspan(offset, length);
    piece.insert(piece.end(), data.begin(), data.end());
    put16(piece, 2, static_cast<std::uint32_t>(piece.size()));
    const std::uint32_t more = last ? old_flags & kMoreFragments : kMoreFragments;
    put16(piece, 6, more | ((old_flags & kOffsetMask) + static_cast<std::uint32_t>(offset / 8)));
    write_ipv4_checksum(std::span(piece).first(header_bytes));
    fragments.push_back(std::move(piece));
    offset += length;
  }
  return fragments;
}

bool clamp_mss(Bytes& packet, std::uint16_t mss_bytes) {
  const auto view = parse_packet(packet);
  if (!view || view->protocol != kProtocolTcp || !view->is_first || view->payload.size() < 20) return false;
  if ((view->payload[13] & kTcpSyn) == 0) return false;
  const std::size_t at = find_mss(view->payload);
  if (at == 0 || be16(view->payload, at) <= mss_bytes) return false;
  const auto tcp = std::span(packet).subspan(view->header_bytes, view->payload.size());
  put16(tcp, at, mss_bytes);
  put16(tcp, 16, 0);
  put16(tcp, 16, transport_checksum(*view, tcp));
  return true;
}

Bytes ip_packet(const HeaderFields& header, Bytes upper) {
  const bool is_ipv4 = header.source.family == Family::kInet;
  const std::size_t header_bytes = is_ipv4 ? 20U + header.option_words * 4U : 40U;
  Bytes packet(header_bytes, 0);
  if (is_ipv4) {
    packet[0] = static_cast<std::uint8_t>(0x40 | header_bytes / 4);
    put16(packet, 2, static_cast<std::uint32_t>(header_bytes + upper.size()));
    packet[8] = 64;
    packet[9] = header.protocol;
    std::fill(packet.begin() + 20, packet.end(), std::uint8_t{1});
  } else {
    packet[0] = 0x60;
    put16(packet, 4, static_cast<std::uint32_t>(upper.size()));
    packet[6] = header.protocol;
    packet[7] = 64;
  }
  std::ranges::copy(header.source.octets(), packet.begin() + (is_ipv4 ? 12 : 8));
  std::ranges::copy(header.destination.octets(), packet.begin() + (is_ipv4 ? 16 : 24));
  if (is_ipv4) write_ipv4_checksum(packet);
  const bool is_icmp = header.protocol == kProtocolIcmp || header.protocol == kProtocolIcmp6;
  if (is_icmp && upper.size() >= 4) {
    PacketView ip;
    ip.source = header.source;
    ip.destination = header.destination;
    ip.protocol = header.protocol;
    put16(upper, 2, 0);
    put16(upper, 2, transport_checksum(ip, upper));
  }
  packet.insert(packet.end(), upper.begin(), upper.end());
  return packet;
}

std::optional<Bytes> icmp_error(const IcmpError& error, BytesView offending) {
  const auto view = parse_packet(offending);
  if (!view || must_stay_unanswered(*view)) return std::nullopt;
  const bool is_ipv4 = view->family() == Family::kInet;
  const bool too_big = error.kind == IcmpError::Kind::kTooBig;
  const std::size_t quoted = std::min<std::size_t>(offending.size(), is_ipv4 ? 576 - 28 : 1280 - 48);
  Bytes icmp(8, 0);
  icmp[0] = is_ipv4 ? (too_big ? 3 : 11) : (too_big ? 2 : 3);
  icmp[1] = is_ipv4 && too_big ? 4 : 0;
  if (too_big && !is_ipv4) put16(icmp, 4, error.mtu_bytes >> 16);
  if (too_big) put16(icmp, 6, error.mtu_bytes & 0xffff);
  icmp.insert(icmp.end(), offending.begin(), offending.begin() + static_cast<std::ptrdiff_t>(quoted));
  const std::uint8_t protocol = is_ipv4 ? kProtocolIcmp : kProtocolIcmp6;
  return ip_packet({error.from, view->source, protocol}, std::move(icmp));
}

}  // namespace vpndoctor::lab
