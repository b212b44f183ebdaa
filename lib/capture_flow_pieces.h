// SPDX-License-Identifier: Apache-2.0
// The bytes of one direction of a TCP connection that nobody has acknowledged yet: in packets of which sizes they were
// sent, how often, and when. What was acknowledged is handed back piece by piece. Judges nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

namespace vpndoctor {

using CaptureTime = std::chrono::system_clock::time_point;

/// A stretch of sequence numbers with one history. Sequence numbers are 64 bits wide: they do not wrap.
struct FlowPiece {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::uint32_t size_bytes = 0;            ///< the largest packet it was sent in; 0: it was not seen
  std::uint32_t smallest_bytes = 0;        ///< the smallest one
  std::uint32_t latest_bytes = 0;          ///< the latest one
  std::uint32_t packets = 1;               ///< of that size, that were first sent together
  bool uncertain = false;                  ///< the sizes are those that offload is presumed to make
  bool split_uncertain = false;            ///< so is the smaller one
  std::uint16_t first_identification = 0;  ///< IPv4's, of the latest packets; 0: none
  std::uint16_t last_identification = 0;
  std::uint32_t missing_bytes = 0;  ///< of the gap that it was a part of when first noticed; 0: it was none
  CaptureTime missing_since;
  CaptureTime first_at;              ///< first sent, or found missing
  CaptureTime small_at;              ///< last sent in a smaller packet than the largest
  std::vector<CaptureTime> repeats;  ///< sent again in a packet of the largest size

  bool is_seen() const { return size_bytes != 0; }
  CaptureTime last_at() const { return repeats.empty() ? first_at : repeats.back(); }
};

/// One segment, as it is put down.
struct FlowSend {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::uint32_t size_bytes = 0;  ///< of a packet on the wire
  std::uint32_t packets = 1;     ///< that offload makes of it
  bool uncertain = false;
  std::uint16_t identification = 0;  ///< IPv4's; 0: none
  CaptureTime at;
};

enum class SendKind : std::uint8_t {
  kNew,
  kAgain,      ///< bytes that were seen before and are not acknowledged
  kLate,       ///< bytes that were missing: out of order, or sent again before the capture saw them
  kDuplicate,  ///< the same packet, seen twice by the capture
  kOld,        ///< bytes that were acknowledged before
};

class FlowPieces {
 public:
  /// Puts a segment down; what was skipped before it becomes a piece that was not seen.
  SendKind send(const FlowSend& send);
  /// Removes what is below `to` and returns it, in order.
  std::vector<FlowPiece> take_below(std::uint64_t to);
  /// Removes what lies in between and returns it, in order.
  std::vector<FlowPiece> take_between(std::uint64_t from, std::uint64_t to);

  const std::vector<FlowPiece>& all() const { return pieces_; }
  std::uint64_t end() const { return end_; }
  bool is_started() const { return is_started_; }
  void start(std::uint64_t at);
  /// True when there were more pieces than are kept.
  bool is_cut() const { return is_cut_; }

 private:
  std::size_t split(std::uint64_t at);
  void append(const FlowSend& send);
  SendKind repeat(const FlowSend& send);

  std::vector<FlowPiece> pieces_;  ///< ordered, disjoint
  std::uint64_t end_ = 0;          ///< the highest number that was sent
  bool is_started_ = false;
  bool is_cut_ = false;
};

}  // namespace vpndoctor
