// SPDX-License-Identifier: Apache-2.0
// Random paths with a known truth, measured ideally with random means: what the diagnosis may never get wrong.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/unit/path_mtu_cases.h"
#include "vpndoctor/path_mtu_diagnosis.h"

namespace vpndoctor {
namespace {

using path_mtu_cases::finding_of;
using path_mtu_cases::too_big;

enum class Policy { kSend, kSilent, kZero, kClaimTooMuch, kClaimTooLittle };

struct Truth {
  std::uint32_t link = 1500;
  std::uint32_t forward = 1500;
  std::uint32_t reverse = 1500;
  std::uint32_t echo_filter = 65535;  ///< larger echoes are dropped at the target
  Policy policy = Policy::kSilent;
  std::uint8_t routers = 3;
  std::uint8_t narrow_ttl = 2;  ///< the router in front of the narrow link

  bool narrow() const { return forward < link; }
  std::uint32_t round_trip() const { return std::min({forward, reverse, echo_filter}); }
};

struct Means {
  bool udp = false;
  bool ttl = false;
  bool tcp = false;
  bool capture = false;
};

using Random = std::mt19937;

std::uint32_t pick(Random& random, std::uint32_t low, std::uint32_t high) {
  return std::uniform_int_distribution<std::uint32_t>(low, high)(random);
}

bool flip(Random& random) { return pick(random, 0, 1) == 1; }

Truth random_truth(Random& random) {
  Truth truth;
  truth.link = flip(random) ? 1500 : pick(random, 1300, 9000);
  truth.forward = flip(random) ? truth.link : pick(random, 700, truth.link - 1);
  truth.reverse = pick(random, 0, 2) != 0 ? truth.link : pick(random, 700, truth.link - 1);
  if (pick(random, 0, 3) == 0) truth.echo_filter = pick(random, 600, truth.link);
  truth.policy = static_cast<Policy>(pick(random, 0, 4));
  truth.routers = static_cast<std::uint8_t>(pick(random, 1, 6));
  truth.narrow_ttl = static_cast<std::uint8_t>(pick(random, 1, truth.routers));
  return truth;
}

IpAddress router(std::uint8_t ttl) {
  IpAddress address;
  address.bytes = {192, 0, 2, ttl};
  return address;
}

SizeBounds ideal(std::uint32_t limit, std::uint32_t link) {
  return {limit, limit < link ? std::optional(limit) : std::nullopt};
}

void add_claims(const Truth& truth, PathMtuMeasurement& measurement) {
  const auto from = router(truth.narrow_ttl);
  const std::uint32_t edge = truth.forward + 1;
  switch (truth.policy) {
    case Policy::kSilent:
      return;
    case Policy::kSend:
      return measurement.too_big.push_back(too_big(from, truth.forward, edge));
    case Policy::kZero:
      measurement.too_big.push_back(too_big(from, 0, edge));
      measurement.too_big.back().accepted = true;
      return;
    case Policy::kClaimTooMuch:
      return measurement.too_big.push_back(too_big(from, truth.forward + 20, edge));
    case Policy::kClaimTooLittle:
      return measurement.too_big.push_back(too_big(from, truth.forward - 20, edge));
  }
}

/// The size that is located is the first that is lost on the round trip, or by UDP on the way there.
void add_hops(const Truth& truth, bool udp, PathMtuMeasurement& measurement) {
  measurement.hops.clear();
  for (std::uint8_t ttl = 1; ttl <= truth.routers + 1; ++ttl) {
    Hop hop;
    hop.ttl = ttl;
    hop.address = ttl > truth.routers ? measurement.target.address : router(ttl);
    hop.largest_bytes = ttl <= truth.narrow_ttl ? truth.link : truth.forward;
    measurement.hops.push_back(hop);
  }
  if (!truth.narrow() || (!udp && truth.round_trip() < truth.forward)) return;
  measurement.constriction = {.from_ttl = truth.narrow_ttl,
                              .from_address = router(truth.narrow_ttl),
                              .to_ttl = static_cast<std::uint8_t>(truth.narrow_ttl + 1),
                              .to_address = measurement.hops[truth.narrow_ttl].address};
}

void add_tcp(const Truth& truth, PathMtuMeasurement& measurement) {
  TcpEvidence tcp;
  tcp.port = 443;
  tcp.state = TcpEvidence::State::kOpen;
  tcp.forward_full_bytes = truth.forward;
  tcp.reverse_full_bytes = truth.reverse;
  if (truth.forward < truth.link && truth.policy == Policy::kSilent) tcp.forward_lost_bytes = truth.forward + 1;
  if (truth.reverse < truth.link) tcp.reverse_lost_bytes = truth.reverse + 1;
  measurement.tcp = tcp;
}

PathMtuMeasurement measure(const Truth& truth, const Means& means) {
  auto measurement = path_mtu_cases::clear_path(truth.link);
  measurement.hops.clear();
  measurement.round_trip = ideal(truth.round_trip(), truth.link);
  measurement.forward = means.udp ? ideal(truth.forward, truth.link) : SizeBounds{};
  measurement.false_claim_probability = 1e-6;
  if (truth.narrow()) add_claims(truth, measurement);
  if (means.ttl) add_hops(truth, means.udp, measurement);
  if (means.tcp) add_tcp(truth, measurement);
  const bool replies_cut = truth.reverse < std::min(truth.forward, truth.echo_filter);
  if (means.capture && replies_cut) measurement.fragments = ReplyFragments{{}, {}, true};
  return measurement;
}

Means random_means(Random& random) { return {flip(random), flip(random), flip(random), flip(random)}; }

PathMtuStatus true_status(const Truth& truth) {
  if (truth.reverse < truth.link || (truth.narrow() && truth.policy == Policy::kSilent))
    return PathMtuStatus::kBlackHole;
  if (!truth.narrow()) return PathMtuStatus::kClear;
  const bool lies = truth.policy == Policy::kClaimTooMuch || truth.policy == Policy::kClaimTooLittle;
  return lies ? PathMtuStatus::kMisreported : PathMtuStatus::kSignalled;
}

std::optional<Direction> true_direction(const Truth& truth) {
  const bool there = truth.narrow() && truth.policy == Policy::kSilent;
  const bool back = truth.reverse < truth.link;
  if (there) return back ? Direction::kBoth : Direction::kForward;
  return back ? std::optional(Direction::kReverse) : std::nullopt;
}

std::string describe(const Truth& truth, const Means& means) {
  return "link " + std::to_string(truth.link) + " forward " + std::to_string(truth.forward) + " reverse " +
         std::to_string(truth.reverse) + " filter " + std::to_string(truth.echo_filter) + " policy " +
         std::to_string(static_cast<int>(truth.policy)) + " ttl " + std::to_string(truth.narrow_ttl) + "/" +
         std::to_string(truth.routers) + " means " + std::to_string(means.udp) + std::to_string(means.ttl) +
         std::to_string(means.tcp) + std::to_string(means.capture);
}

constexpr int kTrials = 20000;

TEST(PathMtuDiagnosisProperty, NeverContradictsTheTruth) {
  Random random(1);
  for (int trial = 0; trial < kTrials; ++trial) {
    const Truth truth = random_truth(random);
    const Means means = random_means(random);
    const auto diagnosis = diagnose_path_mtu(measure(truth, means));
    SCOPED_TRACE(describe(truth, means));
    ASSERT_TRUE(diagnosis.path_mtu_at_least_bytes && diagnosis.path_mtu_at_most_bytes);
    ASSERT_LE(*diagnosis.path_mtu_at_least_bytes, truth.forward);
    ASSERT_GE(*diagnosis.path_mtu_at_most_bytes, truth.forward);
    ASSERT_EQ(diagnosis.path_mtu_bytes.has_value(),
              diagnosis.path_mtu_at_least_bytes == diagnosis.path_mtu_at_most_bytes);
    if (diagnosis.status == PathMtuStatus::kBlackHole) {
      ASSERT_EQ(true_status(truth), PathMtuStatus::kBlackHole);
    }
    if (diagnosis.status == PathMtuStatus::kClear) {
      ASSERT_FALSE(truth.narrow());
    }
    if (diagnosis.direction == Direction::kForward || diagnosis.direction == Direction::kBoth) {
      ASSERT_TRUE(truth.narrow() && truth.policy == Policy::kSilent);
    }
    if (diagnosis.direction == Direction::kReverse || diagnosis.direction == Direction::kBoth) {
      ASSERT_LT(truth.reverse, truth.link);
    }
    if (diagnosis.reverse_path_mtu_bytes) {
      ASSERT_EQ(*diagnosis.reverse_path_mtu_bytes, truth.reverse);
    }
    ASSERT_EQ(diagnosis.status == PathMtuStatus::kUndetermined, !diagnosis.undetermined_because.empty());
    ASSERT_EQ(finding_of(diagnosis, "MTU001") != nullptr, diagnosis.status == PathMtuStatus::kBlackHole);
    if (diagnosis.advice.interface_mtu_bytes) {
      ASSERT_LE(*diagnosis.advice.interface_mtu_bytes, truth.forward);
    }
  }
}

TEST(PathMtuDiagnosisProperty, FindsTheTruthWithEveryMeans) {
  Random random(2);
  for (int trial = 0; trial < kTrials; ++trial) {
    const Truth truth = random_truth(random);
    const Means all{true, true, true, true};
    const auto diagnosis = diagnose_path_mtu(measure(truth, all));
    SCOPED_TRACE(describe(truth, all));
    ASSERT_EQ(diagnosis.status, true_status(truth));
    ASSERT_EQ(diagnosis.direction, true_direction(truth));
    ASSERT_EQ(diagnosis.path_mtu_bytes, truth.forward);
  }
}

TEST(PathMtuDiagnosisProperty, NeverClaimsABlackHoleThatMayBeChance) {
  Random random(3);
  for (int trial = 0; trial < kTrials; ++trial) {
    const Truth truth = random_truth(random);
    const Means means = random_means(random);
    auto measurement = measure(truth, means);
    measurement.false_claim_probability = std::uniform_real_distribution<double>(0.0011, 1.0)(random);
    measurement.too_big.clear();
    const auto diagnosis = diagnose_path_mtu(measurement);
    SCOPED_TRACE(describe(truth, means));
    const bool loss_seen = measurement.round_trip.at_most_bytes || measurement.forward.at_most_bytes;
    if (loss_seen) {
      ASSERT_NE(diagnosis.status, PathMtuStatus::kBlackHole);
    }
    ASSERT_TRUE(diagnosis.path_mtu_at_least_bytes <= diagnosis.path_mtu_at_most_bytes);
  }
}

/// Whatever a measurement contains, consistent or not, the answer is well-formed and in order.
PathMtuMeasurement nonsense(Random& random) {
  const auto size = [&] { return flip(random) ? std::optional(pick(random, 0, 70000)) : std::nullopt; };
  const auto bounds = [&] { return SizeBounds{size(), size()}; };
  auto measurement = path_mtu_cases::clear_path();
  measurement.answered = pick(random, 0, 4) != 0;
  measurement.max_bytes = pick(random, 0, 70000);
  measurement.egress.link_mtu_bytes = size();
  measurement.egress.route_mtu_bytes = size();
  measurement.egress.kernel_path_mtu_bytes = size();
  measurement.egress.is_tunnel = flip(random);
  if (flip(random)) measurement.egress.tunnel_kind = flip(random) ? "wireguard" : "openvpn";
  measurement.round_trip = bounds();
  measurement.forward = bounds();
  if (flip(random)) measurement.reverse = bounds();
  if (flip(random)) measurement.false_claim_probability = flip(random) ? 0.5 : 1e-9;
  if (flip(random)) measurement.lost_bands = {{pick(random, 0, 3000), pick(random, 0, 3000)}};
  if (flip(random)) measurement.too_big = {too_big(router(2), pick(random, 0, 3000), pick(random, 0, 3000))};
  if (flip(random)) measurement.too_big_not_delivered = {too_big(router(2), 1400, 1500)};
  if (flip(random)) measurement.fragments = ReplyFragments{size(), flip(random)};
  if (flip(random)) measurement.constriction = Constriction{1, std::nullopt, 2, std::nullopt};
  measurement.large_echo_filtered = flip(random);
  measurement.size_dependent_loss = flip(random);
  if (!flip(random)) return measurement;
  TcpEvidence tcp;
  tcp.state = static_cast<TcpEvidence::State>(pick(random, 0, 2));
  tcp.forward_full_bytes = size();
  tcp.forward_lost_bytes = size();
  tcp.reverse_full_bytes = size();
  tcp.reverse_lost_bytes = size();
  if (flip(random)) tcp.peer_mss_bytes = static_cast<std::uint16_t>(pick(random, 0, 65535));
  measurement.tcp = tcp;
  return measurement;
}

TEST(PathMtuDiagnosisProperty, StaysWellFormedOnNonsense) {
  Random random(4);
  for (int trial = 0; trial < kTrials; ++trial) {
    const auto measurement = nonsense(random);
    const auto outer = nonsense(random);
    DiagnosisOptions options{.expect_min_bytes = std::nullopt, .outer = flip(random) ? &outer : nullptr};
    if (flip(random)) options.expect_min_bytes = pick(random, 68, 9000);
    const auto diagnosis = diagnose_path_mtu(measurement, options);
    SCOPED_TRACE(trial);
    if (diagnosis.path_mtu_at_least_bytes && diagnosis.path_mtu_at_most_bytes) {
      ASSERT_LE(*diagnosis.path_mtu_at_least_bytes, *diagnosis.path_mtu_at_most_bytes);
    }
    if (diagnosis.direction) {
      ASSERT_EQ(diagnosis.status, PathMtuStatus::kBlackHole);
    }
    const bool tcp_open = measurement.tcp && measurement.tcp->state == TcpEvidence::State::kOpen;
    if (!measurement.answered && !tcp_open) {
      ASSERT_EQ(diagnosis.status, PathMtuStatus::kUndetermined);
    }
    ASSERT_TRUE(path_mtu_headline(measurement, diagnosis).ends_with('.'));
    ASSERT_TRUE(std::ranges::is_sorted(diagnosis.findings, std::ranges::greater{}, &Finding::severity));
    for (const auto& finding : diagnosis.findings) ASSERT_FALSE(finding.title.empty() || finding.subject.id.empty());
  }
}

}  // namespace
}  // namespace vpndoctor
