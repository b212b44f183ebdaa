// SPDX-License-Identifier: Apache-2.0
// The whole search on one network at a time: values, hops, directions, manners, and what it does when disturbed.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "search_run.h"

namespace vpndoctor::testing {
namespace {

using std::chrono::milliseconds;

TEST(PathMtuSearch, MeasuresHolesAndSignalledLinksToTheByte) {
  for (const Family family : {Family::kInet, Family::kInet6}) {
    for (const bool signals : {false, true}) {
      for (const std::uint32_t mtu : {1280U, 1371U, 1400U, 1492U, 1499U, 1500U}) {
        const SearchRun run = search(path_of(mtu, signals), raw_options(family));
        EXPECT_EQ(run.found.round_trip, exactly(mtu)) << family_name(family) << signals;
        EXPECT_EQ(run.found.forward, exactly(mtu)) << family_name(family) << signals;
        EXPECT_FALSE(run.found.incomplete);
      }
    }
  }
}

TEST(PathMtuSearch, BoundsMayBeOdd) {
  for (const std::uint32_t most : {65535U, 9000U, 576U, 100U, 61U}) {
    PathMtuSearchOptions options = raw_options();
    options.max_bytes = most;
    SimulatedNetwork network = path_of(most - 1);
    network.target_link_bytes = most;
    EXPECT_EQ(search(network, options).found.round_trip, exactly(most - 1)) << most;
  }
}

TEST(PathMtuSearch, LeastAndMostMayBeEqual) {
  PathMtuSearchOptions options = raw_options();
  options.min_bytes = options.max_bytes = 1400;
  EXPECT_EQ(search(path_of(1500), options).found.round_trip, exactly(1400));
}

TEST(PathMtuSearch, LeastThatIsLostLeavesARangeBelowIt) {
  PathMtuSearchOptions options = raw_options();
  options.min_bytes = 1400;
  const SearchRun run = search(path_of(1300), options);
  EXPECT_LE(run.found.round_trip.at_least_bytes.value_or(0), 1300U);
  EXPECT_GE(run.found.round_trip.at_most_bytes.value_or(1300), 1300U);
  EXPECT_LT(run.took, Milliseconds(30000));
}

TEST(PathMtuSearch, NamesTheLinkOfAHole) {
  for (std::size_t hop = 0; hop < 4; ++hop) {
    for (const bool rate_limited : {false, true}) {
      SimulatedNetwork network;
      network.links.resize(4);
      network.links[hop].mtu_bytes = 1387;
      network.rate_limited = rate_limited;
      const auto found = search(network).found.constriction;
      ASSERT_TRUE(found.has_value()) << hop << rate_limited;
      EXPECT_EQ(found->from_ttl, hop) << rate_limited;
      EXPECT_EQ(found->to_ttl, hop + 1) << rate_limited;
    }
  }
}

TEST(PathMtuSearch, SilentRoutersWidenThePlaceAndMoveItNever) {
  SimulatedNetwork network = path_of(1400);
  network.links.resize(6);
  network.silent = {false, true, true, false, false};
  const SearchRun run = search(network);
  ASSERT_TRUE(run.found.constriction.has_value());
  EXPECT_EQ(run.found.constriction->from_ttl, 1);
  EXPECT_EQ(run.found.constriction->to_ttl, 4);
  ASSERT_EQ(run.found.hops.size(), 6U);
  EXPECT_FALSE(run.found.hops[1].address.has_value());
}

TEST(PathMtuSearch, FindsALostBandWithItsExactEdges) {
  for (const Family family : {Family::kInet, Family::kInet6}) {
    SimulatedNetwork network = path_of(1319);
    network.links[1].passes_above = true;
    network.links[1].passes_above_bytes = 1411;
    const SearchRun run = search(network, raw_options(family));
    EXPECT_EQ(run.found.round_trip, exactly(1319));
    EXPECT_EQ(run.found.lost_bands, std::vector<LostBand>({{1320, 1410}}));
    ASSERT_TRUE(run.found.constriction.has_value());
    EXPECT_EQ(run.found.constriction->to_ttl, 2) << "a larger size got further, this one did not";
  }
}

TEST(PathMtuSearch, BandOfEightSizesBetweenLikelyOnesIsFound) {
  SimulatedNetwork network = path_of(1383);
  network.links[1].passes_above = true;
  network.links[1].passes_above_bytes = 1392;
  EXPECT_EQ(search(network).found.lost_bands, std::vector<LostBand>({{1384, 1391}}));
}

TEST(PathMtuSearch, HoleOnTheWayBackLeavesTheWayThereOpen) {
  SimulatedNetwork network;
  network.links.resize(4);
  network.links[2].back_mtu_bytes = 1400;
  for (const Family family : {Family::kInet, Family::kInet6}) {
    const SearchRun run = search(network, raw_options(family));
    EXPECT_EQ(run.found.round_trip, exactly(1400));
    EXPECT_EQ(run.found.forward, exactly(1500));
    EXPECT_EQ(run.found.reverse, exactly(1400)) << "the tail of a large reply came, its head did not";
    EXPECT_FALSE(run.found.constriction.has_value());
    EXPECT_FALSE(run.found.large_echo_filtered);
  }
}

TEST(PathMtuSearch, RouterThatCutsRepliesShowsTheWayBack) {
  SimulatedNetwork network = path_of(1300);
  network.links[2].back_mtu_bytes = 1200;
  network.links[2].back_fragments = true;
  const SearchRun run = search(network);
  EXPECT_EQ(run.found.round_trip, exactly(1300));
  ASSERT_TRUE(run.found.reverse.has_value());
  EXPECT_LE(run.found.reverse->at_least_bytes, 1200U);
  EXPECT_GE(run.found.reverse->at_most_bytes, 1200U);
}

TEST(PathMtuSearch, FilterOfLargeEchoesIsToldFromAHole) {
  SimulatedNetwork network;
  network.links.resize(3);
  network.echo_filter_bytes = 1000;
  const SearchRun run = search(network);
  EXPECT_EQ(run.found.round_trip, exactly(1000));
  EXPECT_EQ(run.found.forward, exactly(1500));
  EXPECT_TRUE(run.found.large_echo_filtered);
}

TEST(PathMtuSearch, UdpAloneIsEnough) {
  for (const bool rate_limited : {false, true}) {
    for (const std::uint32_t mtu : {1387U, 1400U, 1500U}) {
      SimulatedNetwork network = path_of(mtu);
      network.answers_echo = false;
      network.rate_limited = rate_limited;
      const SearchRun run = search(network);
      EXPECT_EQ(run.found.forward, exactly(mtu)) << rate_limited;
      EXPECT_FALSE(run.found.round_trip.at_least_bytes.has_value());
      EXPECT_EQ(run.found.probing.method, Method::kUdp);
    }
  }
}

TEST(PathMtuSearch, SilentTargetEndsTheSearchWhenItsTimeIsUp) {
  SimulatedNetwork network = path_of(1400);
  network.answers_echo = network.answers_udp = false;
  PathMtuSearchOptions options = raw_options();
  options.give_up_after = Milliseconds(1234);
  const SearchRun run = search(network, options);
  EXPECT_FALSE(run.found.answered);
  EXPECT_EQ(run.found.round_trip, SizeBounds{});
  EXPECT_EQ(run.found.forward, SizeBounds{});
  EXPECT_NEAR(run.took.count(), 1234, 1);
  EXPECT_EQ(run.found.probing.tried.size(), 2U);
}

TEST(PathMtuSearch, DeadlineEndsItIncomplete) {
  PathMtuSearchOptions options = raw_options();
  options.deadline = Milliseconds(100);
  const SearchRun run = search(path_of(1387), options);
  EXPECT_TRUE(run.found.incomplete);
  EXPECT_NEAR(run.took.count(), 100, 1);
  EXPECT_LE(run.found.round_trip.at_least_bytes.value_or(0), 1387U);
}

TEST(PathMtuSearch, InterruptedItTellsWhatItKnows) {
  for (const int stop_ms : {0, 10, 50, 90, 150, 200, 250}) {
    PathMtuSearch path_search(raw_options(), Simulation::begin());
    Simulation(path_of(1387), 1).run(path_search, milliseconds(stop_ms));
    path_search.stop(true);
    PathMtuMeasurement found;
    path_search.describe(found);
    EXPECT_TRUE(path_search.done());
    EXPECT_TRUE(found.incomplete);
    EXPECT_LE(found.round_trip.at_least_bytes.value_or(0), 1387U) << stop_ms;
    EXPECT_GE(found.round_trip.at_most_bytes.value_or(1500), 1387U) << stop_ms;
  }
}

TEST(PathMtuSearch, LateAnswersOverturnLosses) {
  SimulatedNetwork network = path_of(1500);
  network.late_ratio = 0.15;
  network.late_by = Milliseconds(150);
  network.jitter = Milliseconds(30);
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    EXPECT_EQ(search(network, raw_options(), seed).found.round_trip, exactly(1500)) << seed;
  }
}

TEST(PathMtuSearch, DuplicatesAndReorderingChangeNothing) {
  SimulatedNetwork network = path_of(1387);
  network.duplicate_ratio = 1;
  network.jitter = Milliseconds(35);
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const SearchRun run = search(network, raw_options(), seed);
    EXPECT_EQ(run.found.round_trip, exactly(1387)) << seed;
    for (const SizeCount& size : run.found.sizes) EXPECT_LE(size.answered, size.sent) << size.size_bytes;
  }
}

