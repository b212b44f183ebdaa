// SPDX-License-Identifier: Apache-2.0
// Kinds of traffic; see the header.
#include "traffic_kind.h"

#include <algorithm>
#include <array>

namespace vpndoctor {
namespace {

/// Public resolvers whose port 443 answers DNS over HTTPS: Cloudflare, Google, Quad9, AdGuard, OpenDNS, Mullvad,
/// dns.sb, CleanBrowsing, NextDNS, Control D, AliDNS, as they publish them.
constexpr auto kDohResolvers = std::to_array<std::string_view>({
    "1.1.1.1",
    "1.0.0.1",
    "1.1.1.2",
    "1.0.0.2",
    "1.1.1.3",
    "1.0.0.3",
    "8.8.8.8",
    "8.8.4.4",
    "9.9.9.9",
    "149.112.112.112",
    "9.9.9.10",
    "9.9.9.11",
    "94.140.14.14",
    "94.140.15.15",
    "208.67.222.222",
    "208.67.220.220",
    "194.242.2.2",
    "194.242.2.3",
    "185.222.222.222",
    "45.11.45.11",
    "185.228.168.9",
    "185.228.169.9",
    "45.90.28.0",
    "45.90.30.0",
    "76.76.2.0",
    "76.76.10.0",
    "223.5.5.5",
    "223.6.6.6",
    "2606:4700:4700::1111",
    "2606:4700:4700::1001",
    "2001:4860:4860::8888",
    "2001:4860:4860::8844",
    "2620:fe::fe",
    "2620:fe::9",
    "2a10:50c0::ad1:ff",
    "2a10:50c0::ad2:ff",
    "2620:119:35::35",
    "2620:119:53::53",
});

struct Port {
  std::uint16_t number;
  std::string_view tcp;
  std::string_view udp;
};

/// By number; an empty word: no convention of that protocol.
constexpr auto kPorts = std::to_array<Port>({
    {22, "ssh", ""},
    {25, "smtp", ""},
    {53, "dns", "dns"},
    {80, "http", ""},
    {123, "", "ntp"},
    {443, "https", "quic"},
    {465, "smtp", ""},
    {500, "", "ike"},
    {587, "smtp", ""},
    {853, "dot", "doq"},
    {993, "imap", ""},
    {1194, "", "openvpn"},
    {3478, "stun", "stun"},
    {4500, "", "ike"},
    {5222, "xmpp", ""},
    {5349, "stun", "stun"},
    {6881, "bittorrent", "bittorrent"},
    {8080, "http", ""},
    {19302, "", "stun"},
    {51820, "", "wireguard"},
});

bool is_doh_resolver(const IpAddress& address) {
  static const auto kAddresses = [] {
    std::array<IpAddress, kDohResolvers.size()> parsed{};
    std::ranges::transform(kDohResolvers, parsed.begin(),
                           [](std::string_view text) { return *IpAddress::parse(text); });
    return parsed;
  }();
  return std::ranges::find(kAddresses, address) != kAddresses.end();
}

/// The magic cookie of RFC 8489 section 5, behind a type whose first two bits are zero.
bool is_stun(std::span<const std::byte> payload) {
  ByteReader reader(payload);
  const std::uint16_t type = reader.u16();
  reader.u16();
  return reader.u32() == 0x2112a442 && type < 0x4000;
}

/// Reads a name of labels without pointers to its end (RFC 1035 section 3.1).
bool skip_name(ByteReader& reader) {
  constexpr std::size_t kMostLabelBytes = 63;
  for (;;) {
    const std::size_t length = reader.u8();
    if (!reader.ok() || length > kMostLabelBytes) return false;
    if (length == 0) return true;
    reader.take(length);
  }
}

std::string_view protocol_kind(std::uint8_t protocol) {
  switch (protocol) {
    case kProtocolIcmp:
    case kProtocolIcmp6:
      return "icmp";
    case kProtocolTcp:
      return "tcp";
    case kProtocolUdp:
      return "udp";
    case 4:
    case 41:
      return "ipip";
    case 47:
      return "gre";
    case 50:
      return "esp";
    case 51:
      return "ah";
    case 132:
      return "sctp";
    default:
      return "ip";
  }
}

}  // namespace

std::string_view traffic_kind(const FlowPacket& packet) {
  const bool is_tcp = packet.key.ip_protocol == kProtocolTcp;
  const std::string_view protocol = protocol_kind(packet.key.ip_protocol);
  if (!is_tcp && packet.key.ip_protocol != kProtocolUdp) return protocol;
  if (!is_tcp && is_stun(packet.payload)) return "stun";
  if (packet.key.port == 443 && is_doh_resolver(packet.key.destination)) return "doh";
  const auto found = std::ranges::find(kPorts, packet.key.port, &Port::number);
  if (found == kPorts.end()) return protocol;
  const std::string_view word = is_tcp ? found->tcp : found->udp;
  return word.empty() ? protocol : word;
}

bool is_name_question(const FlowPacket& packet) {
  constexpr std::uint16_t kDns = 53;
  constexpr unsigned kNoQuestion = 0xfecf;  // all but RD, AD and CD must be 0
  if (packet.key.ip_protocol != kProtocolUdp || packet.key.port != kDns) return false;
  ByteReader reader(packet.payload);
  reader.u16();
  const unsigned flags = reader.u16();
  const bool asks_once = reader.u16() == 1 && reader.u16() == 0 && reader.u16() == 0;
  const unsigned additional = reader.u16();
  if (!asks_once || (flags & kNoQuestion) != 0 || additional > 2 || !skip_name(reader)) return false;
  const unsigned type = reader.u16();
  const unsigned name_class = reader.u16();
  return reader.ok() && type != 0 && (name_class == 1 || name_class == 3 || name_class == 255);
}

bool is_name_lookup(std::string_view kind) { return kind == "dns" || kind == "dot" || kind == "doq" || kind == "doh"; }

}  // namespace vpndoctor
