// SPDX-License-Identifier: Apache-2.0
// One direction of a TCP connection: takes its segments, the other side's acknowledgements and the too-big messages,
// and keeps which packet sizes were acknowledged and which were lost. Judges nothing.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "capture_flow_pieces.h"
#include "captured_segment.h"

namespace vpndoctor {

/// Acknowledged packets of about one size.
struct PassedSizes {
  std::uint64_t packets = 0;
  std::uint32_t largest_bytes = 0;
  CaptureTime last_sent_at;
};
inline constexpr std::uint32_t kPassedWidthBytes = 64;
inline constexpr std::size_t kPassedClasses = 26;  ///< the last one is for all that is larger
constexpr std::size_t passed_class(std::uint32_t size_bytes) {
  return std::min<std::size_t>(size_bytes / kPassedWidthBytes, kPassedClasses - 1);
}

/// One packet, or `packets` that were sent together.
struct SizeAt {
  CaptureTime at;
  std::uint32_t size_bytes = 0;
  std::uint32_t packets = 1;
};

/// Bytes that were sent again and again in packets of one size, in vain.
struct StuckBytes {
  std::uint32_t size_bytes = 0;
  bool uncertain = false;
  bool is_split = false;          ///< they got through in smaller packets
  std::vector<CaptureTime> sent;  ///< each time, in order
};

/// A gap as a capture near the receiver sees it.
struct GapSeen {
  CaptureTime since;
  std::uint32_t bytes = 0;
  bool is_filled = false;          ///< by packets that were acknowledged
  std::uint32_t filled_bytes = 0;  ///< the largest of them
  CaptureTime filled_at = {};
};

struct TooBigSeen {
  IpAddress from;
  std::uint32_t mtu_bytes = 0;
  std::uint32_t quoted_bytes = 0;
  CaptureTime at;
};

/// What became of the packets of one direction.
struct FlowHistory {
  FlowEnds ends;
  std::optional<std::uint16_t> peer_mss_bytes;  ///< in the receiver's SYN
  std::optional<std::uint16_t> own_mss_bytes;   ///< in the sender's
  std::uint64_t packets = 0;
  std::uint64_t data_bytes = 0;
  std::uint64_t retransmitted = 0;
  std::uint64_t retransmitted_full = 0;
  std::uint32_t offloaded = 0;
  std::uint32_t largest_sent_bytes = 0;
  std::uint32_t largest_passed_bytes = 0;  ///< without what is presumed only
  std::array<PassedSizes, kPassedClasses> passed{};
  std::array<std::uint64_t, kPassedClasses> sent_first{};  ///< packets of new bytes, by the same classes of size
  std::vector<SizeAt> recent_passed;                       ///< the latest, smaller than the full size
  std::vector<SizeAt> lost;                                ///< the latest
  std::vector<SizeAt> unanswered;  ///< sent once behind lost bytes, where the receiver does not tell what arrived
  std::vector<StuckBytes> stuck;
  std::vector<GapSeen> gaps;
  std::vector<TooBigSeen> too_big;
  std::uint64_t missed_bytes = 0;    ///< acknowledged, but not in the capture
  std::uint32_t duplicate_acks = 0;  ///< since something was last acknowledged
  CaptureTime duplicate_ack_at;
  CaptureTime last_at;       ///< of this direction's packets
  CaptureTime peer_last_at;  ///< of the other direction's
  bool sent_pure_ack = false;
  bool saw_sack = false;  ///< the receiver tells what arrived out of order
  bool is_cut = false;    ///< more pieces than are kept, or options cut by the snap length

  /// IP header without options.
  std::uint32_t ip_header() const { return ip_header_bytes(ends.source.family); }
  /// The size of a full packet by the MSS of both SYNs; null when neither is in the capture.
  std::optional<std::uint32_t> full_bytes() const;
};

class FlowDirection {
 public:
  explicit FlowDirection(const FlowEnds& ends) { history_.ends = ends; }

  void send(const CapturedSegment& segment);
  /// Takes a segment of the other direction.
  void hear(const CapturedSegment& from_peer);
  void refuse(const CapturedTooBig& message);
  /// True when the SYN is not the one that this direction began with.
  bool is_other_start(const CapturedSegment& syn) const;
  /// What is known now, with what is still not acknowledged.
  FlowHistory history() const;

 private:
  std::uint64_t unwrap(std::uint32_t sequence) const;
  FlowSend measure(const CapturedSegment& segment) const;
  std::uint32_t unit_bytes() const;
  void put_down(const CapturedSegment& segment, FlowSend send);
  void count(SendKind kind, const FlowSend& send, std::uint32_t payload_bytes);
  void learn_unit(const FlowSend& send);
  void take_sack(const CapturedSegment& from_peer);
  void resolve(const std::vector<FlowPiece>& pieces);
  void resolve(const FlowPiece& piece);
  void pass(std::uint32_t size, CaptureTime at, std::uint32_t packets, bool uncertain);

  FlowHistory history_;
  FlowPieces pieces_;
  std::optional<std::uint32_t> first_sequence_;  ///< of the SYN
  std::uint64_t acknowledged_ = 0;
  std::uint32_t reduced_unit_bytes_ = 0;  ///< what full packets became after a loss or a message; 0: nothing
  std::uint16_t peer_window_ = 1;
  bool is_acknowledged_ = false;  ///< `acknowledged_` is set
};

}  // namespace vpndoctor
