// SPDX-License-Identifier: Apache-2.0
// The arithmetic of tunnels: what each encapsulation adds to a packet, which inner MTU fits an outer path,
// and which encapsulations a number suggests. Knows no measurement and no interface.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vpndoctor/ip.h"
#include "vpndoctor/path_mtu_diagnosis.h"

namespace vpndoctor {

/// Who names the tunnel's protocol: the link kind of the kernel, or the program that holds a tun device.
enum class TunnelKind { kWireguard, kOpenvpn, kEsp, kGre, kIpInIp, kVxlan, kPppoe };

/// One way to carry an IP packet inside another. All sizes in bytes.
struct TunnelEncapsulation {
  std::string_view name;
  TunnelKind kind;
  std::optional<Family> outer;    ///< null: not carried in IP (PPPoE)
  std::uint32_t fixed_bytes;      ///< outer headers, own header, IV and authentication tag
  std::uint32_t alignment_bytes;  ///< the payload with its trailer is padded to this; 1: never
  std::uint32_t trailer_bytes;    ///< counted before padding: ESP's pad length and next header
  bool common;                    ///< worth a line in the advice for a path; variants are only recognised
};

/// Returns every encapsulation that is known.
std::span<const TunnelEncapsulation> all_encapsulations();

/// Returns the largest inner packet whose outer packet is at most `outer_bytes`; null when none fits.
/// WireGuard pads to 16 but never beyond its interface MTU (drivers/net/wireguard/send.c), so padding does not count.
std::optional<std::uint32_t> inner_mtu_bytes(const TunnelEncapsulation& encapsulation, std::uint32_t outer_bytes);

/// Returns `outer_bytes` less the inner MTU: with padding it depends on the outer size.
std::optional<std::uint32_t> overhead_bytes(const TunnelEncapsulation& encapsulation, std::uint32_t outer_bytes);

/// Finds what a tunnel interface of this kind ("wireguard", "openvpn", "gre", ...) adds over this outer family;
/// null when the kind does not settle it ("tun" may be anybody's).
const TunnelEncapsulation* encapsulation_of(std::string_view tunnel_kind, Family outer);

/// Returns all explanations of an MTU, the most plausible first: those of the egress's own tunnel kind, then
/// arithmetic on Ethernet, then customary values, then arithmetic on narrower underlays.
std::vector<EncapsulationMatch> explain_mtu(std::uint32_t mtu_bytes, std::string_view tunnel_kind = {});

/// Returns an explanation as one line: "1420 = 1500 - 80: WireGuard over IPv6", "1406: Cisco Secure Client".
std::string explanation_text(std::uint32_t mtu_bytes, const EncapsulationMatch& match);

/// Returns the interface MTU of each common tunnel that runs over a path of this family.
std::vector<TunnelMtuAdvice> tunnel_mtus_over(std::uint32_t outer_bytes, Family outer);

/// Judges an interface MTU: too large above 0, could be raised when more than 32 bytes are spare.
TunnelMtuFit judge_tunnel_mtu(std::int32_t excess_bytes);

/// Returns the TCP segment payload of a full packet: 40 (IPv4) or 60 (IPv6) less; null when nothing is left, or
/// below IPv6's minimum link MTU of 1280.
std::optional<std::uint32_t> tcp_mss_for(std::uint32_t mtu_bytes, Family family);

}  // namespace vpndoctor