Reply too_big_about(std::optional<std::uint16_t> id, std::uint32_t mtu_bytes) {
  Reply reply;
  reply.kind = Reply::Kind::kTooBig;
  reply.probe_id = id;
  reply.from = IpAddress::parse("203.0.113.66").value();
  reply.mtu_bytes = mtu_bytes;
  return reply;
}

TEST(PathMtuSearch, ForgedClaimsHaveNoEffectAndAreListedWithAReason) {
  SimulatedNetwork network = path_of(1400);
  const auto honest = search(network).found;
  network.forge = [](const Probe& probe) {
    return std::vector<Reply>{too_big_about(std::nullopt, 600), too_big_about(60000, 700), too_big_about(probe.id, 67),
                              too_big_about(probe.id, probe.size_bytes), too_big_about(probe.id, 65535)};
  };
  const auto found = search(network).found;
  EXPECT_EQ(found.round_trip, exactly(1400));
  EXPECT_EQ(found.constriction, honest.constriction);
  std::set<std::uint32_t> claims;
  for (const TooBigMessage& message : found.too_big) {
    claims.insert(message.mtu_bytes);
    EXPECT_FALSE(message.accepted) << message.mtu_bytes;
    EXPECT_FALSE(message.reason.empty()) << message.mtu_bytes;
  }
  for (const std::uint32_t claim : {600U, 700U, 67U, 65535U}) EXPECT_TRUE(claims.contains(claim)) << claim;
}

