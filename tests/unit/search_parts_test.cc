// SPDX-License-Identifier: Apache-2.0
// The parts of the search by themselves: ledger, loss model, ladder, pace, too-big log, loss by size.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "pacer.h"
#include "probe_ledger.h"
#include "size_ladder.h"
#include "size_loss.h"
#include "too_big_log.h"

namespace vpndoctor {
namespace {

using std::chrono::milliseconds;

/// A ledger with a clock of its own: a probe a millisecond, answers after 10 ms.
struct Book {
  ProbeLedger ledger;
  TimePoint now = TimePoint{} + std::chrono::hours(1);

  std::uint16_t send(std::uint32_t size, Method method = Method::kEcho, std::uint8_t ttl = kFullTtl) {
    Probe probe;
    probe.id = ledger.next_id();
    probe.method = method;
    probe.size_bytes = size;
    probe.ttl = ttl;
    now += milliseconds(1);
    ledger.record(probe, now);
    return probe.id;
  }
  void answer(std::uint16_t id, Reply::Kind kind = Reply::Kind::kReached) {
    Reply reply;
    reply.kind = kind;
    reply.probe_id = id;
    ledger.settle(reply, ledger.find(id)->sent + milliseconds(10));
  }
  void control(std::uint32_t size = 60) { answer(send(size)); }
  void lose_the_rest() {
    now += milliseconds(5000);
    ledger.expire(now);
  }
};

TEST(ProbeLedger, LateSuccessReplacesALoss) {
  Book book;
  const auto id = book.send(1400);
  book.lose_the_rest();
  EXPECT_EQ(book.ledger.tally({Method::kEcho, kFullTtl, 1400}).lost, 1);
  book.answer(id);
  const Tally tally = book.ledger.tally({Method::kEcho, kFullTtl, 1400});
  EXPECT_EQ(tally.lost, 0);
  EXPECT_EQ(tally.answered, 1);
  EXPECT_TRUE(book.ledger.passes(Method::kEcho, 1400));
  EXPECT_FALSE(book.ledger.passes(Method::kUdp, 1400));
}

TEST(ProbeLedger, SuccessIsFinal) {
  Book book;
  const auto id = book.send(1400);
  book.answer(id);
  const auto version = book.ledger.version();
  book.answer(id);
  book.answer(id, Reply::Kind::kTooBig);
  book.answer(id, Reply::Kind::kUnreachable);
  EXPECT_EQ(book.ledger.version(), version);
  EXPECT_EQ(book.ledger.find(id)->outcome, Outcome::kReached);
  EXPECT_EQ(book.ledger.tally({Method::kEcho, kFullTtl, 1400}).answered, 1);
}

TEST(ProbeLedger, UnreachableIsNeitherSuccessNorLoss) {
  Book book;
  const auto id = book.send(1400);
  book.answer(id, Reply::Kind::kUnreachable);
  const Tally tally = book.ledger.tally({Method::kEcho, kFullTtl, 1400});
  EXPECT_EQ(tally.sent, 1);
  EXPECT_EQ(tally.answered + tally.lost + tally.too_big + tally.in_flight, 0);
  EXPECT_FALSE(book.ledger.any_reached(Method::kEcho));
}

TEST(ProbeLedger, AnswersOfRoutersDoNotShowThatASizePasses) {
  Book book;
  book.answer(book.send(1400, Method::kEcho, 2), Reply::Kind::kTimeExceeded);
  EXPECT_FALSE(book.ledger.passes(Method::kEcho, 1400));
  EXPECT_EQ(book.ledger.tally({Method::kEcho, 2, 1400}).answered, 1);
  EXPECT_FALSE(book.ledger.smoothed_rtt().has_value());
}

TEST(ProbeLedger, RepliesToIdsNeverSentAreNobodys) {
  Book book;
  book.send(60);
  for (const std::uint16_t id : std::initializer_list<std::uint16_t>{0, 2, 65535}) {
    Reply reply;
    reply.probe_id = id;
    EXPECT_EQ(book.ledger.settle(reply, book.now), nullptr) << id;
    EXPECT_EQ(book.ledger.find(id), nullptr) << id;
  }
  EXPECT_EQ(book.ledger.settle(Reply{}, book.now), nullptr);
}

TEST(ProbeLedger, WaitFollowsTheRoundTrip) {
  Book book;
  EXPECT_EQ(book.ledger.timeout(), Milliseconds(1000));
  for (int i = 0; i < 50; ++i) book.control();
  EXPECT_EQ(*book.ledger.smoothed_rtt(), Milliseconds(10));
  EXPECT_GE(book.ledger.timeout(), Milliseconds(20));
  EXPECT_LE(book.ledger.timeout(), Milliseconds(30));
  EXPECT_GE(book.ledger.grace(), book.ledger.timeout());
  book.send(60);
  EXPECT_EQ(*book.ledger.next_expiry() - book.now, std::chrono::ceil<TimePoint::duration>(book.ledger.timeout()));
}

TEST(LossModel, OnlyALossBesideAnAnsweredControlIsEvidence) {
  Book book;
  book.control();
  book.send(1400);  // index 1: framed
  book.control();
  const std::size_t alone = book.ledger.probes().size() + 11;
  for (int i = 0; i < 23; ++i) book.send(1400);  // the middle one sees no control within reach
  book.control();
  book.lose_the_rest();
  const LossModel model(book.ledger, Method::kEcho, false);
  EXPECT_TRUE(model.is_evidence(1));
  EXPECT_FALSE(model.is_evidence(alone));
  EXPECT_FALSE(model.is_evidence(0));
}

TEST(LossModel, ControlLostBesideItTakesTheWitnessAway) {
  Book book;
  book.control();
  book.send(60);
  book.send(1400);
  book.send(60);
  book.lose_the_rest();
  EXPECT_FALSE(LossModel(book.ledger, Method::kEcho, false).is_evidence(2));
}

TEST(LossModel, ScarceAnswersNeedALaterWitness) {
  Book book;
  book.control();
  book.send(1400);
  book.lose_the_rest();
  EXPECT_TRUE(LossModel(book.ledger, Method::kEcho, false).is_evidence(1));
  EXPECT_FALSE(LossModel(book.ledger, Method::kEcho, true).is_evidence(1));
}

TEST(LossModel, ForgottenLossesAreNoEvidenceTooBigMessagesAre) {
  Book book;
  book.control();
  book.send(1400);
  book.answer(book.send(1401), Reply::Kind::kTooBig);
  book.control();
  book.lose_the_rest();
  LossModel model(book.ledger, Method::kEcho, false);
  EXPECT_TRUE(model.is_evidence(1));
  model.forget_before(book.ledger.probes().size());
  EXPECT_FALSE(model.is_evidence(1));
  EXPECT_TRUE(model.is_evidence(2));
}

TEST(LossModel, ChanceIsTheWorseOfAllControlsAndLargeOnes) {
  Book book;
  for (int i = 0; i < 40; ++i) book.control();
  const double small_only = LossModel(book.ledger, Method::kEcho, false).chance(1400);
  EXPECT_NEAR(small_only, 0.5 / 41, 1e-9);
  for (int i = 0; i < 10; ++i) {
    book.control(1400);
    book.send(1400);
    book.control();
  }
  book.lose_the_rest();
  const LossModel model(book.ledger, Method::kEcho, false);
  EXPECT_NEAR(model.chance(1400), 10.5 / 21, 1e-9);
  EXPECT_NEAR(*model.control_loss(), 10.0 / 70, 1e-9);
}

TEST(SizeLadder, HoldsEverySizeOnceWithinItsEndsAndWithItsSuccessor) {
  for (const std::uint32_t most : {61U, 100U, 576U, 1280U, 1400U, 1500U, 9000U, 65535U}) {
    const auto sizes = size_ladder(60, most);
    EXPECT_EQ(sizes.front(), most);
    EXPECT_EQ(std::set<std::uint32_t>(sizes.begin(), sizes.end()).size(), sizes.size());
    EXPECT_EQ(*std::ranges::min_element(sizes), 60U);
    EXPECT_EQ(*std::ranges::max_element(sizes), most);
    EXPECT_NE(std::ranges::find(sizes, most - 1), sizes.end());
  }
  const auto sizes = size_ladder(60, 1500);
  for (const std::uint32_t likely : {1280U, 1400U, 1420U, 1492U}) {
    EXPECT_NE(std::ranges::find(sizes, likely), sizes.end()) << likely;
    EXPECT_NE(std::ranges::find(sizes, likely + 1), sizes.end()) << likely;
  }
}

TEST(SizeLadder, EqualEndsAreOneSizeAndCrossedOnesNone) {
  EXPECT_EQ(size_ladder(1400, 1400), std::vector<std::uint32_t>{1400});
  EXPECT_TRUE(size_ladder(1500, 1400).empty());
}

TEST(SizeLadder, CombLeavesNoBandOfEightSizesUntouched) {
  const auto comb = size_comb(60, 1500);
  for (std::uint32_t from = 1200; from + 7 <= 1500; ++from) {
    EXPECT_TRUE(std::ranges::any_of(comb, [&](std::uint32_t s) { return s >= from && s <= from + 7; })) << from;
  }
  EXPECT_TRUE(size_comb(60, 9000).empty());
  EXPECT_TRUE(size_comb(60, 1000).empty());
}

TEST(SizeLadder, SizesBetweenStayInsideAscendAndAreAllWhenTheyFit) {
  EXPECT_EQ(sizes_between(1400, 1404, 8), (std::vector<std::uint32_t>{1401, 1402, 1403}));
  EXPECT_TRUE(sizes_between(1400, 1401, 8).empty());
  for (const std::uint32_t lost : {1410U, 1500U, 9000U, 65535U}) {
    for (const std::uint32_t most : {1U, 3U, 8U, 48U}) {
      const auto sizes = sizes_between(1400, lost, most);
      EXPECT_EQ(sizes.size(), std::min(most, lost - 1401));
      EXPECT_TRUE(std::ranges::is_sorted(sizes, std::less_equal<>()));
      EXPECT_GT(sizes.front(), 1400U);
      EXPECT_LT(sizes.back(), lost);
    }
  }
}

TEST(Pacer, NeverExceedsItsBudgetWithinARoundTripWhateverTheSizes) {
  Pacer pacer(20000);
  const TimePoint begin = TimePoint{} + std::chrono::hours(1);
  std::vector<std::pair<TimePoint, std::uint32_t>> sent;
  TimePoint now = begin;
  for (int i = 0; i < 2000; ++i) {
    now = std::max(now, pacer.next());
    if (i % 97 == 0) now += milliseconds(130);  // idle for a while
    const std::uint32_t bytes = i % 3 == 0 ? 60 : i % 5 == 0 ? 700 : 1500;
    pacer.book(bytes, now, Milliseconds(40));
    sent.emplace_back(now, bytes);
  }
  for (std::size_t i = 0; i < sent.size(); ++i) {
    std::uint32_t sum = 0;
    for (std::size_t k = i; k < sent.size() && sent[k].first - sent[i].first < milliseconds(40); ++k)
      sum += sent[k].second;
    ASSERT_LE(sum, 20000U) << i;
  }
}

TEST(Pacer, UsesNearlyAllOfItsBudgetAndScales) {
  for (const double factor : {1.0, 0.5}) {
    Pacer pacer(32768);
    pacer.scale(factor);
    TimePoint now = TimePoint{} + std::chrono::hours(1);
    const TimePoint begin = now;
    for (int i = 0; i < 1000; ++i) {
      pacer.book(1000, now, Milliseconds(40));
      now = std::max(now, pacer.next());
    }
    const double per_round_trip = 1'000'000 * (Milliseconds(40) / (now - begin));
    EXPECT_LE(per_round_trip, 32768 * factor);
    EXPECT_GE(per_round_trip, 32768 * factor * 0.85);
  }
}

Reply claim(std::uint32_t mtu, const char* from = "192.0.2.1") {
  Reply reply;
  reply.kind = Reply::Kind::kTooBig;
  reply.mtu_bytes = mtu;
  reply.from = IpAddress::parse(from).value();
  return reply;
}

SentProbe probe_of(std::uint32_t size, std::uint16_t id = 1) {
  SentProbe sent;
  sent.probe.id = id;
  sent.probe.size_bytes = size;
  return sent;
}

TEST(TooBigLog, BelievesOnlyClaimsBetweenTheMinimumAndTheProbe) {
  const SentProbe sent = probe_of(1500);
  TooBigLog inet(Family::kInet);
  EXPECT_TRUE(inet.enter(claim(1499), &sent));
  EXPECT_TRUE(inet.enter(claim(68), &sent));
  EXPECT_TRUE(inet.enter(claim(0), &sent)) << "older than RFC 1191";
  EXPECT_FALSE(inet.enter(claim(67), &sent));
  EXPECT_FALSE(inet.enter(claim(1500), &sent));
  EXPECT_FALSE(inet.enter(claim(1400), nullptr));
  TooBigLog inet6(Family::kInet6);
  EXPECT_TRUE(inet6.enter(claim(1280), &sent));
  EXPECT_FALSE(inet6.enter(claim(1279), &sent));
  EXPECT_FALSE(inet6.enter(claim(0), &sent));
}

TEST(TooBigLog, DoesNotBelieveAboutAnAnsweredProbe) {
  SentProbe sent = probe_of(1500);
  sent.outcome = Outcome::kReached;
  TooBigLog log(Family::kInet);
  EXPECT_FALSE(log.enter(claim(1400), &sent));
  EXPECT_FALSE(log.messages().front().reason.empty());
}

TEST(TooBigLog, CountsMessagesThatAreAlikeAndKeepsAFloodSmall) {
  const SentProbe sent = probe_of(1500);
  TooBigLog log(Family::kInet);
  for (int i = 0; i < 5; ++i) log.enter(claim(1400), &sent);
  ASSERT_EQ(log.messages().size(), 1U);
  EXPECT_EQ(log.messages().front().count, 5U);
  for (std::uint32_t mtu = 100; mtu < 1000; ++mtu) log.enter(claim(mtu), nullptr);
  EXPECT_LE(log.messages().size(), 64U);
}

TEST(TooBigLog, MessagesThatOnlyTheCaptureSawAreNotDelivered) {
  const SentProbe eaten = probe_of(1500, 1);
  const SentProbe seen = probe_of(1450, 2);
  TooBigLog log(Family::kInet);
  log.enter_captured(claim(1400), &eaten);
  log.enter_captured(claim(1400), &seen);
  log.enter_captured(claim(1300), nullptr);
  log.enter(claim(1400), &seen);
  const auto missing = log.not_delivered();
  ASSERT_EQ(missing.size(), 1U);
  EXPECT_EQ(missing.front().probe_bytes, 1500U);
  EXPECT_FALSE(log.sender_about(1500).has_value());
  EXPECT_EQ(log.sender_about(1450), IpAddress::parse("192.0.2.1"));
  EXPECT_EQ(log.sender_of_claim(1400), IpAddress::parse("192.0.2.1"));
  EXPECT_FALSE(log.sender_of_claim(1300).has_value());
}

/// Sends small and large probes in turn; `is_lost(i, large)` says which never come back.
template <typename IsLost>
bool depends_on_size(IsLost is_lost) {
  Book book;
  book.control(1500);
  for (int i = 0; i < 200; ++i) {
    const bool large = i % 2 == 1;
    const auto id = book.send(large ? 1500 : 60);
    if (!is_lost(i, large)) book.answer(id);
  }
  book.lose_the_rest();
  return loss_depends_on_size(book.ledger, Method::kEcho);
}

TEST(SizeLoss, SeesThatOnlyLargeProbesGetLost) {
  EXPECT_TRUE(depends_on_size([](int i, bool large) { return large && i % 5 == 0; }));
}

TEST(SizeLoss, TakesLossOfBothForNoMatterOfSize) {
  EXPECT_FALSE(depends_on_size([](int i, bool) { return i % 5 == 0; }));
  EXPECT_FALSE(depends_on_size([](int, bool) { return false; }));
}

TEST(SizeLoss, OneBurstIsOneLoss) {
  EXPECT_FALSE(depends_on_size([](int i, bool) { return i > 50 && i < 90; }));
}

TEST(SizeLoss, FewLossesProveNothing) {
  EXPECT_FALSE(depends_on_size([](int i, bool large) { return large && i % 50 == 1; }));
}

}  // namespace
}  // namespace vpndoctor
