// SPDX-License-Identifier: Apache-2.0
// Judges nothing: the size of a first fragment is a fact, what it means for the path is the search's business.
#include "vpndoctor/reply_fragment_log.h"

#include <algorithm>

namespace vpndoctor {

bool ReplyFragmentLog::is_ours(const IpPacket& packet) const {
  const std::uint8_t icmp = flow_.target.family == Family::kInet ? kProtocolIcmp : kProtocolIcmp6;
  if (packet.source != flow_.target || packet.destination != flow_.source || packet.protocol != icmp) return false;
  if (packet.fragment_offset_bytes != 0) return true;
  const std::optional<IcmpMessage> message = decode_icmp(flow_.target.family, packet.payload);
  return message && message->kind == IcmpKind::kEchoReply && message->echo_id == flow_.icmp_id &&
         cookie_fits(flow_, message->body);
}

bool ReplyFragmentLog::note(const IpPacket& packet) {
  if (!packet.is_fragment() || !is_ours(packet)) return false;
  if (packet.more_fragments) saw_body_ = true;
  if (packet.fragment_offset_bytes == 0) largest_first_bytes_ = std::max(largest_first_bytes_, packet.total_bytes);
  if (packet.fragment_offset_bytes != 0 && !packet.more_fragments) {
    saw_tail_ = true;
    // The capture keeps the beginning only: the sizes are what the headers say, without IPv6's fragment header.
    constexpr std::uint32_t kFragmentHeaderBytes = 8;
    const std::uint32_t extra = flow_.target.family == Family::kInet ? 0 : kFragmentHeaderBytes;
    const std::uint32_t whole = packet.fragment_offset_bytes + packet.total_bytes - extra;
    smallest_whole_bytes_ = smallest_whole_bytes_ == 0 ? whole : std::min(smallest_whole_bytes_, whole);
  }
  return true;
}

std::optional<ReplyFragments> ReplyFragmentLog::result() const {
  ReplyFragments fragments;
  if (largest_first_bytes_ != 0) fragments.first_fragment_bytes = largest_first_bytes_;
  if (largest_first_bytes_ != 0 && smallest_whole_bytes_ != 0)
    fragments.smallest_fragmented_bytes = smallest_whole_bytes_;
  fragments.only_tail_arrived = saw_tail_ && !saw_body_;
  if (!saw_body_ && !saw_tail_) return std::nullopt;
  return fragments;
}

}  // namespace vpndoctor
