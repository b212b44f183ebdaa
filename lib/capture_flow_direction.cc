// SPDX-License-Identifier: Apache-2.0
// Follows one direction of a TCP connection; see the header. How TCP sends and acknowledges: RFC 9293, RFC 2018.
#include "capture_flow_direction.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

namespace vpndoctor {
namespace {

constexpr std::size_t kMaxRecent = 64;
constexpr std::size_t kMaxLost = 128;
constexpr std::size_t kMaxStuck = 24;
constexpr std::size_t kMaxGaps = 16;
constexpr std::size_t kMaxTooBig = 8;
/// Sequence numbers are counted from here, so that one before the first that was seen is no negative number.
constexpr std::uint64_t kSequenceBase = std::uint64_t{1} << 33U;
/// What a path without offload and without jumbo frames carries, where no SYN tells.
constexpr std::uint32_t kEthernetBytes = 1500;
/// Smaller packets are no full segments that became smaller, but the ends of what was sent.
constexpr std::uint32_t kLeastUnitBytes = 400;

template <class T>
void push_bounded(std::vector<T>& list, std::size_t most, T value) {
  if (list.size() >= most) list.erase(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(most / 2));
  list.push_back(std::move(value));
}

/// Keeps those that were sent most often.
void keep_stuck(std::vector<StuckBytes>& list, StuckBytes stuck) {
  if (list.size() >= kMaxStuck) {
    const auto least = std::ranges::min_element(list, {}, [](const StuckBytes& each) { return each.sent.size(); });
    if (least->sent.size() >= stuck.sent.size()) return;
    list.erase(least);
  }
  list.push_back(std::move(stuck));
}

StuckBytes stuck_bytes(const FlowPiece& piece) {
  StuckBytes stuck;
  stuck.size_bytes = piece.size_bytes;
  stuck.uncertain = piece.uncertain || piece.split_uncertain;
  stuck.is_split = piece.smallest_bytes < piece.size_bytes;
  stuck.sent.push_back(piece.first_at);
  stuck.sent.insert(stuck.sent.end(), piece.repeats.begin(), piece.repeats.end());
  return stuck;
}

/// One packet is lost once, however many pieces its bytes have become.
void add_lost(std::vector<SizeAt>& lost, const SizeAt& packet) {
  const bool known = std::ranges::any_of(lost, [&packet](const SizeAt& each) {
    return each.at == packet.at && each.size_bytes == packet.size_bytes && packet.packets == 1;
  });
  if (!known) push_bounded(lost, kMaxLost, packet);
}

void add_lost(std::vector<SizeAt>& lost, const FlowPiece& piece, std::size_t times) {
  if (times == 0) return;
  add_lost(lost, {piece.first_at, piece.size_bytes, piece.packets});
  for (std::size_t index = 0; index + 1 < times; ++index) add_lost(lost, {piece.repeats[index], piece.size_bytes, 1});
}

void add_gap(std::vector<GapSeen>& gaps, const FlowPiece& piece) {
  const auto same = std::ranges::find_if(gaps, [&piece](const GapSeen& gap) {
    return gap.since == piece.missing_since && gap.bytes == piece.missing_bytes;
  });
  GapSeen* gap = same == gaps.end() ? nullptr : &*same;
  if (gap == nullptr) {
    push_bounded(gaps, kMaxGaps, GapSeen{.since = piece.missing_since, .bytes = piece.missing_bytes});
    gap = &gaps.back();
  }
  if (!piece.is_seen()) return;
  gap->is_filled = true;
  gap->filled_bytes = std::max(gap->filled_bytes, piece.size_bytes);
  gap->filled_at = piece.last_at();
}

}  // namespace

std::optional<std::uint32_t> FlowHistory::full_bytes() const {
  constexpr std::uint32_t kTcpHeaderBytes = 20;
  if (!peer_mss_bytes && !own_mss_bytes) return std::nullopt;
  const std::uint32_t mss = std::min<std::uint32_t>(peer_mss_bytes.value_or(0xffff), own_mss_bytes.value_or(0xffff));
  return ip_header() + kTcpHeaderBytes + mss;
}

std::uint64_t FlowDirection::unwrap(std::uint32_t sequence) const {
  if (!pieces_.is_started() && !is_acknowledged_) return kSequenceBase + sequence;
  const std::uint64_t near = pieces_.is_started() ? pieces_.end() : acknowledged_;
  const auto offset = static_cast<std::int32_t>(sequence - static_cast<std::uint32_t>(near));
  return near + static_cast<std::uint64_t>(static_cast<std::int64_t>(offset));
}

/// The size of the packets that offload makes of a larger segment; 0 when nothing tells.
std::uint32_t FlowDirection::unit_bytes() const {
  return reduced_unit_bytes_ != 0 ? reduced_unit_bytes_ : history_.full_bytes().value_or(0);
}

/// Tells what the segment is on the wire. Only its whole packets: the caller puts down a smaller rest by itself.
FlowSend FlowDirection::measure(const CapturedSegment& segment) const {
  FlowSend send;
  send.at = segment.at;
  send.identification = segment.identification;
  send.from = unwrap(segment.sequence);
  send.to = send.from + segment.payload_bytes + (segment.fin ? 1U : 0U);
  send.size_bytes = segment.packet_bytes();
  const std::uint32_t unit = unit_bytes();
  const std::uint32_t unit_payload = unit > segment.header_bytes ? unit - segment.header_bytes : 0;
  const std::uint32_t tcp_and_ip = history_.ip_header() + 20;
  const std::uint32_t most = history_.peer_mss_bytes ? *history_.peer_mss_bytes + tcp_and_ip : kEthernetBytes;
  const bool whole = unit_payload != 0 && segment.payload_bytes % unit_payload == 0;
  // Where the card splits, what is above the size that the sender has come down to is several packets.
  const bool above_reduced = reduced_unit_bytes_ != 0 && history_.offloaded > 0;
  const bool merged = send.size_bytes > most || (send.size_bytes > unit && (whole || above_reduced));
  if (merged && unit_payload != 0 && unit < send.size_bytes) {
    send.packets = segment.payload_bytes / unit_payload;
    send.size_bytes = unit;
    send.uncertain = !whole;
    send.to = send.from + std::uint64_t{send.packets} * unit_payload;
    return send;
  }
  const auto full = history_.full_bytes();
  send.uncertain = send.size_bytes > most || (full && send.size_bytes > *full);
  return send;
}

/// A sender that makes its packets smaller has learnt something; those that it sends later are of the new size.
void FlowDirection::learn_unit(const FlowSend& send) {
  if (send.size_bytes < kLeastUnitBytes || send.packets > 1) return;
  if (reduced_unit_bytes_ != 0 && send.size_bytes > reduced_unit_bytes_) reduced_unit_bytes_ = send.size_bytes;
  const auto piece =
      std::ranges::find_if(pieces_.all(), [&send](const FlowPiece& each) { return each.from == send.from; });
  if (piece != pieces_.all().end() && piece->latest_bytes == send.size_bytes && piece->size_bytes > send.size_bytes)
    reduced_unit_bytes_ = send.size_bytes;
}

void FlowDirection::count(SendKind kind, const FlowSend& send, std::uint32_t payload_bytes) {
  if (kind == SendKind::kDuplicate || payload_bytes == 0) return;
  const bool again = kind == SendKind::kAgain || (kind == SendKind::kOld && payload_bytes > 1);
  if (again) history_.retransmitted += send.packets;
  if (kind == SendKind::kNew) history_.sent_first[passed_class(send.size_bytes)] += send.packets;
  if (again && send.size_bytes >= history_.largest_sent_bytes && send.size_bytes >= kLeastUnitBytes)
    history_.retransmitted_full += send.packets;
  history_.largest_sent_bytes = std::max(history_.largest_sent_bytes, send.size_bytes);
}

void FlowDirection::put_down(const CapturedSegment& segment, FlowSend send) {
  const std::uint64_t end = send.from + segment.payload_bytes + (segment.fin ? 1U : 0U);
  if (send.packets > 1 || send.size_bytes < segment.packet_bytes()) ++history_.offloaded;
  const SendKind kind = pieces_.send(send);
  count(kind, send, segment.payload_bytes);
  if (kind == SendKind::kAgain || kind == SendKind::kNew) learn_unit(send);
  if (send.to >= end) return;
  FlowSend rest = send;
  rest.from = send.to;
  rest.to = end;
  rest.packets = 1;
  rest.size_bytes = segment.header_bytes + static_cast<std::uint32_t>(end - send.to);
  pieces_.send(rest);
}

void FlowDirection::send(const CapturedSegment& segment) {
  ++history_.packets;
  history_.data_bytes += segment.payload_bytes;
  history_.last_at = std::max(history_.last_at, segment.at);
  if (segment.syn) {
    if (segment.mss_bytes && *segment.mss_bytes != 0) history_.own_mss_bytes = segment.mss_bytes;
    if (!first_sequence_) first_sequence_ = segment.sequence;
    FlowSend syn{.from = unwrap(segment.sequence), .size_bytes = segment.header_bytes, .at = segment.at};
    syn.to = syn.from + 1;
    pieces_.send(syn);
    return;
  }
  if (segment.payload_bytes == 0 && !segment.fin) {
    history_.sent_pure_ack = history_.sent_pure_ack || (segment.ack && !segment.rst);
    return;
  }
  const FlowSend send = measure(segment);
  // A receiver without room drops what arrives: that is no loss on the way.
  if (peer_window_ == 0 && send.from < pieces_.end()) return;
  put_down(segment, send);
}

void FlowDirection::hear(const CapturedSegment& from_peer) {
  history_.peer_last_at = std::max(history_.peer_last_at, from_peer.at);
  if (from_peer.syn && from_peer.mss_bytes && *from_peer.mss_bytes != 0) history_.peer_mss_bytes = from_peer.mss_bytes;
  history_.is_cut = history_.is_cut || from_peer.options_cut;
  if (!from_peer.ack || from_peer.rst) return;
  const std::uint64_t acknowledged = unwrap(from_peer.acknowledgment);
  if (!is_acknowledged_ || acknowledged > acknowledged_) {
    if (pieces_.is_started() && acknowledged > pieces_.end()) history_.missed_bytes += acknowledged - pieces_.end();
    resolve(pieces_.take_below(acknowledged));
    acknowledged_ = acknowledged;
    is_acknowledged_ = true;
    history_.duplicate_acks = 0;
  } else if (acknowledged == acknowledged_ && from_peer.payload_bytes == 0 && !from_peer.fin &&
             from_peer.window == peer_window_ && !pieces_.all().empty()) {
    ++history_.duplicate_acks;
    history_.duplicate_ack_at = from_peer.at;
  }
  peer_window_ = from_peer.window;
  take_sack(from_peer);
}

void FlowDirection::take_sack(const CapturedSegment& from_peer) {
  for (const SackBlock& block : from_peer.sacked()) {
    const std::uint64_t from = unwrap(block.from);
    const std::uint64_t to = unwrap(block.to);
    // A block below the acknowledged number reports a duplicate (RFC 2883); one beyond what was seen is not from here.
    if (from < acknowledged_ || to <= from || to > pieces_.end()) continue;
    history_.saw_sack = true;
    resolve(pieces_.take_between(from, to));
  }
}

void FlowDirection::resolve(const std::vector<FlowPiece>& pieces) {
  for (const FlowPiece& piece : pieces) resolve(piece);
}

void FlowDirection::resolve(const FlowPiece& piece) {
  if (!piece.is_seen()) {
    history_.missed_bytes += piece.to - piece.from;
    return;
  }
  if (piece.missing_bytes != 0) add_gap(history_.gaps, piece);
  const std::size_t times = 1 + piece.repeats.size();
  if (piece.latest_bytes == piece.size_bytes) {
    const bool uncertain = piece.uncertain || piece.smallest_bytes != piece.size_bytes;
    add_lost(history_.lost, piece, times - 1);
    pass(piece.size_bytes, piece.last_at(), piece.packets, uncertain);
    return;
  }
  add_lost(history_.lost, piece, times);
  keep_stuck(history_.stuck, stuck_bytes(piece));
  pass(piece.smallest_bytes, piece.small_at, 1, piece.uncertain || piece.split_uncertain);
}

void FlowDirection::pass(std::uint32_t size, CaptureTime at, std::uint32_t packets, bool uncertain) {
  PassedSizes& passed = history_.passed[passed_class(size)];
  passed.packets += packets;
  passed.largest_bytes = std::max(passed.largest_bytes, size);
  passed.last_sent_at = std::max(passed.last_sent_at, at);
  if (!uncertain) history_.largest_passed_bytes = std::max(history_.largest_passed_bytes, size);
  push_bounded(history_.recent_passed, kMaxRecent, {at, size, packets});
}

/// Takes a message only when the quoted segment is one that is under way: others are forged, or late.
void FlowDirection::refuse(const CapturedTooBig& message) {
  if (!pieces_.is_started() || message.about != history_.ends) return;
  const std::uint64_t sequence = unwrap(message.sequence);
  if (sequence >= pieces_.end() || (is_acknowledged_ && sequence < acknowledged_)) return;
  if (history_.too_big.size() < kMaxTooBig)
    history_.too_big.push_back({message.from, message.mtu_bytes, message.quoted_bytes, message.at});
  if (message.mtu_bytes >= kLeastUnitBytes && (unit_bytes() == 0 || message.mtu_bytes < unit_bytes()))
    reduced_unit_bytes_ = message.mtu_bytes;
}

bool FlowDirection::is_other_start(const CapturedSegment& syn) const {
  return pieces_.is_started() && first_sequence_ != syn.sequence;
}

FlowHistory FlowDirection::history() const {
  constexpr std::chrono::milliseconds kAnswerWithin{200};
  FlowHistory history = history_;
  history.is_cut = history.is_cut || pieces_.is_cut();
  for (const FlowPiece& piece : pieces_.all()) {
    if (!piece.is_seen()) {
      if (piece.missing_bytes != 0) add_gap(history.gaps, piece);
      continue;
    }
    const bool again = !piece.repeats.empty() || piece.smallest_bytes < piece.size_bytes;
    if (again) keep_stuck(history.stuck, stuck_bytes(piece));
    if (!again && history.peer_last_at < piece.first_at + kAnswerWithin) continue;
    // Without SACK nobody says what arrived behind bytes that are missing.
    if (!again && !history.saw_sack) {
      push_bounded(history.unanswered, kMaxLost, {piece.first_at, piece.size_bytes, piece.packets});
    } else {
      add_lost(history.lost, piece, 1 + piece.repeats.size());
    }
  }
  return history;
}

}  // namespace vpndoctor
