// SPDX-License-Identifier: Apache-2.0
// Rounds of TCP connections against paths whose limits are known.
#include "vpndoctor/tcp_rounds.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace vpndoctor {
namespace {

/// What connections of these sizes show on a path with these limits.
TcpEvidence round_of(const std::vector<std::uint32_t>& sizes, std::uint32_t forward_limit,
                     std::uint32_t reverse_limit) {
  TcpEvidence evidence;
  for (const std::uint32_t size : sizes) {
    auto& there = size <= forward_limit ? evidence.forward_full_bytes : evidence.forward_lost_bytes;
    there = size <= forward_limit ? std::max(there.value_or(0), size) : std::min(there.value_or(UINT32_MAX), size);
    auto& back = size <= reverse_limit ? evidence.reverse_full_bytes : evidence.reverse_lost_bytes;
    back = size <= reverse_limit ? std::max(back.value_or(0), size) : std::min(back.value_or(UINT32_MAX), size);
  }
  return evidence;
}

TEST(TcpRounds, CloseInOnBothLimitsToTheByte) {
  std::mt19937 random(7);
  std::uniform_int_distribution<std::uint32_t> limit(1280, 1500);
  for (int i = 0; i < 500; ++i) {
    const std::uint32_t there = limit(random);
    const std::uint32_t back = limit(random);
    TcpEvidence known = round_of({1280, 1500}, there, back);
    int rounds = 1;
    for (auto sizes = open_tcp_sizes(known, 3); !sizes.empty(); sizes = open_tcp_sizes(known, 3)) {
      ASSERT_LE(sizes.size(), 3U);
      ASSERT_LE(++rounds, 12);
      add_tcp_round(known, round_of(sizes, there, back));
    }
    EXPECT_EQ(known.forward_full_bytes, there);
    EXPECT_EQ(known.reverse_full_bytes, back);
    EXPECT_EQ(known.forward_lost_bytes, there == 1500 ? std::nullopt : std::optional(there + 1));
    EXPECT_EQ(known.reverse_lost_bytes, back == 1500 ? std::nullopt : std::optional(back + 1));
  }
}

TEST(TcpRounds, EveryRoundHasASizeThatPassesForContrast) {
  const TcpEvidence known = round_of({1280, 1500}, 1400, 1500);
  const auto sizes = open_tcp_sizes(known, 3);
  EXPECT_NE(std::find(sizes.begin(), sizes.end(), 1280U), sizes.end());
}

TEST(TcpRounds, NothingIsOpenWithoutALoss) {
  EXPECT_TRUE(open_tcp_sizes(round_of({1280, 1500}, 1500, 1500), 3).empty());
  EXPECT_TRUE(open_tcp_sizes(TcpEvidence{}, 3).empty());
}

TEST(TcpRounds, KeepTheNotesOfTheFirstRound) {
  TcpEvidence known;
  known.notes = {"first"};
  TcpEvidence round;
  round.notes = {"second"};
  add_tcp_round(known, round);
  EXPECT_EQ(known.notes, std::vector<std::string>{"first"});
}

}  // namespace
}  // namespace vpndoctor
