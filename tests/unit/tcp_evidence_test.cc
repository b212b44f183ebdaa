// SPDX-License-Identifier: Apache-2.0
// The conclusions from several TCP connections: a table of cases, then random paths against the truth.
#include "vpndoctor/tcp_evidence.h"

#include <gtest/gtest.h>

#include <random>

namespace vpndoctor {
namespace {

TcpConnectionRecord answered(std::uint32_t packet_bytes, std::uint64_t received) {
  TcpConnectionRecord record;
  record.announced_packet_bytes = packet_bytes;
  record.established = true;
  record.request_acknowledged = true;
  record.received_bytes = received;
  record.largest_packet_bytes = std::min<std::uint32_t>(packet_bytes, static_cast<std::uint32_t>(received) + 52);
  return record;
}

TcpConnectionRecord silent(std::uint32_t packet_bytes) {
  TcpConnectionRecord record = answered(packet_bytes, 0);
  record.largest_packet_bytes = 0;
  record.waited_in_full = true;
  return record;
}

TcpConnectionRecord sent(std::uint32_t packet_bytes, TcpForward outcome) {
  TcpConnectionRecord record = answered(packet_bytes, 4000);
  record.forward = outcome;
  record.forward_packet_bytes = packet_bytes;
  return record;
}

TcpEvidence conclude(std::vector<TcpConnectionRecord> records) {
  TcpObservation seen;
  seen.port = 443;
  seen.state = TcpEvidence::State::kOpen;
  seen.connections = std::move(records);
  return conclude_tcp(seen);
}

TEST(TcpEvidence, ReverseLossNeedsSmallerSizeThatWorked) {
  const auto evidence = conclude({silent(1500), silent(1400), answered(1280, 4000)});
  EXPECT_EQ(evidence.reverse_full_bytes, 1280U);
  EXPECT_EQ(evidence.reverse_lost_bytes, 1400U);
  EXPECT_TRUE(evidence.notes.empty());
}

TEST(TcpEvidence, SilenceEverywhereProvesNothing) {
  const auto evidence = conclude({silent(1500), silent(1280)});
  EXPECT_EQ(evidence.reverse_full_bytes, std::nullopt);
  EXPECT_EQ(evidence.reverse_lost_bytes, std::nullopt);
  EXPECT_EQ(evidence.notes.size(), 1U);
}

TEST(TcpEvidence, SilenceOfSmallSizeBelowWorkingLargeOneIsNoSizeLimit) {
  const auto evidence = conclude({answered(1500, 4000), silent(1400), answered(1280, 4000)});
  EXPECT_EQ(evidence.reverse_full_bytes, 1500U);
  EXPECT_EQ(evidence.reverse_lost_bytes, std::nullopt);
  EXPECT_EQ(evidence.notes.size(), 1U);
}

TEST(TcpEvidence, ShortReplyBoundsTheLostPacketByItsOwnLength) {
  const auto evidence = conclude({silent(1500), answered(576, 1000)});
  EXPECT_EQ(evidence.reverse_lost_bytes, 1052U);
}

TEST(TcpEvidence, PartOfAReplyCountsAsLostOnlyWhenFullPacketsAreMissing) {
  auto greeting_only = silent(1500);
  greeting_only.received_bytes = 40;
  greeting_only.largest_packet_bytes = 92;
  EXPECT_EQ(conclude({greeting_only, answered(576, 1100)}).reverse_lost_bytes, 1152U);
  auto stalled_late = greeting_only;
  stalled_late.largest_packet_bytes = 1500;
  EXPECT_EQ(conclude({stalled_late, answered(576, 1100)}).reverse_lost_bytes, std::nullopt);
}

TEST(TcpEvidence, HangUpOrShortWaitOrUnheardRequestIsNoLoss) {
  auto record = silent(1500);
  record.closed_by_peer = true;
  EXPECT_EQ(conclude({record, answered(1280, 4000)}).reverse_lost_bytes, std::nullopt);
  record = silent(1500);
  record.waited_in_full = false;
  EXPECT_EQ(conclude({record, answered(1280, 4000)}).reverse_lost_bytes, std::nullopt);
  record = silent(1500);
  record.request_acknowledged = false;
  EXPECT_EQ(conclude({record, answered(1280, 4000)}).reverse_lost_bytes, std::nullopt);
}

TEST(TcpEvidence, SlightlyDifferentReplyLengthsAreTheSameReply) {
  auto clamped = answered(1500, 3990);
  clamped.largest_packet_bytes = 1400;
  clamped.waited_in_full = true;
  const auto evidence = conclude({clamped, answered(1280, 4000)});
  EXPECT_EQ(evidence.reverse_full_bytes, 1400U);
  EXPECT_EQ(evidence.reverse_lost_bytes, std::nullopt);
}

TEST(TcpEvidence, ReplyBelowOneSegmentIsNoted) {
  const auto evidence = conclude({answered(1500, 800), answered(1280, 800)});
  EXPECT_EQ(evidence.reverse_full_bytes, 852U);
  EXPECT_EQ(evidence.notes.size(), 1U);
}

TEST(TcpEvidence, ForwardLossNeedsSmallerSizeThatWasAcknowledged) {
  const auto acknowledged = TcpForward::kAcknowledged;
  const auto lost = TcpForward::kUnacknowledged;
  auto evidence = conclude({sent(1500, lost), sent(1400, lost), sent(1280, acknowledged)});
  EXPECT_EQ(evidence.forward_full_bytes, 1280U);
  EXPECT_EQ(evidence.forward_lost_bytes, 1400U);
  evidence = conclude({sent(1500, lost), sent(1280, lost)});
  EXPECT_EQ(evidence.forward_lost_bytes, std::nullopt);
  EXPECT_EQ(evidence.notes.size(), 1U);
  evidence = conclude({sent(1500, acknowledged), sent(1280, lost)});
  EXPECT_EQ(evidence.forward_full_bytes, 1500U);
  EXPECT_EQ(evidence.forward_lost_bytes, std::nullopt);
  EXPECT_EQ(evidence.notes.size(), 1U);
}

TEST(TcpEvidence, OnLossyPathTheLargerOfTwoFailuresCounts) {
  TcpObservation seen;
  seen.state = TcpEvidence::State::kOpen;
  seen.loss_seen = true;
  seen.connections = {silent(1500), silent(1401), answered(1400, 4000)};
  EXPECT_EQ(conclude_tcp(seen).reverse_lost_bytes, 1500U);
  seen.connections = {silent(1500), answered(1400, 4000)};
  const auto evidence = conclude_tcp(seen);
  EXPECT_EQ(evidence.reverse_lost_bytes, std::nullopt);
  EXPECT_EQ(evidence.notes.size(), 1U);
}

TEST(TcpEvidence, ClosedPortConcludesNothing) {
  TcpObservation seen;
  seen.port = 81;
  seen.state = TcpEvidence::State::kRefused;
  seen.notes = {"a note"};
  seen.connections = {answered(1500, 4000)};
  const auto evidence = conclude_tcp(seen);
  EXPECT_EQ(evidence.port, 81);
  EXPECT_EQ(evidence.state, TcpEvidence::State::kRefused);
  EXPECT_EQ(evidence.reverse_full_bytes, std::nullopt);
  EXPECT_EQ(evidence.notes, std::vector<std::string>{"a note"});
}

/// Numbers from `low` to `high`, the same in every run.
class Random {
 public:
  explicit Random(std::uint32_t seed) : engine_(seed) {}
  std::uint32_t between(std::uint32_t low, std::uint32_t high) {
    return low + static_cast<std::uint32_t>(engine_() % (high - low + 1));
  }

