// SPDX-License-Identifier: Apache-2.0
// Contrasts TCP connections of different MSS. Knows nothing of how they were made.
#include "vpndoctor/tcp_evidence.h"

#include <fmt/format.h>

#include <algorithm>

namespace vpndoctor {
namespace {

constexpr std::uint32_t kTimestampOptionBytes = 12;

std::uint64_t longest_reply(const std::vector<TcpConnectionRecord>& records) {
  std::uint64_t longest = 0;
  for (const auto& record : records) longest = std::max(longest, record.received_bytes);
  return longest;
}

/// Silence counts only where the peer was asked, had the time, and did not hang up.
bool reply_fell_short(const TcpConnectionRecord& record, std::uint64_t longest) {
  return record.established && record.request_acknowledged && record.waited_in_full && !record.closed_by_peer &&
         record.largest_packet_bytes < record.announced_packet_bytes &&
         record.received_bytes + kReplySlackBytes < longest;
}

/// The longest reply that arrived on a connection of a smaller size; 0: there is none to compare with.
std::uint64_t smaller_reply(const std::vector<TcpConnectionRecord>& records, std::uint32_t below_bytes) {
  std::uint64_t longest = 0;
  for (const auto& record : records) {
    if (record.announced_packet_bytes < below_bytes) longest = std::max(longest, record.received_bytes);
  }
  return longest;
}

/// The smallest of the sizes that failed; where chance has a hand in it the second, as one of them may be chance.
std::optional<std::uint32_t> credible_loss(std::vector<std::uint32_t> failed, TcpEvidence& evidence, bool loss_seen) {
  std::sort(failed.begin(), failed.end());
  const std::size_t first = loss_seen ? 1 : 0;
  if (failed.size() > first) return failed[first];
  if (!failed.empty()) {
    evidence.notes.push_back(fmt::format("packets of {} bytes failed on a path that loses others too", failed.front()));
  }
  return std::nullopt;
}

void conclude_reverse(const TcpObservation& seen, TcpEvidence& evidence) {
  std::vector<std::uint32_t> failed;
  for (const auto& record : seen.connections) {
    if (record.largest_packet_bytes != 0) {
      evidence.reverse_full_bytes = std::max(evidence.reverse_full_bytes.value_or(0), record.largest_packet_bytes);
    }
    const std::uint64_t contrast = smaller_reply(seen.connections, record.announced_packet_bytes);
    if (!reply_fell_short(record, contrast)) continue;
    // A reply shorter than a full segment travelled in a packet of at most its own length.
    const auto whole_reply = std::min<std::uint64_t>(contrast + kTimestampOptionBytes, 65535);
    const auto packet = packet_bytes_of_mss(seen.family, static_cast<std::uint32_t>(whole_reply));
    failed.push_back(std::min(record.announced_packet_bytes, packet));
  }
  const auto lost = credible_loss(std::move(failed), evidence, seen.loss_seen);
  if (lost && evidence.reverse_full_bytes.value_or(0) >= *lost) {
    evidence.notes.push_back(
        fmt::format("a reply in packets of up to {} bytes did not come although packets of {} bytes did: not taken for "
                    "a size limit",
                    *lost, *evidence.reverse_full_bytes));
    return;
  }
  evidence.reverse_lost_bytes = lost;
}

void note_reverse_gaps(const TcpObservation& seen, TcpEvidence& evidence) {
  const bool asked = std::any_of(seen.connections.begin(), seen.connections.end(),
                                 [](const auto& record) { return record.request_acknowledged; });
  if (!asked || evidence.reverse_lost_bytes) return;
  const std::uint64_t longest = longest_reply(seen.connections);
  std::uint32_t invited = 0;
  for (const auto& record : seen.connections) invited = std::max(invited, record.announced_packet_bytes);
  if (longest == 0) {
    evidence.notes.emplace_back(
        "the port took our request and no reply arrived in order on any connection: way back not tested");
  } else if (evidence.reverse_full_bytes.value_or(0) < invited &&
             packet_bytes_of_mss(seen.family, static_cast<std::uint32_t>(std::min<std::uint64_t>(longest, 65535))) <
                 invited) {
    evidence.notes.push_back(
        fmt::format("the reply was {} bytes long, less than a packet of {} bytes holds", longest, invited));
  }
}

void conclude_forward(const TcpObservation& seen, TcpEvidence& evidence) {
  std::vector<std::uint32_t> failed;
  for (const auto& record : seen.connections) {
    if (record.forward == TcpForward::kAcknowledged) {
      evidence.forward_full_bytes = std::max(evidence.forward_full_bytes.value_or(0), record.forward_packet_bytes);
    } else if (record.forward == TcpForward::kUnacknowledged) {
      failed.push_back(record.forward_packet_bytes);
    }
  }
  const auto lost = credible_loss(std::move(failed), evidence, seen.loss_seen);
  if (!lost) return;
  if (!evidence.forward_full_bytes) {
    evidence.notes.push_back(fmt::format(
        "segments in packets of {} bytes were not acknowledged, but none of a smaller size was to compare with",
        *lost));
  } else if (*evidence.forward_full_bytes >= *lost) {
    evidence.notes.push_back(fmt::format(
        "segments in packets of {} bytes were not acknowledged although packets of {} bytes were: not taken for a size "
        "limit",
        *lost, *evidence.forward_full_bytes));
  } else {
    evidence.forward_lost_bytes = lost;
  }
}

}  // namespace

TcpEvidence conclude_tcp(const TcpObservation& observation) {
  TcpEvidence evidence;
  evidence.port = observation.port;
  evidence.state = observation.state;
  evidence.sent_mss_bytes = observation.sent_mss_bytes;
  evidence.peer_mss_bytes = observation.peer_mss_bytes;
  evidence.notes = observation.notes;
  if (observation.state != TcpEvidence::State::kOpen) return evidence;
  conclude_reverse(observation, evidence);
  note_reverse_gaps(observation, evidence);
  conclude_forward(observation, evidence);
  return evidence;
}

}  // namespace vpndoctor
