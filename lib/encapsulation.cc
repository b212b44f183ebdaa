// SPDX-License-Identifier: Apache-2.0
// The table of encapsulations and of customary MTU values, and the sums over it.
#include "encapsulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace vpndoctor {
namespace {

constexpr std::uint32_t kEthernetBytes = 1500;
constexpr std::int32_t kSpareBytes = 32;
constexpr auto kV4 = Family::kInet;
constexpr auto kV6 = Family::kInet6;

// WireGuard: UDP 8, type 4, index 4, counter 8, tag 16. OpenVPN data v2, AEAD: opcode and peer id 4, packet id 4,
// tag 16, UDP 8; the 2.7 epoch format has a packet id of 8. ESP: SPI and sequence 8, IV 8 (GCM) or 16 (CBC),
// ICV 16 or 12; NAT-T adds UDP 8. GRE 4, key 4. VXLAN: UDP 8, header 8, inner Ethernet 14.
constexpr auto kEncapsulations = std::to_array<TunnelEncapsulation>({
    {"WireGuard over IPv4", TunnelKind::kWireguard, kV4, 60, 1, 0, true},
    {"WireGuard over IPv6", TunnelKind::kWireguard, kV6, 80, 1, 0, true},
    {"OpenVPN UDP, AES-GCM or ChaCha20 over IPv4", TunnelKind::kOpenvpn, kV4, 52, 1, 0, true},
    {"OpenVPN UDP, AES-GCM or ChaCha20 over IPv6", TunnelKind::kOpenvpn, kV6, 72, 1, 0, true},
    {"OpenVPN 2.7 UDP, epoch format over IPv4", TunnelKind::kOpenvpn, kV4, 56, 1, 0, false},
    {"OpenVPN 2.7 UDP, epoch format over IPv6", TunnelKind::kOpenvpn, kV6, 76, 1, 0, false},
    {"IPsec ESP tunnel, AES-GCM over IPv4", TunnelKind::kEsp, kV4, 52, 4, 2, true},
    {"IPsec ESP tunnel, AES-GCM over IPv6", TunnelKind::kEsp, kV6, 72, 4, 2, true},
    {"IPsec ESP tunnel with NAT-T, AES-GCM over IPv4", TunnelKind::kEsp, kV4, 60, 4, 2, true},
    {"IPsec ESP tunnel with NAT-T, AES-GCM over IPv6", TunnelKind::kEsp, kV6, 80, 4, 2, true},
    {"IPsec ESP tunnel, AES-CBC and SHA-256 over IPv4", TunnelKind::kEsp, kV4, 60, 16, 2, false},
    {"IPsec ESP tunnel, AES-CBC and SHA-256 over IPv6", TunnelKind::kEsp, kV6, 80, 16, 2, false},
    {"IPsec ESP tunnel with NAT-T, AES-CBC and SHA-256 over IPv4", TunnelKind::kEsp, kV4, 68, 16, 2, false},
    {"IPsec ESP tunnel, AES-CBC and SHA-1 over IPv4", TunnelKind::kEsp, kV4, 56, 16, 2, false},
    {"GRE over IPv4", TunnelKind::kGre, kV4, 24, 1, 0, true},
    {"GRE with key over IPv4", TunnelKind::kGre, kV4, 28, 1, 0, false},
    {"GRE over IPv6", TunnelKind::kGre, kV6, 44, 1, 0, true},
    {"GRE over IPv6 with encapsulation limit", TunnelKind::kGre, kV6, 52, 1, 0, false},
    {"IPIP or 6in4", TunnelKind::kIpInIp, kV4, 20, 1, 0, true},
    {"IP in IPv6 (DS-Lite)", TunnelKind::kIpInIp, kV6, 40, 1, 0, true},
    {"IP in IPv6 with encapsulation limit", TunnelKind::kIpInIp, kV6, 48, 1, 0, false},
    {"VXLAN over IPv4", TunnelKind::kVxlan, kV4, 50, 1, 0, false},
    {"VXLAN over IPv6", TunnelKind::kVxlan, kV6, 70, 1, 0, false},
    {"PPPoE", TunnelKind::kPppoe, std::nullopt, 8, 1, 0, false},
});

struct Underlay {
  std::uint32_t mtu_bytes;
  std::string_view suffix;
};
constexpr auto kUnderlays = std::to_array<Underlay>({
    {1492, " on PPPoE"},
    {1460, " on Google Cloud"},
    {1450, " on VXLAN"},
    {9000, " on jumbo frames"},
});

struct CustomaryMtu {
  std::uint32_t mtu_bytes;
  std::string_view name;
};
constexpr auto kCustomary = std::to_array<CustomaryMtu>({
    {9000, "jumbo frames"},
    {1500, "Ethernet"},
    {1472, "the ping payload of Ethernet (1500 - 28) written where an MTU belongs"},
    {1460, "Google Cloud's network, or Ethernet's MSS written where an MTU belongs"},
    {1454, "PPPoE of the Japanese FLET'S network"},
    {1452, "DSL, or the MSS of PPPoE written where an MTU belongs"},
    {1442, "Geneve (OVN)"},
    {1440, "Google Cloud VPN over Interconnect"},
    {1406, "the default of Cisco AnyConnect and Secure Client"},
    {1400, "default of GlobalProtect, PPTP, L2TP and OVN-Kubernetes, or set by hand"},
    {1399, "Alibaba Cloud's IPsec"},
    {1360, "Tailscale's packets on the wire (1280 + 80)"},
    {1354, "FortiClient SSL VPN"},
    {1300, "the old Cisco VPN client"},
    {1280, "the minimum of IPv6; also the default of Tailscale and Cloudflare WARP"},
    {1200, "the smallest packet of QUIC"},
    {576, "the size every IPv4 host must accept; old dial-up links"},
});

struct KindName {
  std::string_view name;
  TunnelKind kind;
};
// The link kinds of the kernel (IFLA_INFO_KIND) and the programs behind a tun device.
constexpr auto kKindNames = std::to_array<KindName>({
    {"wireguard", TunnelKind::kWireguard},
    {"openvpn", TunnelKind::kOpenvpn},
    {"ovpn", TunnelKind::kOpenvpn},
    {"ovpn-dco", TunnelKind::kOpenvpn},
    {"xfrm", TunnelKind::kEsp},
    {"vti", TunnelKind::kEsp},
    {"vti6", TunnelKind::kEsp},
    {"gre", TunnelKind::kGre},
    {"ip6gre", TunnelKind::kGre},
    {"ipip", TunnelKind::kIpInIp},
    {"sit", TunnelKind::kIpInIp},
    {"ip6tnl", TunnelKind::kIpInIp},
    {"vxlan", TunnelKind::kVxlan},
    {"ppp", TunnelKind::kPppoe},
});

std::optional<TunnelKind> kind_named(std::string_view name) {
  const auto found = std::ranges::find(kKindNames, name, &KindName::name);
  return found == kKindNames.end() ? std::nullopt : std::optional(found->kind);
}

bool runs_on_narrow_underlays(TunnelKind kind) {
  return kind == TunnelKind::kWireguard || kind == TunnelKind::kOpenvpn;
}

void add_match(std::vector<EncapsulationMatch>& matches, const TunnelEncapsulation& encapsulation,
               const Underlay& underlay) {
  matches.push_back({.name = fmt::format("{}{}", encapsulation.name, underlay.suffix),
                     .underlay_bytes = underlay.mtu_bytes,
                     .overhead_bytes = overhead_bytes(encapsulation, underlay.mtu_bytes).value_or(0)});
}

}  // namespace

