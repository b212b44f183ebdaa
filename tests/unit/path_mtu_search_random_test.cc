// SPDX-License-Identifier: Apache-2.0
// The whole search against thousands of networks drawn at random: what it says is true, and it says enough.
#include <gtest/gtest.h>

#include "random_network.h"
#include "search_run.h"

namespace vpndoctor::testing {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr std::uint64_t kShare = 20;
#else
constexpr std::uint64_t kShare = 1;
#endif

struct Tally {
  std::uint64_t networks = 0;
  std::uint64_t wrong = 0;
  std::uint64_t undetermined = 0;
  std::uint64_t wrong_hops = 0;
  std::uint64_t wrong_size_loss = 0;
  std::string first;

  void note(std::uint64_t seed, const RandomNetwork& random, const Judgement& judgement) {
    ++networks;
    if (!judgement.exact) ++undetermined;
    for (const Lie& lie : judgement.lies) {
      ++(lie.about == Lie::About::kSize ? wrong : lie.about == Lie::About::kHop ? wrong_hops : wrong_size_loss);
      if (first.size() < 4000) first += std::to_string(seed) + ": " + lie.text + " in " + describe(random) + '\n';
    }
  }
};

Tally judge_all(std::uint64_t from, std::uint64_t count, const RandomNetworkOptions& options) {
  Tally tally;
  for (std::uint64_t seed = from; seed < from + count; ++seed) {
    const RandomNetwork random = random_network(seed, options);
    tally.note(seed, random, judge(random, search(random.network, random.search, seed).found));
  }
  return tally;
}

TEST(PathMtuSearchAtRandom, LosslessNetworksAreMeasuredToTheByte) {
  const Tally tally = judge_all(1'000'000, 1000 / kShare, {.most_round_trip_loss = 0});
  EXPECT_EQ(tally.wrong, 0U) << tally.first;
  EXPECT_EQ(tally.undetermined, 0U);
  EXPECT_EQ(tally.wrong_hops, 0U) << tally.first;
  EXPECT_EQ(tally.wrong_size_loss, 0U) << tally.first;
}

TEST(PathMtuSearchAtRandom, UpToAFifthOfLossOneInAThousandIsWrongAtMostAndTwoInAHundredUndetermined) {
  const Tally tally = judge_all(2'000'000, 4000 / kShare, {.most_round_trip_loss = 0.2});
  EXPECT_LE(tally.wrong * 1000, std::max<std::uint64_t>(tally.networks, 1000)) << tally.first;
  EXPECT_LE(tally.undetermined * 50, tally.networks);
  EXPECT_LE(tally.wrong_hops * 1000, std::max<std::uint64_t>(2 * tally.networks, 2000)) << tally.first;
  EXPECT_LE(tally.wrong_size_loss * 1000, tally.networks) << tally.first;
}

TEST(PathMtuSearchAtRandom, ThirtyPercentOfLossEachWayIsNoReasonForAConfidentWrongAnswer) {
  const Tally tally = judge_all(3'000'000, 1000 / kShare,
                                {.least_round_trip_loss = 0.51, .most_round_trip_loss = 0.51, .any_bursts = false});
  EXPECT_EQ(tally.wrong, 0U) << tally.first;
}

TEST(PathMtuSearchAtRandom, EqualSeedsGiveEqualMeasurements) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const RandomNetwork random = random_network(seed, {});
    const SearchRun one = search(random.network, random.search, seed);
    const SearchRun other = search(random.network, random.search, seed);
    EXPECT_EQ(one.found.round_trip, other.found.round_trip);
    EXPECT_EQ(one.found.probing.probes_sent, other.found.probing.probes_sent);
    EXPECT_EQ(one.took, other.took);
  }
}

}  // namespace
}  // namespace vpndoctor::testing
