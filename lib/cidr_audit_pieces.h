// SPDX-License-Identifier: Apache-2.0
// The answers for every destination of a list, cut to what the list covers and joined where neighbours go the same way.
#pragma once

#include <cstdint>
#include <set>
#include <string_view>
#include <vector>

#include "address_number.h"
#include "vpndoctor/fib.h"
#include "vpndoctor/prefix.h"

namespace vpndoctor {

/// One of the ways that flows to a destination take.
struct PieceWay {
  std::string_view interface;    ///< empty: nowhere
  const Route* route = nullptr;  ///< null: none decided
  double share = 1;              ///< of the flows, by the weights of the legs; 0 where a neighbour's state decides
  auto operator<=>(const PieceWay&) const = default;
};

/// What decides between interfaces, and which they are: at least two.
struct PartedWays {
  DependsOn decided_by = DependsOn::kHash;
  std::vector<PieceWay> ways;
  auto operator<=>(const PartedWays&) const = default;
};

/// Consecutive destinations with the same answer.
struct Piece {
  AddressNumber first;
  AddressNumber last;
  PieceWay way;
  const PartedWays* parted = nullptr;  ///< null: every flow goes the one `way`
  std::string_view uncertain;
  bool is_own = false;      ///< this machine's own addresses and its networks' broadcast addresses
  bool is_neutral = false;  ///< these, and multicast: nobody expects them in a tunnel

  bool goes_on_as(const Piece& next) const {
    return way == next.way && parted == next.parted && uncertain == next.uncertain && is_own == next.is_own &&
           is_neutral == next.is_neutral && last.next() == next.first;
  }
};

struct Pieces {
  std::vector<Piece> list;      ///< ascending
  std::set<PartedWays> parted;  ///< what they point to
};

/// Returns the pieces that overlap the aggregated list, for flows that equal `flow` but for their destination, of whose
/// family they are.
Pieces pieces_of(const Fib& fib, const Snapshot& snapshot, const std::vector<IpPrefix>& aggregated, const Flow& flow);

}  // namespace vpndoctor