TEST(PathMtuSearch, CredibleLieAboutEveryLargeProbeIsMeasuredAway) {
  SimulatedNetwork network = path_of(1500);
  network.forge = [](const Probe& probe) {
    return probe.size_bytes > 1300 && probe.ttl == kFullTtl ? std::vector<Reply>{too_big_about(probe.id, 1300)}
                                                            : std::vector<Reply>{};
  };
  EXPECT_EQ(search(network).found.round_trip, exactly(1500));
}

TEST(PathMtuSearch, ClaimsOfRoutersAreHintsOnly) {
  for (const std::uint32_t claim : {0U, 576U, 1279U, 1380U, 1400U, 1420U, 1500U}) {
    SimulatedNetwork network = path_of(1400, true);
    network.links[1].claim_bytes = claim;
    for (const Family family : {Family::kInet, Family::kInet6}) {
      EXPECT_EQ(search(network, raw_options(family)).found.round_trip, exactly(1400)) << claim << family_name(family);
    }
  }
}

TEST(PathMtuSearch, RouterThatLimitsItsMessagesIsMeasuredAllTheSame) {
  SimulatedNetwork network = path_of(1387, true);
  network.rate_limited = true;
  const SearchRun run = search(network);
  EXPECT_EQ(run.found.round_trip, exactly(1387));
  ASSERT_TRUE(run.found.constriction.has_value());
  EXPECT_EQ(run.found.constriction->from_ttl, 1);
}