 private:
  std::mt19937 engine_;
};

struct RandomPath {
  std::uint32_t forward_limit = 0;
  std::uint32_t reverse_limit = 0;
  std::uint64_t reply_bytes = 0;
};

TcpConnectionRecord travel(const RandomPath& path, std::uint32_t size, Random& random) {
  TcpConnectionRecord record;
  record.announced_packet_bytes = size;
  record.established = random.between(0, 9) != 0;
  if (!record.established) return record;
  record.request_acknowledged = true;
  record.closed_by_peer = random.between(0, 9) == 0;
  const auto largest = static_cast<std::uint32_t>(std::min<std::uint64_t>(size, path.reply_bytes + 52));
  const bool delivered = largest <= path.reverse_limit;
  record.received_bytes = delivered ? path.reply_bytes : 0;
  record.largest_packet_bytes = delivered ? largest : 0;
  record.waited_in_full = !delivered;
  record.forward = size <= path.forward_limit ? TcpForward::kAcknowledged : TcpForward::kUnacknowledged;
  record.forward_packet_bytes = size;
  return record;
}

TEST(TcpEvidence, NeverContradictsTheTruthOfARandomPath) {
  Random random(20);
  int claims = 0;
  for (int round = 0; round < 20000; ++round) {
    const RandomPath path{random.between(500, 1600), random.between(500, 1600), random.between(100, 5000)};
    std::vector<TcpConnectionRecord> records;
    const std::uint32_t count = random.between(1, 5);
    for (std::uint32_t i = 0; i < count; ++i) records.push_back(travel(path, random.between(576, 1500), random));
    const TcpEvidence evidence = conclude(records);
    ASSERT_LE(evidence.reverse_full_bytes.value_or(0), path.reverse_limit);
    ASSERT_GT(evidence.reverse_lost_bytes.value_or(UINT32_MAX), path.reverse_limit);
    ASSERT_LE(evidence.forward_full_bytes.value_or(0), path.forward_limit);
    ASSERT_GT(evidence.forward_lost_bytes.value_or(UINT32_MAX), path.forward_limit);
    claims += evidence.reverse_lost_bytes.has_value() + evidence.forward_lost_bytes.has_value();
  }
  EXPECT_GT(claims, 5000);
}

}  // namespace
}  // namespace vpndoctor
