// SPDX-License-Identifier: Apache-2.0
// Finds MTU black holes that happened, in the TCP flows of a capture: full segments that are sent again and again while
// smaller ones are acknowledged, too-big messages that came or did not. Takes packets one by one. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/captured_packet.h"
#include "vpndoctor/finding.h"
#include "vpndoctor/ip.h"

namespace [[gnu::visibility("default")]] vpndoctor {

enum class FlowMtuStatus : std::uint8_t {
  kClear,         ///< full segments were acknowledged
  kBlackHole,     ///< full segments vanish, smaller ones arrive, and nobody said why
  kSignalled,     ///< full segments vanished until a too-big message made them smaller
  kLossy,         ///< segments of all sizes were lost
  kUndetermined,  ///< too few packets to tell
};
const char* flow_mtu_status_name(FlowMtuStatus status);

/// One direction of one TCP connection.
struct FlowMtu {
  IpAddress source;
  std::uint16_t source_port = 0;
  IpAddress destination;
  std::uint16_t destination_port = 0;
  FlowMtuStatus status = FlowMtuStatus::kUndetermined;
  Confidence confidence = Confidence::kSuspected;
  std::optional<std::uint16_t> announced_mss_bytes;         ///< by the receiver's SYN; null: not in the capture
  std::optional<std::uint32_t> largest_acknowledged_bytes;  ///< IP packet, header included; null: none
  std::optional<std::uint32_t> smallest_lost_bytes;  ///< the smallest size that was never acknowledged; null: none
  std::uint64_t packets = 0;
  std::uint64_t data_bytes = 0;
  std::uint64_t retransmitted = 0;       ///< segments
  std::uint64_t retransmitted_full = 0;  ///< of them, those of the largest size
  std::uint32_t offloaded = 0;           ///< segments that the card splits or joined (GRO, TSO): no packets of the wire
  std::optional<std::uint32_t> too_big_mtu_bytes;  ///< of a too-big message for this flow; null: none was seen
  std::optional<IpAddress> too_big_from;
  std::string why;                          ///< what the status rests on, one sentence
  std::optional<std::uint32_t> full_bytes;  ///< IP packet of a full segment by the MSS of both ends; null: not known
  std::uint32_t sent_in_vain = 0;           ///< how often one segment of the lost size was sent; 0: it was not seen
  std::uint64_t smaller_acknowledged = 0;   ///< packets below the lost size that arrived after its first loss
  std::optional<double> false_claim_probability;  ///< that chance alone lost every one of that size; null: no claim
  bool got_through_smaller = false;               ///< the lost bytes were sent again in smaller packets, which arrived
  bool is_message_ignored = false;                ///< packets above the MTU of a too-big message were sent after it
};

/// What a capture says about packet sizes.
struct CaptureFlows {
  std::string file;
  std::uint64_t packets = 0;
  std::uint64_t not_decoded = 0;  ///< no IP, or malformed
  std::uint64_t cut = 0;          ///< by the snap length, before the TCP header's end
  bool is_cut = false;            ///< more flows than are kept
  std::vector<FlowMtu> flows;     ///< those with a problem first, then by packets
  std::vector<std::string> limits;
};

class CaptureFlowReader {
 public:
  CaptureFlowReader();
  ~CaptureFlowReader();
  CaptureFlowReader(CaptureFlowReader&&) noexcept;
  CaptureFlowReader& operator=(CaptureFlowReader&&) noexcept;

  void take(const CapturedPacket& packet);
  CaptureFlows result() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Findings (codes of MTU): one for all flows of the same cause.
std::vector<Finding> judge_capture_flows(const CaptureFlows& flows);

}  // namespace vpndoctor
