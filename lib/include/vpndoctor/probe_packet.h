// SPDX-License-Identifier: Apache-2.0
// The bytes of a probe. Everything that a router may hash to choose among equal-cost paths (addresses, ports, ICMP id
// and checksum, flow label) is the same for all sizes of one search; a cookie makes answers hard to forge.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "vpndoctor/ip.h"
#include "vpndoctor/probe.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// What all packets of one search have in common.
struct ProbeFlow {
  IpAddress source;
  IpAddress target;
  std::uint16_t icmp_id = 0;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint16_t checksum = 0;    ///< of ICMP and UDP alike, reached by two payload bytes that make up for the rest
  std::uint32_t flow_label = 0;  ///< 20 bits, IPv6 only
  std::array<std::byte, 8> cookie{};
};

/// The classic first port of traceroute: firewalls that let traceroute through know it, and hardly anything listens.
inline constexpr std::uint16_t kProbeDestinationPort = 33434;
/// Bytes of an UDP or echo payload that a probe needs: compensation, cookie, probe id.
inline constexpr std::uint32_t kProbePayloadBytes = 12;

/// Fills a flow from 16 random bytes. The ports stay as they are in `flow`, but a destination port of 0 becomes
/// kProbeDestinationPort.
void randomize_flow(ProbeFlow& flow, std::span<const std::byte, 16> random);

/// True unless the start of an echo or UDP payload contradicts the flow's cookie. Compares as much of the cookie as
/// there is: a router may quote no more than the first 8 bytes behind the IP header.
bool cookie_fits(const ProbeFlow& flow, std::span<const std::byte> payload);

/// Returns the smallest packet that holds a probe of either method: 40 or 60 bytes.
constexpr std::uint32_t smallest_probe_bytes(Family family) { return ip_header_bytes(family) + 8 + kProbePayloadBytes; }

/// Encodes the ICMP or UDP header and the payload of a probe, in all as long as the probe's size without a plain IP
/// header. Empty for kTcp, and when the probe's size is too small for a probe or too large for an IP packet.
/// The payload is: two bytes of compensation, the cookie, the probe id, incompressible filling.
std::vector<std::byte> encode_probe_transport(const ProbeFlow& flow, const Probe& probe);

/// Encodes a probe with its IP header, ready for a socket that takes whole packets: DF set and the probe's id as
/// IPv4's identification, or the fragments of a probe that asks for them, without DF. Empty as above, and when the
/// fragments could not hold anything. IPv4's header checksum is left to the kernel, which always fills it.
std::vector<std::vector<std::byte>> encode_probe_packets(const ProbeFlow& flow, const Probe& probe);

}  // namespace vpndoctor