std::span<const TunnelEncapsulation> all_encapsulations() { return kEncapsulations; }

std::optional<std::uint32_t> inner_mtu_bytes(const TunnelEncapsulation& encapsulation, std::uint32_t outer_bytes) {
  if (outer_bytes <= encapsulation.fixed_bytes) return std::nullopt;
  const std::uint32_t room = outer_bytes - encapsulation.fixed_bytes;
  const std::uint32_t padded = room - room % encapsulation.alignment_bytes;
  if (padded <= encapsulation.trailer_bytes) return std::nullopt;
  return padded - encapsulation.trailer_bytes;
}

std::optional<std::uint32_t> overhead_bytes(const TunnelEncapsulation& encapsulation, std::uint32_t outer_bytes) {
  const auto inner = inner_mtu_bytes(encapsulation, outer_bytes);
  return inner ? std::optional(outer_bytes - *inner) : std::nullopt;
}

const TunnelEncapsulation* encapsulation_of(std::string_view tunnel_kind, Family outer) {
  const auto kind = kind_named(tunnel_kind);
  // ESP's cipher is not visible from the link, and PPP may be PPPoE, PPTP or L2TP.
  if (!kind || *kind == TunnelKind::kEsp || *kind == TunnelKind::kPppoe) return nullptr;
  const auto found = std::ranges::find_if(
      kEncapsulations, [&](const TunnelEncapsulation& entry) { return entry.kind == *kind && entry.outer == outer; });
  return found == kEncapsulations.end() ? nullptr : &*found;
}

