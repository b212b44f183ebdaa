// SPDX-License-Identifier: Apache-2.0
// Keeps the unacknowledged pieces of a flow; see the header.
#include "capture_flow_pieces.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

namespace vpndoctor {
namespace {

/// A window full of holes has no more pieces than this, or the flow is not judged.
constexpr std::size_t kMaxPieces = 96;
constexpr std::size_t kMaxRepeats = 24;
/// Without an identification field, what comes so soon again is one packet that the capture saw twice.
constexpr std::chrono::microseconds kDuplicateWithin{100};
/// With the same identification field, it is the same packet even later.
constexpr std::chrono::milliseconds kSamePacketWithin{50};

/// The packets of a piece are shared out when it is split.
std::uint32_t share(std::uint32_t packets, std::uint64_t part, std::uint64_t whole) {
  if (packets <= 1 || whole == 0) return packets;
  return static_cast<std::uint32_t>(std::max<std::uint64_t>(1, (packets * part + whole / 2) / whole));
}

bool can_join(const FlowPiece& last, const FlowSend& send) {
  return last.is_seen() && last.to == send.from && last.size_bytes == send.size_bytes &&
         last.smallest_bytes == send.size_bytes && last.repeats.empty() && last.uncertain == send.uncertain;
}

void identify(FlowPiece& piece, const FlowSend& send) {
  piece.first_identification = piece.last_identification = send.identification;
}

/// True when the capture saw one packet twice, as one on all interfaces of a router does.
bool is_duplicate(const FlowPiece& piece, const FlowSend& send) {
  const auto passed = send.at - std::max(piece.last_at(), piece.small_at);
  if (send.identification == 0) return piece.latest_bytes == send.size_bytes && passed < kDuplicateWithin;
  const auto place = static_cast<std::uint16_t>(send.identification - piece.first_identification);
  const auto length = static_cast<std::uint16_t>(piece.last_identification - piece.first_identification);
  return place <= length && passed < kSamePacketWithin;
}

void note_larger(FlowPiece& piece, const FlowSend& send) {
  identify(piece, send);
  piece.size_bytes = piece.latest_bytes = send.size_bytes;
  if (piece.smallest_bytes == 0) piece.smallest_bytes = send.size_bytes;
  piece.first_at = send.at;
  piece.uncertain = send.uncertain;
  piece.repeats.clear();
}

/// Adds what became of the piece's bytes this time. The larger packet is the one whose fate is asked for.
void note(FlowPiece& piece, const FlowSend& send) {
  if (send.size_bytes > piece.size_bytes) return note_larger(piece, send);
  // What was presumed of a merged segment is corrected by a packet that offload did not make.
  if (piece.uncertain && !send.uncertain) {
    piece.size_bytes = piece.smallest_bytes = send.size_bytes;
    piece.uncertain = false;
  }
  identify(piece, send);
  piece.latest_bytes = send.size_bytes;
  if (send.size_bytes < piece.size_bytes) {
    piece.split_uncertain = piece.split_uncertain || send.uncertain;
    piece.smallest_bytes = std::min(piece.smallest_bytes, send.size_bytes);
    piece.small_at = send.at;
    return;
  }
  if (piece.repeats.size() < kMaxRepeats) {
    piece.repeats.push_back(send.at);
  } else {
    piece.repeats.back() = send.at;
  }
}

}  // namespace

void FlowPieces::start(std::uint64_t at) {
  end_ = at;
  is_started_ = true;
}

/// Makes `at` a border and returns the index of the first piece that begins there or behind it.
std::size_t FlowPieces::split(std::uint64_t at) {
  const auto found = std::ranges::find_if(pieces_, [at](const FlowPiece& piece) { return piece.to > at; });
  const auto index = static_cast<std::size_t>(found - pieces_.begin());
  if (found == pieces_.end() || found->from >= at) return index;
  FlowPiece tail = *found;
  const std::uint64_t whole = found->to - found->from;
  tail.from = at;
  tail.packets = share(found->packets, tail.to - at, whole);
  found->packets = share(found->packets, at - found->from, whole);
  found->to = at;
  pieces_.insert(std::next(found), std::move(tail));
  return index + 1;
}

void FlowPieces::append(const FlowSend& send) {
  if (send.from > end_) {
    FlowPiece missing;
    missing.from = end_;
    missing.to = send.from;
    missing.first_at = missing.missing_since = send.at;
    missing.missing_bytes = static_cast<std::uint32_t>(std::min<std::uint64_t>(send.from - end_, 0xffffffff));
    pieces_.push_back(std::move(missing));
  }
  if (!pieces_.empty() && can_join(pieces_.back(), send)) {
    pieces_.back().to = send.to;
    pieces_.back().packets += send.packets;
    pieces_.back().first_at = send.at;
    pieces_.back().last_identification = send.identification;
    return;
  }
  FlowPiece piece;
  piece.from = send.from;
  piece.to = send.to;
  piece.size_bytes = piece.smallest_bytes = piece.latest_bytes = send.size_bytes;
  piece.packets = send.packets;
  piece.uncertain = send.uncertain;
  piece.first_at = send.at;
  identify(piece, send);
  pieces_.push_back(std::move(piece));
}

SendKind FlowPieces::repeat(const FlowSend& send) {
  const std::size_t first = split(send.from);
  const std::size_t last = split(send.to);
  if (first == last) return SendKind::kOld;
  SendKind kind = SendKind::kLate;
  for (std::size_t index = first; index < last; ++index) {
    FlowPiece& piece = pieces_[index];
    if (!piece.is_seen()) {
      note_larger(piece, send);
      continue;
    }
    if (is_duplicate(piece, send)) return SendKind::kDuplicate;
    note(piece, send);
    kind = SendKind::kAgain;
  }
  return kind;
}

SendKind FlowPieces::send(const FlowSend& send) {
  if (!is_started_) start(send.from);
  SendKind kind = SendKind::kNew;
  FlowSend rest = send;
  if (send.from < end_) {
    FlowSend before = send;
    before.to = std::min(send.to, end_);
    kind = repeat(before);
    rest.from = end_;
  }
  if (rest.from < rest.to) {
    append(rest);
    end_ = rest.to;
  }
  if (pieces_.size() > kMaxPieces) {
    pieces_.erase(pieces_.begin(), pieces_.begin() + kMaxPieces / 2);
    is_cut_ = true;
  }
  return kind;
}

std::vector<FlowPiece> FlowPieces::take_below(std::uint64_t to) {
  if (!is_started_) return {};
  std::vector<FlowPiece> taken = take_between(0, to);
  end_ = std::max(end_, to);
  return taken;
}

std::vector<FlowPiece> FlowPieces::take_between(std::uint64_t from, std::uint64_t to) {
  if (from >= to) return {};
  const std::size_t first = split(from);
  const std::size_t last = split(to);
  if (first >= last) return {};
  const auto begin = pieces_.begin() + static_cast<std::ptrdiff_t>(first);
  const auto end = pieces_.begin() + static_cast<std::ptrdiff_t>(last);
  std::vector<FlowPiece> taken(std::make_move_iterator(begin), std::make_move_iterator(end));
  pieces_.erase(begin, end);
  return taken;
}

}  // namespace vpndoctor
