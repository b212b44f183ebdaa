// SPDX-License-Identifier: Apache-2.0
// What several TCP connections of different MSS, taken together, prove about the packet sizes that a path carries.
// Knows no sockets and no time: whoever filled the records has done the waiting.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/ip.h"
#include "vpndoctor/path_mtu.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// What became of the full-size segments that we sent on a connection.
enum class TcpForward {
  kNotTested,
  kAcknowledged,    ///< at least one was
  kUnacknowledged,  ///< none was, although sent again, while the small request on the same connection was
};

/// What was seen of one connection. Sizes are IP packet sizes in bytes.
struct TcpConnectionRecord {
  std::uint32_t announced_packet_bytes = 0;  ///< the packet that the MSS in our SYN invites the peer to send
  bool established = false;
  bool request_acknowledged = false;
  bool closed_by_peer = false;             ///< FIN or RST came: silence afterwards means nothing
  bool waited_in_full = false;             ///< the peer had time for retransmissions and the reply was still short
  std::uint64_t received_bytes = 0;        ///< of the reply, in order
  std::uint32_t largest_packet_bytes = 0;  ///< that arrived; 0 when not known
  TcpForward forward = TcpForward::kNotTested;
  std::uint32_t forward_packet_bytes = 0;  ///< size of our full-size packets; 0 when not tested
};

/// What was seen of one port.
struct TcpObservation {
  Family family = Family::kInet;
  std::uint16_t port = 0;
  TcpEvidence::State state = TcpEvidence::State::kSilent;
  std::optional<std::uint16_t> sent_mss_bytes;
  std::optional<std::uint16_t> peer_mss_bytes;
  std::vector<TcpConnectionRecord> connections;
  bool loss_seen = false;  ///< packets were lost whose size gets through
  std::vector<std::string> notes;
};

/// Draws the conclusions. A size is called lost only by contrast: a connection of a smaller size did get the same
/// thing through, and no larger size did. Without that contrast the silence becomes a note and the value stays null.
/// Where packets are lost by chance too, one connection may have failed by chance: then two must have, and the larger
/// counts.
TcpEvidence conclude_tcp(const TcpObservation& observation);

/// Replies to the same request may differ by this much (length of signatures) without anything being missing.
inline constexpr std::uint64_t kReplySlackBytes = 64;

/// Returns the IP packet size that an MSS stands for: RFC 9293 section 3.7.1, headers without options.
constexpr std::uint32_t packet_bytes_of_mss(Family family, std::uint32_t mss) {
  return mss + ip_header_bytes(family) + 20;
}

}  // namespace vpndoctor