TEST(PathMtuSearch, NoEchoProvokesATooBigMessageOfIpv6) {
  for (const std::uint32_t mtu : {1371U, 1400U, 1492U, 1499U}) {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      SimulatedNetwork network = path_of(mtu, true);
      network.links[3].mtu_bytes = 1290;  // silent, behind the one that signals
      network.one_way = Milliseconds(1 + 10 * static_cast<double>(seed));
      SearchRun run = search(network, raw_options(Family::kInet6), seed);
      EXPECT_EQ(run.simulation.too_big_after_echo, 0U) << mtu << ' ' << seed;
      EXPECT_EQ(run.found.round_trip, exactly(std::min(mtu, 1290U)));
    }
  }
}

/// The most bytes sent within any `window` that begins after the first answer.
std::uint64_t most_bytes_within(const Simulation& simulation, TimePoint::duration window) {
  const auto& sent = simulation.sent;
  std::uint64_t most = 0;
  std::uint64_t sum = 0;
  std::size_t oldest = 0;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    if (sent[i].at < *simulation.first_answer) {
      oldest = i + 1;
      continue;
    }
    sum += sent[i].probe.size_bytes;
    for (; sent[i].at - sent[oldest].at >= window; ++oldest) sum -= sent[oldest].probe.size_bytes;
    most = std::max(most, sum);
  }
  return most;
}

TEST(PathMtuSearch, SendsNoMoreThanTheRateInAnyRoundTrip) {
  for (const std::uint32_t rate : {8192U, 32768U, 131072U}) {
    for (const int rtt_ms : {1, 10, 40, 200}) {
      SimulatedNetwork network = path_of(1387);
      network.one_way = Milliseconds(rtt_ms / 2.0);
      PathMtuSearchOptions options = raw_options();
      options.rate_bytes_per_round_trip = rate;
      options.abilities.fragments = false;
      const SearchRun run = search(network, options);
      EXPECT_EQ(run.found.round_trip, exactly(1387));
      EXPECT_LE(most_bytes_within(run.simulation, milliseconds(rtt_ms)), rate) << rtt_ms;
    }
  }
}

TEST(PathMtuSearch, GentleKeepsElevenUnansweredSizesInFlight) {
  PathMtuSearchOptions options = raw_options();
  options.gentle = true;
  options.abilities.ttl_limited = options.abilities.fragments = false;
  const SearchRun run = search(path_of(1387), options);
  EXPECT_EQ(run.found.round_trip, exactly(1387));
  const auto& sent = run.simulation.sent;
  for (std::size_t end = 0; end < sent.size(); ++end) {
    std::set<std::uint32_t> open;
    for (std::size_t i = end + 1; i-- > 0 && sent[end].at - sent[i].at < milliseconds(40);) {
      const auto answer = run.simulation.answered.find(sent[i].probe.size_bytes);
      const bool is_known = answer != run.simulation.answered.end() && answer->second <= sent[i].at;
      if (sent[i].probe.method == Method::kEcho && !is_known) open.insert(sent[i].probe.size_bytes);
    }
    ASSERT_LE(open.size(), 11U);
  }
}

TEST(PathMtuSearch, NumbersItsProbesFromOneWithoutAGap) {
  const SearchRun run = search(path_of(1387));
  for (std::size_t i = 0; i < run.simulation.sent.size(); ++i) {
    ASSERT_EQ(run.simulation.sent[i].probe.id, i + 1);
  }
  EXPECT_EQ(run.found.probing.probes_sent, run.simulation.sent.size());
}