std::vector<EncapsulationMatch> explain_mtu(std::uint32_t mtu_bytes, std::string_view tunnel_kind) {
  std::vector<EncapsulationMatch> matches;
  const auto fits = [&](const TunnelEncapsulation& entry, std::uint32_t underlay) {
    return inner_mtu_bytes(entry, underlay) == mtu_bytes;
  };
  for (const auto& entry : kEncapsulations)
    if (fits(entry, kEthernetBytes)) add_match(matches, entry, {kEthernetBytes, ""});
  for (const auto& entry : kCustomary)
    if (entry.mtu_bytes == mtu_bytes) matches.push_back({.name = std::string(entry.name)});
  for (const auto& underlay : kUnderlays)
    for (const auto& entry : kEncapsulations)
      if (runs_on_narrow_underlays(entry.kind) && fits(entry, underlay.mtu_bytes)) add_match(matches, entry, underlay);

  const auto kind = kind_named(tunnel_kind);
  for (auto& match : matches)
    match.likely = kind && std::ranges::any_of(kEncapsulations, [&](const TunnelEncapsulation& entry) {
                     return entry.kind == *kind && match.name.starts_with(entry.name);
                   });
  std::ranges::stable_partition(matches, &EncapsulationMatch::likely);
  return matches;
}

std::string explanation_text(std::uint32_t mtu_bytes, const EncapsulationMatch& match) {
  if (match.underlay_bytes == 0) return fmt::format("{}: {}", mtu_bytes, match.name);
  return fmt::format("{} = {} - {}: {}", mtu_bytes, match.underlay_bytes, match.overhead_bytes, match.name);
}

std::vector<TunnelMtuAdvice> tunnel_mtus_over(std::uint32_t outer_bytes, Family outer) {
  std::vector<TunnelMtuAdvice> result;
  for (const auto& entry : kEncapsulations) {
    const auto inner = inner_mtu_bytes(entry, outer_bytes);
    if (entry.common && entry.outer == outer && inner)
      result.push_back({std::string(entry.name), outer_bytes - *inner, *inner});
  }
  return result;
}

TunnelMtuFit judge_tunnel_mtu(std::int32_t excess_bytes) {
  if (excess_bytes > 0) return TunnelMtuFit::kTooLarge;
  return excess_bytes < -kSpareBytes ? TunnelMtuFit::kCouldBeRaised : TunnelMtuFit::kExact;
}

std::optional<std::uint32_t> tcp_mss_for(std::uint32_t mtu_bytes, Family family) {
  constexpr std::uint32_t kTcpHeaderBytes = 20;
  const std::uint32_t headers = ip_header_bytes(family) + kTcpHeaderBytes;
  if (mtu_bytes < minimum_mtu_bytes(family) || mtu_bytes <= headers) return std::nullopt;
  return mtu_bytes - headers;
}

}  // namespace vpndoctor
