// SPDX-License-Identifier: Apache-2.0
// How tried sizes are condensed to lines.
#include "size_groups.h"

#include <gtest/gtest.h>

#include "units.h"
#include "vpndoctor/path_mtu_diagnosis.h"

namespace vpndoctor {
namespace {

/// A hole above 1400 bytes, one size in three proven to pass got lost by chance.
PathMtuMeasurement hole_measurement() {
  PathMtuMeasurement measurement;
  measurement.sizes = {{60, 8, 7}, {1280, 1, 0}, {1400, 3, 3}, {1401, 4, 0}, {1500, 2, 0}};
  return measurement;
}

PathMtuDiagnosis diagnosis_at(PathMtuStatus status, std::uint32_t mtu) {
  PathMtuDiagnosis diagnosis;
  diagnosis.status = status;
  diagnosis.path_mtu_bytes = diagnosis.path_mtu_at_least_bytes = diagnosis.path_mtu_at_most_bytes = mtu;
  return diagnosis;
}

TEST(SizeGroups, ChanceLossBelowThePathMtuIsNotSetApart) {
  const auto groups = group_sizes(hole_measurement(), diagnosis_at(PathMtuStatus::kBlackHole, 1400), true);
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].fate, SizeFate::kPasses);
  EXPECT_EQ(groups[0].from_bytes, 60U);
  EXPECT_EQ(groups[0].to_bytes, 1400U);
  EXPECT_EQ(groups[0].sizes, 3U);
  EXPECT_EQ(groups[0].sent, 12U);
  EXPECT_EQ(groups[0].answered, 10U);
  EXPECT_EQ(groups[1].fate, SizeFate::kVanishes);
  EXPECT_EQ(groups[1].from_bytes, 1401U);
}

TEST(SizeGroups, NotCondensedEverySizeShowsItsLoss) {
  const auto groups = group_sizes(hole_measurement(), diagnosis_at(PathMtuStatus::kBlackHole, 1400), false);
  ASSERT_EQ(groups.size(), 5U);
  EXPECT_EQ(groups[0].fate, SizeFate::kPartly);
  EXPECT_EQ(groups[1].fate, SizeFate::kUnanswered);
  EXPECT_EQ(groups[2].fate, SizeFate::kPasses);
}

TEST(SizeGroups, AcceptedMessagesTurnSilenceIntoRefusal) {
  PathMtuMeasurement measurement = hole_measurement();
  measurement.too_big = {{{}, 1401, 1500, true, "", 1}, {{}, 1300, 1400, false, "forged", 1}};
  const auto groups = group_sizes(measurement, diagnosis_at(PathMtuStatus::kBlackHole, 1400), true);
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(groups[1].fate, SizeFate::kVanishes);
  EXPECT_EQ(groups[1].to_bytes, 1401U);
  EXPECT_EQ(groups[2].fate, SizeFate::kRefused);
}

TEST(SizeGroups, AClaimOfZeroRefusesTheQuotedSizeAndAbove) {
  PathMtuMeasurement measurement = hole_measurement();
  measurement.too_big = {{{}, 0, 1500, true, "", 1}};
  const auto groups = group_sizes(measurement, diagnosis_at(PathMtuStatus::kSignalled, 1400), true);
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(groups[1].fate, SizeFate::kUnanswered);
  EXPECT_EQ(groups[2].fate, SizeFate::kRefused);
}

TEST(SizeGroups, ABandOfLostSizesVanishesBetweenThoseThatPass) {
  PathMtuMeasurement measurement;
  measurement.sizes = {{1310, 3, 3}, {1320, 3, 0}, {1410, 3, 0}, {1420, 3, 3}, {1500, 3, 3}};
  measurement.lost_bands = {{1320, 1410}};
  const auto groups = group_sizes(measurement, diagnosis_at(PathMtuStatus::kBlackHole, 1310), true);
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(groups[1].fate, SizeFate::kVanishes);
  EXPECT_EQ(groups[2].fate, SizeFate::kPasses);
}

