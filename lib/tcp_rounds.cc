// SPDX-License-Identifier: Apache-2.0
// Joins what rounds of TCP connections showed, and picks the sizes of the next round between the known bounds.
#include "vpndoctor/tcp_rounds.h"

#include <optional>

#include "size_ladder.h"

namespace vpndoctor {
namespace {

using Size = std::optional<std::uint32_t>;

void raise(Size& known, const Size& more) {
  if (more && known.value_or(0) < *more) known = more;
}

void lower(Size& known, const Size& less) {
  if (less && known.value_or(UINT32_MAX) > *less) known = less;
}

bool is_open(const Size& full, const Size& lost) { return full && lost && *lost > *full + 1; }

}  // namespace

void add_tcp_round(TcpEvidence& known, const TcpEvidence& round) {
  raise(known.forward_full_bytes, round.forward_full_bytes);
  lower(known.forward_lost_bytes, round.forward_lost_bytes);
  raise(known.reverse_full_bytes, round.reverse_full_bytes);
  lower(known.reverse_lost_bytes, round.reverse_lost_bytes);
  if (!known.peer_mss_bytes) known.peer_mss_bytes = round.peer_mss_bytes;
}

std::vector<std::uint32_t> open_tcp_sizes(const TcpEvidence& known, std::uint32_t most) {
  const bool there = is_open(known.forward_full_bytes, known.forward_lost_bytes);
  if (!there && !is_open(known.reverse_full_bytes, known.reverse_lost_bytes)) return {};
  const std::uint32_t full = there ? *known.forward_full_bytes : *known.reverse_full_bytes;
  const std::uint32_t lost = there ? *known.forward_lost_bytes : *known.reverse_lost_bytes;
  auto sizes = sizes_between(full, lost, most - 1);
  sizes.push_back(full);
  return sizes;
}

}  // namespace vpndoctor
