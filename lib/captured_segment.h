// SPDX-License-Identifier: Apache-2.0
// What a captured packet says about a TCP flow: a segment, or a too-big message that quotes one. Lengths are those of
// the IP header, so that a packet cut by the snap length is whole for whoever counts. Knows nothing of flows.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>

#include "vpndoctor/captured_packet.h"
#include "vpndoctor/ip.h"

namespace vpndoctor {

/// Both ends of one direction of a TCP connection.
struct FlowEnds {
  IpAddress source;
  IpAddress destination;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;

  FlowEnds reversed() const { return {destination, source, destination_port, source_port}; }
  auto operator<=>(const FlowEnds&) const = default;
};

/// A block of a SACK option (RFC 2018), its end excluded.
struct SackBlock {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
};

/// One TCP segment as captured, which offload may have made of several.
struct CapturedSegment {
  FlowEnds ends;
  std::chrono::system_clock::time_point at;
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgment = 0;
  bool syn = false;
  bool fin = false;
  bool rst = false;
  bool ack = false;
  std::uint16_t window = 0;                ///< as it stands in the header, not scaled
  std::optional<std::uint16_t> mss_bytes;  ///< the MSS option
  bool may_sack = false;                   ///< SACK permitted, in a SYN
  std::array<SackBlock, 4> sack_blocks{};
  std::size_t sack_count = 0;
  bool options_cut = false;          ///< by the snap length: MSS and SACK may be missing
  std::uint32_t header_bytes = 0;    ///< IP header with options or extension headers, and TCP header
  std::uint32_t payload_bytes = 0;   ///< of TCP
  std::uint16_t identification = 0;  ///< IPv4's; 0 for IPv6

  std::uint32_t packet_bytes() const { return header_bytes + payload_bytes; }
  std::span<const SackBlock> sacked() const { return std::span(sack_blocks).first(sack_count); }
};

/// ICMP 3/4 or ICMPv6 2 about a TCP segment.
struct CapturedTooBig {
  IpAddress from;
  std::chrono::system_clock::time_point at;
  FlowEnds about;
  std::uint32_t sequence = 0;      ///< of the quoted segment
  std::uint32_t quoted_bytes = 0;  ///< its IP packet's length
  std::uint32_t mtu_bytes = 0;     ///< the claim; 0 from routers older than RFC 1191
};

struct CapturedTcp {
  enum class Kind : std::uint8_t {
    kOther,      ///< IP, but neither of both; or a fragment
    kUndecoded,  ///< no IP, or malformed
    kCut,        ///< before the end of the fixed TCP header
    kSegment,
    kTooBig,
  };
  Kind kind = Kind::kOther;
  CapturedSegment segment;  ///< kSegment
  CapturedTooBig too_big;   ///< kTooBig
};

CapturedTcp decode_captured_tcp(const CapturedPacket& packet);

}  // namespace vpndoctor