TEST(PathMtuSearch, CountsTheBytesItSent) {
  const SearchRun run = search(path_of(1387));
  std::uint64_t bytes = 0;
  for (const auto& sent : run.simulation.sent) bytes += sent.probe.size_bytes;
  EXPECT_EQ(run.found.probing.bytes_sent, bytes);
}

TEST(PathMtuSearch, FullSocketBufferDelaysAndLosesNothing) {
  SimulatedNetwork network = path_of(1387);
  int calls = 0;
  network.refuse = [&calls](const Probe&) -> std::optional<SendFailure> {
    if (++calls % 3 == 0) return SendFailure::kWouldBlock;
    return std::nullopt;
  };
  EXPECT_EQ(search(network).found.round_trip, exactly(1387));
}

TEST(PathMtuSearch, DeviceThatRefusesASizeIsTheEdge) {
  SimulatedNetwork network = path_of(1500);
  network.refuse = [](const Probe& probe) {
    return probe.size_bytes > 1420 ? std::optional(SendFailure::kTooLarge) : std::nullopt;
  };
  const SearchRun run = search(network);
  EXPECT_EQ(run.found.round_trip, exactly(1420));
  EXPECT_EQ(run.found.forward, exactly(1420));
}

TEST(PathMtuSearch, FirewallThatBlocksEveryProbeLeavesNothingAnswered) {
  SimulatedNetwork network = path_of(1500);
  network.refuse = [](const Probe&) { return std::optional(SendFailure::kBlocked); };
  const SearchRun run = search(network);
  EXPECT_FALSE(run.found.answered);
  EXPECT_NEAR(run.took.count(), 3000, 1);
}

TEST(PathMtuSearch, SlowLinkDoesNotMakeItLie) {
  for (const std::uint64_t queue : {8000U, 32000U}) {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      SimulatedNetwork network = path_of(1400);
      network.bytes_per_second = 125000;
      network.queue_bytes = queue;
      network.jitter = Milliseconds(static_cast<double>(seed) / 5);
      const auto found = search(network, raw_options(), seed).found;
      EXPECT_LE(found.round_trip.at_least_bytes.value_or(0), 1400U) << queue;
      EXPECT_GE(found.round_trip.at_most_bytes.value_or(1500), 1400U) << queue;
      EXPECT_FALSE(found.size_dependent_loss) << queue;
    }
  }
}

TEST(PathMtuSearch, PolicerDoesNotMakeItLie) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    SimulatedNetwork network = path_of(1400);
    network.bytes_per_second = 125000;
    network.burst_bytes = 32000;
    network.jitter = Milliseconds(static_cast<double>(seed) / 10);
    const auto found = search(network, raw_options(), seed).found;
    EXPECT_LE(found.round_trip.at_least_bytes.value_or(0), 1400U) << seed;
    EXPECT_GE(found.round_trip.at_most_bytes.value_or(1500), 1400U) << seed;
  }
}

TEST(PathMtuSearch, LossOfLargePacketsAloneIsSeen) {
  SimulatedNetwork network = path_of(1500);
  network.one_way = Milliseconds(9);
  network.large_bytes = 1441;
  network.large_loss = 0.4;
  int seen = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed)
    seen += search(network, raw_options(), seed).found.size_dependent_loss;
  EXPECT_GE(seen, 95);
}

TEST(PathMtuSearch, LossOfEverySizeAlikeIsNotLossBySize) {
  SimulatedNetwork network = path_of(1500);
  network.loss = 0.1;
  for (const double burst : {1.0, 4.0, 8.0}) {
    network.burst_packets = burst;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
      ASSERT_FALSE(search(network, raw_options(), seed).found.size_dependent_loss) << burst << ' ' << seed;
    }
  }
}

}  // namespace
}  // namespace vpndoctor::testing