TEST(SizeGroups, SizesThatArriveWithoutAnAnswerAreNotLostOnTheWayThere) {
  PathMtuMeasurement measurement = hole_measurement();
  measurement.round_trip = {1400, 1400};
  const auto groups = group_sizes(measurement, diagnosis_at(PathMtuStatus::kBlackHole, 1500), true);
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].fate, SizeFate::kPasses);
  EXPECT_EQ(groups[1].fate, SizeFate::kOneWay);
}

TEST(SizeGroups, SmallAnswersOfOtherMethodsDoNotHideThatTheLargeReplyIsLost) {
  PathMtuMeasurement measurement = hole_measurement();
  measurement.sizes.back().answered = 1;
  measurement.round_trip = {1400, 1400};
  const auto groups = group_sizes(measurement, diagnosis_at(PathMtuStatus::kBlackHole, 1500), true);
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[1].fate, SizeFate::kOneWay);
  EXPECT_EQ(groups[1].to_bytes, 1500U);
}

TEST(SizeGroups, WithoutAVerdictSilenceIsOnlySilence) {
  PathMtuMeasurement measurement;
  measurement.sizes = {{60, 6, 0}, {1280, 0, 0}};
  const auto groups = group_sizes(measurement, {}, true);
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups[0].fate, SizeFate::kUnanswered);
}

TEST(SizeGroups, LossThatDependsOnTheSizeIsShown) {
  PathMtuMeasurement measurement = hole_measurement();
  measurement.size_dependent_loss = true;
  const auto groups = group_sizes(measurement, diagnosis_at(PathMtuStatus::kBlackHole, 1400), true);
  EXPECT_EQ(groups[0].fate, SizeFate::kPartly);
}

TEST(Units, NumbersKeepThreeDigits) {
  EXPECT_EQ(milliseconds_text(Milliseconds(0.4123)), "0.41 ms");
  EXPECT_EQ(milliseconds_text(Milliseconds(41.26)), "41.3 ms");
  EXPECT_EQ(milliseconds_text(Milliseconds(353.4)), "353 ms");
  EXPECT_EQ(milliseconds_text(Milliseconds(1204)), "1.20 s");
  EXPECT_EQ(bytes_sent_text(842), "842 bytes");
  EXPECT_EQ(bytes_sent_text(3640), "3.6 kB");
  EXPECT_EQ(bytes_sent_text(123'400), "123 kB");
  EXPECT_EQ(bytes_sent_text(2'500'000), "2.5 MB");
  EXPECT_EQ(percent_text(0), "0 %");
  EXPECT_EQ(percent_text(0.004), "0.4 %");
  EXPECT_EQ(percent_text(0.19), "19 %");
}

TEST(Units, OddsAreRoundedDownNeverUp) {
  EXPECT_EQ(odds_text(0), "below 1 in a million");
  EXPECT_EQ(odds_text(1e-9), "below 1 in a million");
  EXPECT_EQ(odds_text(1.0 / 140'000), "below 1 in 100,000");
  EXPECT_EQ(odds_text(1.0 / 12'399), "below 1 in 10,000");
  EXPECT_EQ(odds_text(0.0009), "below 1 in 1,000");
  EXPECT_EQ(odds_text(0.02), "about 1 in 50");
  EXPECT_EQ(odds_text(0.3), "about 1 in 3");
  EXPECT_EQ(odds_text(1), "about 1 in 1");
}

TEST(Units, BoundsSayHowMuchIsKnown) {
  EXPECT_EQ(bounds_text({1400, 1400}), "1400 bytes");
  EXPECT_EQ(bounds_text({1280, 1399}), "1280 to 1399 bytes");
  EXPECT_EQ(bounds_text({1280, std::nullopt}), "at least 1280 bytes");
  EXPECT_EQ(bounds_text({std::nullopt, 1399}), "at most 1399 bytes");
  EXPECT_EQ(bounds_text({}), "");
}

}  // namespace
}  // namespace vpndoctor
