// SPDX-License-Identifier: Apache-2.0
// The diagnosis, case by case: the status and direction table of the contract, bounds, findings, advice.
#include "vpndoctor/path_mtu_diagnosis.h"

#include <gtest/gtest.h>

#include "tests/unit/path_mtu_cases.h"

namespace vpndoctor {
namespace {

using namespace path_mtu_cases;  // NOLINT(google-build-using-namespace): the vocabulary of these tests

PathMtuDiagnosis diagnose(const PathMtuMeasurement& measurement) { return diagnose_path_mtu(measurement); }

TcpEvidence open_tcp() {
  TcpEvidence tcp;
  tcp.port = 443;
  tcp.state = TcpEvidence::State::kOpen;
  return tcp;
}

TEST(PathMtuDiagnosis, CallsAPathThatCarriesTheLinksSizeClear) {
  const auto diagnosis = diagnose(clear_path());
  EXPECT_EQ(diagnosis.status, PathMtuStatus::kClear);
  EXPECT_EQ(diagnosis.path_mtu_bytes, 1500U);
  EXPECT_EQ(diagnosis.path_mtu_at_most_bytes, 1500U);
  EXPECT_EQ(diagnosis.direction, std::nullopt);
  EXPECT_TRUE(diagnosis.findings.empty());
  EXPECT_EQ(diagnosis.advice.interface_mtu_bytes, std::nullopt);
  EXPECT_EQ(diagnosis.advice.tcp_mss_bytes, 1460U);
}

TEST(PathMtuDiagnosis, CallsSilentLossABlackHole) {
  const auto measurement = narrow_path(1400);
  const auto diagnosis = diagnose(measurement);
  EXPECT_EQ(diagnosis.status, PathMtuStatus::kBlackHole);
  EXPECT_EQ(diagnosis.direction, Direction::kForward);
  EXPECT_EQ(diagnosis.path_mtu_bytes, 1400U);
  ASSERT_NE(finding_of(diagnosis, "MTU001"), nullptr);
  EXPECT_EQ(finding_of(diagnosis, "MTU001")->severity, Severity::kError);
  EXPECT_EQ(finding_of(diagnosis, "MTU001")->confidence, Confidence::kProven);
  EXPECT_FALSE(finding_of(diagnosis, "MTU001")->evidence.empty());
  EXPECT_EQ(diagnosis.advice.interface_mtu_bytes, 1400U);
  EXPECT_EQ(diagnosis.advice.tcp_mss_inet_bytes, 1360U);
  EXPECT_EQ(diagnosis.advice.tcp_mss_inet6_bytes, 1340U);
  EXPECT_EQ(path_mtu_headline(measurement, diagnosis),
            "Packets above 1400 bytes vanish in silence on the way to example.org, behind hop 2 (192.0.2.9).");
}

TEST(PathMtuDiagnosis, CallsARightClaimSignalled) {
  auto measurement = narrow_path(1400);
  measurement.too_big = {too_big(kRouter2, 1400, 1500)};
  const auto diagnosis = diagnose(measurement);
  EXPECT_EQ(diagnosis.status, PathMtuStatus::kSignalled);
  EXPECT_EQ(diagnosis.direction, std::nullopt);
  EXPECT_EQ(diagnosis.path_mtu_bytes, 1400U);
  ASSERT_NE(finding_of(diagnosis, "MTU004"), nullptr);
  EXPECT_EQ(diagnosis.findings.size(), 1U);
  EXPECT_EQ(diagnosis.advice.interface_mtu_bytes, std::nullopt);
}

TEST(PathMtuDiagnosis, BelievesNoMessageThatQuotesNothingOfOurs) {
  auto measurement = narrow_path(1400);
  measurement.too_big = {{kRouter2, 1400, std::nullopt, false, "quotes no packet of ours", 1}};
  EXPECT_EQ(diagnose(measurement).status, PathMtuStatus::kBlackHole);
}

TEST(PathMtuDiagnosis, FindsTheHoleBehindALinkThatSignals) {
  auto measurement = narrow_path(1400);
  measurement.too_big = {too_big(kRouter1, 1450, 1500)};
  measurement.hops[1].largest_bytes = 1450;
  const auto diagnosis = diagnose(measurement);
  EXPECT_EQ(diagnosis.status, PathMtuStatus::kBlackHole);
  EXPECT_EQ(finding_of(diagnosis, "MTU002"), nullptr);
  EXPECT_EQ(finding_of(diagnosis, "MTU003"), nullptr);
}

TEST(PathMtuDiagnosis, AcceptsTwoLinksThatBothSignal) {
  auto measurement = narrow_path(1400);
  measurement.too_big = {too_big(kRouter1, 1450, 1500), too_big(kRouter2, 1400, 1450)};
  measurement.hops[1].largest_bytes = 1450;
  EXPECT_EQ(diagnose(measurement).status, PathMtuStatus::kSignalled);
}

TEST(PathMtuDiagnosis, CallsAClaimAboveTheClaimersLinkMisreported) {
  auto measurement = narrow_path(1400);
  measurement.too_big = {too_big(kRouter2, 1450, 1500)};
  const auto diagnosis = diagnose(measurement);
  EXPECT_EQ(diagnosis.status, PathMtuStatus::kMisreported);
  ASSERT_NE(finding_of(diagnosis, "MTU002"), nullptr);
  EXPECT_EQ(finding_of(diagnosis, "MTU002")->severity, Severity::kError);
  EXPECT_EQ(finding_of(diagnosis, "MTU002")->subject.id, "192.0.2.9");
  EXPECT_EQ(diagnosis.advice.interface_mtu_bytes, 1400U);
}

TEST(PathMtuDiagnosis, CallsAClaimAtTheProbesOwnSizeMisreportedNotSilence) {
  auto measurement = narrow_path(1400);
  measurement.too_big = {too_big(kRouter2, 1500, 1401)};
  ASSERT_FALSE(measurement.too_big.front().accepted);
  EXPECT_EQ(diagnose(measurement).status, PathMtuStatus::kMisreported);
  EXPECT_NE(finding_of(diagnose(measurement), "MTU002"), nullptr);
}

TEST(PathMtuDiagnosis, CallsAClaimBelowWhatPassesMisreported) {
  auto measurement = narrow_path(1400);
  measurement.too_big = {too_big(kRouter2, 1300, 1500)};
  const auto diagnosis = diagnose(measurement);
  EXPECT_EQ(diagnosis.status, PathMtuStatus::kMisreported);
  ASSERT_NE(finding_of(diagnosis, "MTU003"), nullptr);
  EXPECT_EQ(finding_of(diagnosis, "MTU003")->severity, Severity::kWarning);
  EXPECT_EQ(diagnosis.path_mtu_bytes, 1400U);
}

TEST(PathMtuDiagnosis, IsNotFooledByAForgedMessageOnAClearPath) {
  auto measurement = clear_path();
  measurement.too_big = {too_big(kRouter2, 600, 1500)};
  const auto diagnosis = diagnose(measurement);
  EXPECT_EQ(diagnosis.path_mtu_bytes, 1500U);
  EXPECT_EQ(diagnosis.status, PathMtuStatus::kMisreported);
  measurement.too_big = {too_big(kRouter2, 60, 1500), too_big(kRouter2, 1600, 1400)};
  EXPECT_EQ(diagnose(measurement).status, PathMtuStatus::kClear);
}

TEST(PathMtuDiagnosis, TakesAClaimOfZeroForAnOldRouterNotALie) {
  auto measurement = narrow_path(1400);
  measurement.too_big = {too_big(kRouter2, 0, 1500)};
  const auto diagnosis = diagnose(measurement);
  EXPECT_EQ(diagnosis.status, PathMtuStatus::kSignalled);
  EXPECT_NE(finding_of(diagnosis, "MTU004"), nullptr);
  EXPECT_EQ(finding_of(diagnosis, "MTU002"), nullptr);
}

TEST(PathMtuDiagnosis, NamesALocalFirewallThatEatsMessages) {
  auto measurement = narrow_path(1400);
  measurement.too_big_not_delivered = {too_big(kRouter2, 1400, 1500)};
  const auto diagnosis = diagnose(measurement);
  EXPECT_EQ(diagnosis.status, PathMtuStatus::kBlackHole);
  ASSERT_NE(finding_of(diagnosis, "MTU006"), nullptr);
  EXPECT_EQ(finding_of(diagnosis, "MTU001")->caused_by, std::vector<std::string>{"MTU006"});
}

TEST(PathMtuDiagnosis, DoesNotBlameThePathForLostEchoesAlone) {
  auto measurement = clear_path();
  measurement.round_trip = {1400, 1400};
  measurement.forward = {1400, std::nullopt};
  measurement.false_claim_probability = 1e-9;
  const auto diagnosis = diagnose(measurement);
  EXPECT_EQ(diagnosis.status, PathMtuStatus::kUndetermined);
  EXPECT_EQ(diagnosis.path_mtu_bytes, std::nullopt);
  EXPECT_EQ(diagnosis.path_mtu_at_least_bytes, 1400U);
  EXPECT_EQ(diagnosis.path_mtu_at_most_bytes, 1500U);
  EXPECT_TRUE(diagnosis.findings.empty());
  EXPECT_FALSE(diagnosis.next_steps.empty());
}

TEST(PathMtuDiagnosis, TakesLostEchoesForForwardLossWhenARouterStopsThem) {
  auto measurement = narrow_path(1400);
  measurement.forward = {};
  EXPECT_EQ(diagnose(measurement).status, PathMtuStatus::kBlackHole);
  EXPECT_EQ(diagnose(measurement).path_mtu_bytes, 1400U);
  measurement.constriction = {
      .from_ttl = 3, .from_address = kRouter3, .to_ttl = 4, .to_address = measurement.target.address};
  EXPECT_EQ(diagnose(measurement).status, PathMtuStatus::kUndetermined);
}

TEST(PathMtuDiagnosis, UsesHopsBehindTheClaimerToJudgeAClaim) {
  auto measurement = narrow_path(1400);
  measurement.too_big = {too_big(kRouter1, 1450, 1500)};
  measurement.hops[1].largest_bytes = 1500;
  EXPECT_NE(finding_of(diagnose(measurement), "MTU003"), nullptr);
  EXPECT_EQ(diagnose(measurement).status, PathMtuStatus::kBlackHole);
}

TEST(PathMtuDiagnosis, TakesASignalledEchoForForwardLoss) {
  auto measurement = clear_path();
  measurement.hops.clear();
  measurement.round_trip = {1400, 1400};
  measurement.forward = {1400, std::nullopt};
  measurement.too_big = {too_big(kRouter2, 1400, 1500)};
  EXPECT_EQ(diagnose(measurement).status, PathMtuStatus::kSignalled);
  EXPECT_EQ(diagnose(measurement).path_mtu_bytes, 1400U);
}

TEST(PathMtuDiagnosis, LeavesTheWayBackOpenWithoutEvidence) {
  auto measurement = clear_path();
  measurement.round_trip = {1400, 1400};
  const auto diagnosis = diagnose(measurement);
  EXPECT_EQ(diagnosis.status, PathMtuStatus::kUndetermined);
  EXPECT_EQ(diagnosis.path_mtu_bytes, 1500U);
  EXPECT_EQ(diagnosis.direction, std::nullopt);
  EXPECT_NE(diagnosis.undetermined_because.find("the way there carries 1500 bytes"), std::string::npos);
}

TEST(PathMtuDiagnosis, FindsAReverseHoleByTheTailsOfReplies) {
  auto measurement = clear_path();
  measurement.round_trip = {1400, 1400};
  measurement.fragments = ReplyFragments{{}, {}, true};
  const auto diagnosis = diagnose(measurement);
  EXPECT_EQ(diagnosis.status, PathMtuStatus::kBlackHole);
  EXPECT_EQ(diagnosis.direction, Direction::kReverse);
  EXPECT_EQ(diagnosis.path_mtu_bytes, 1500U);
  EXPECT_EQ(diagnosis.reverse_path_mtu_bytes, 1400U);
  EXPECT_EQ(diagnosis.advice.interface_mtu_bytes, 1400U);
  EXPECT_EQ(path_mtu_headline(measurement, diagnosis),
            "Packets above 1400 bytes from example.org vanish in silence on the way back.");
}

TEST(PathMtuDiagnosis, FindsAReverseHoleByTcpAlthoughEchoesReturnInFragments) {
  auto measurement = clear_path();
  measurement.tcp = open_tcp();
  measurement.tcp->reverse_full_bytes = 1380;
  measurement.tcp->reverse_lost_bytes = 1420;
  const auto diagnosis = diagnose(measurement);
  EXPECT_EQ(diagnosis.status, PathMtuStatus::kBlackHole);
  EXPECT_EQ(diagnosis.direction, Direction::kReverse);
  EXPECT_EQ(diagnosis.tcp_carries_full_segments, false);
  EXPECT_NE(finding_of(diagnosis, "MTU010"), nullptr);
}

TEST(PathMtuDiagnosis, FindsHolesInBothDirections) {
  auto measurement = narrow_path(1400);
  measurement.fragments = ReplyFragments{{}, {}, true};
  EXPECT_EQ(diagnose(measurement).direction, Direction::kBoth);
}

TEST(PathMtuDiagnosis, ReportsANarrowWayBackThatFragmentsAsANotice) {
  auto measurement = clear_path();
  measurement.fragments = ReplyFragments{1396, {}, false};
  const auto diagnosis = diagnose(measurement);
  EXPECT_EQ(diagnosis.status, PathMtuStatus::kClear);
  EXPECT_EQ(diagnosis.reverse_path_mtu_bytes, 1396U);
  ASSERT_NE(finding_of(diagnosis, "MTU014"), nullptr);
  measurement = clear_path(1499);
  measurement.fragments = ReplyFragments{1492, {}, false};
  EXPECT_EQ(finding_of(diagnose(measurement), "MTU014"), nullptr);
  measurement.fragments->first_fragment_bytes = 1484;
  EXPECT_NE(finding_of(diagnose(measurement), "MTU014"), nullptr);
}

TEST(PathMtuDiagnosis, CallsAnEchoSizeFilterNoBlackHole) {
  auto measurement = clear_path();
  measurement.round_trip = {1000, 1000};
  measurement.tcp = open_tcp();
  measurement.tcp->forward_full_bytes = measurement.tcp->reverse_full_bytes = 1500;
  const auto by_tcp = diagnose(measurement);
  EXPECT_EQ(by_tcp.status, PathMtuStatus::kClear);
  EXPECT_NE(finding_of(by_tcp, "MTU008"), nullptr);
  EXPECT_EQ(finding_of(by_tcp, "MTU001"), nullptr);
  measurement.tcp.reset();
  measurement.large_echo_filtered = true;
  EXPECT_EQ(diagnose(measurement).status, PathMtuStatus::kClear);
}

TEST(PathMtuDiagnosis, LetsTcpOutrankIcmp) {
  auto measurement = narrow_path(1400);
  measurement.constriction.reset();
  measurement.tcp = open_tcp();
  measurement.tcp->forward_full_bytes = measurement.tcp->reverse_full_bytes = 1500;
  EXPECT_EQ(diagnose(measurement).status, PathMtuStatus::kClear);
  EXPECT_EQ(diagnose(measurement).path_mtu_bytes, 1500U);

  auto other = clear_path();
  other.tcp = open_tcp();
  other.tcp->forward_full_bytes = 1400;
  other.tcp->forward_lost_bytes = 1401;
  EXPECT_EQ(diagnose(other).status, PathMtuStatus::kBlackHole);
  EXPECT_EQ(diagnose(other).path_mtu_bytes, 1400U);
}

TEST(PathMtuDiagnosis, GivesARangeWhenLossMayBeChance) {
  auto measurement = narrow_path(1400);
  measurement.false_claim_probability = 0.02;
  const auto diagnosis = diagnose(measurement);
  EXPECT_EQ(diagnosis.status, PathMtuStatus::kUndetermined);
  EXPECT_EQ(diagnosis.path_mtu_bytes, std::nullopt);
  EXPECT_EQ(diagnosis.path_mtu_at_least_bytes, 1400U);
  EXPECT_EQ(diagnosis.path_mtu_at_most_bytes, 1500U);
  EXPECT_EQ(finding_of(diagnosis, "MTU001"), nullptr);
  measurement.too_big = {too_big(kRouter2, 1400, 1500)};
  EXPECT_EQ(diagnose(measurement).status, PathMtuStatus::kSignalled);
}

TEST(PathMtuDiagnosis, SaysWhichSizesABandLoses) {
  auto measurement = narrow_path(1310);
  measurement.constriction.reset();
  measurement.lost_bands = {{1311, 1410}};
  const auto diagnosis = diagnose(measurement);
  EXPECT_EQ(diagnosis.status, PathMtuStatus::kBlackHole);
  EXPECT_EQ(diagnosis.path_mtu_bytes, 1310U);
  EXPECT_EQ(path_mtu_headline(measurement, diagnosis),
            "Packets of 1311 to 1410 bytes vanish in silence on the way to example.org, although smaller and larger "
            "ones pass.");
}

TEST(PathMtuDiagnosis, DoesNotTakeAFullTcpSegmentForProofOfABandBelowIt) {
  auto measurement = narrow_path(1310);
  measurement.lost_bands = {{1311, 1410}};
  measurement.tcp = open_tcp();
  measurement.tcp->forward_full_bytes = measurement.tcp->reverse_full_bytes = 1500;
  EXPECT_EQ(diagnose(measurement).status, PathMtuStatus::kBlackHole);
  EXPECT_EQ(diagnose(measurement).path_mtu_bytes, 1310U);
}

TEST(PathMtuDiagnosis, KnowsNoDirectionForABandSeenByEchoesAlone) {
  auto measurement = narrow_path(1310);
  measurement.constriction.reset();
  measurement.forward = {};
  measurement.lost_bands = {{1311, 1410}};
  const auto diagnosis = diagnose(measurement);
  EXPECT_EQ(diagnosis.status, PathMtuStatus::kBlackHole);
  EXPECT_EQ(diagnosis.direction, std::nullopt);
  EXPECT_EQ(diagnosis.path_mtu_bytes, std::nullopt);
  EXPECT_EQ(diagnosis.advice.interface_mtu_bytes, 1310U);
}

TEST(PathMtuDiagnosis, IsUndeterminedWhenNothingAnswers) {
  auto measurement = clear_path();
  measurement.answered = false;
  measurement.round_trip = measurement.forward = {};
  measurement.hops.clear();
  const auto diagnosis = diagnose(measurement);
  EXPECT_EQ(diagnosis.status, PathMtuStatus::kUndetermined);
  EXPECT_EQ(diagnosis.path_mtu_at_least_bytes, std::nullopt);
  EXPECT_EQ(diagnosis.path_mtu_at_most_bytes, std::nullopt);
  EXPECT_FALSE(diagnosis.undetermined_because.empty());
}

TEST(PathMtuDiagnosis, TakesAnOpenTcpPortForAnAnswer) {
  auto measurement = clear_path();
  measurement.answered = false;
  measurement.round_trip = measurement.forward = {};
  measurement.tcp = open_tcp();
  measurement.tcp->forward_full_bytes = 1400;
  measurement.tcp->forward_lost_bytes = 1401;
  EXPECT_EQ(diagnose(measurement).status, PathMtuStatus::kBlackHole);
  EXPECT_EQ(diagnose(measurement).path_mtu_bytes, 1400U);
  measurement.tcp->state = TcpEvidence::State::kSilent;
  EXPECT_EQ(diagnose(measurement).status, PathMtuStatus::kUndetermined);
}

TEST(PathMtuDiagnosis, ReportsAStaleKernelCacheEitherWay) {
  auto measurement = clear_path();
  measurement.egress.kernel_path_mtu_bytes = 1200;
  EXPECT_NE(finding_of(diagnose(measurement), "MTU005"), nullptr);
  measurement = narrow_path(1400);
  measurement.egress.kernel_path_mtu_bytes = 1450;
  EXPECT_NE(finding_of(diagnose(measurement), "MTU005"), nullptr);
  measurement.egress.kernel_path_mtu_bytes = 1400;
  EXPECT_EQ(finding_of(diagnose(measurement), "MTU005"), nullptr);
}

TEST(PathMtuDiagnosis, TakesARouteMtuForConfigurationUnlessItExceedsThePath) {
  auto measurement = clear_path();
  measurement.egress.route_mtu_bytes = 1300;
  EXPECT_TRUE(diagnose(measurement).findings.empty());
  measurement = narrow_path(1400);
  measurement.egress.route_mtu_bytes = 1450;
  EXPECT_NE(finding_of(diagnose(measurement), "MTU016"), nullptr);
  measurement.egress.route_mtu_bytes = 1500;
  EXPECT_EQ(finding_of(diagnose(measurement), "MTU016"), nullptr);
}

TEST(PathMtuDiagnosis, SeesAClampedMssAndOneThatDoesNotProtect) {
  auto measurement = narrow_path(1400);
  measurement.tcp = open_tcp();
  measurement.tcp->peer_mss_bytes = 1360;
  auto diagnosis = diagnose(measurement);
  EXPECT_EQ(diagnosis.tcp_mss_clamped, true);
  EXPECT_NE(finding_of(diagnosis, "MTU009"), nullptr);
  EXPECT_EQ(finding_of(diagnosis, "MTU010"), nullptr);
  measurement.tcp->peer_mss_bytes = 1460;
  diagnosis = diagnose(measurement);
  EXPECT_EQ(diagnosis.tcp_mss_clamped, false);
  EXPECT_EQ(finding_of(diagnosis, "MTU009"), nullptr);
  EXPECT_NE(finding_of(diagnosis, "MTU010"), nullptr);
}

TEST(PathMtuDiagnosis, DoesNotCallAnEthernetPeerOnAJumboLinkClamped) {
  auto measurement = clear_path(9000);
  measurement.tcp = open_tcp();
  measurement.tcp->peer_mss_bytes = 1460;
  EXPECT_EQ(diagnose(measurement).tcp_mss_clamped, false);
  measurement.tcp->peer_mss_bytes.reset();
  EXPECT_EQ(diagnose(measurement).tcp_mss_clamped, std::nullopt);
}

TEST(PathMtuDiagnosis, DecidesAnExpectationByTheProvenRange) {
  const auto measurement = narrow_path(1400);
  const auto passes = diagnose_path_mtu(measurement, {.expect_min_bytes = 1400});
  EXPECT_EQ(passes.meets_expectation, true);
  EXPECT_EQ(finding_of(passes, "MTU001")->severity, Severity::kWarning);
  const auto fails = diagnose_path_mtu(measurement, {.expect_min_bytes = 1401});
  EXPECT_EQ(fails.meets_expectation, false);
  ASSERT_NE(finding_of(fails, "MTU013"), nullptr);
  EXPECT_EQ(finding_of(fails, "MTU001")->severity, Severity::kError);

  auto range = clear_path();
  range.round_trip = {1400, 1400};
  range.forward = {1400, std::nullopt};
  const auto open = diagnose_path_mtu(range, {.expect_min_bytes = 1450});
  EXPECT_EQ(open.meets_expectation, std::nullopt);
  EXPECT_FALSE(open.undetermined_because.empty());
  EXPECT_EQ(finding_of(open, "MTU013"), nullptr);
}

TEST(PathMtuDiagnosis, TakesTheTunnelsMtuFromItsOuterPath) {
  auto inner = narrow_path(1328);
  inner.constriction.reset();
  inner.egress.interface = "wg0";
  inner.egress.is_tunnel = true;
  inner.egress.tunnel_kind = "wireguard";
  inner.egress.link_mtu_bytes = inner.max_bytes = 1420;
  const auto alone = diagnose(inner);
  EXPECT_EQ(alone.advice.interface_mtu_bytes, std::nullopt);
  EXPECT_EQ(alone.advice.tcp_mss_bytes, 1288U);
  EXPECT_EQ(alone.advice.encapsulation, "1420 = 1500 - 80: WireGuard over IPv6");

  const auto outer = narrow_path(1400);
  const auto both = diagnose_path_mtu(inner, {.expect_min_bytes = std::nullopt, .outer = &outer});
  EXPECT_EQ(both.advice.interface_mtu_bytes, 1340U);
  EXPECT_EQ(both.advice.tcp_mss_bytes, 1300U);
  EXPECT_EQ(both.advice.fit, TunnelMtuFit::kTooLarge);
  EXPECT_EQ(both.advice.fit_bytes, 80);
  ASSERT_NE(finding_of(both, "MTU011"), nullptr);
  EXPECT_EQ(finding_of(both, "MTU001")->caused_by, std::vector<std::string>{"MTU011"});
}

TEST(PathMtuDiagnosis, JudgesATunnelThatFitsOrCouldBeRaised) {
  auto inner = clear_path(1440);
  inner.egress.is_tunnel = true;
  inner.egress.tunnel_kind = "wireguard";
  const auto outer = clear_path();
  auto diagnosis = diagnose_path_mtu(inner, {.expect_min_bytes = std::nullopt, .outer = &outer});
  EXPECT_EQ(diagnosis.advice.fit, TunnelMtuFit::kExact);
  EXPECT_EQ(diagnosis.advice.interface_mtu_bytes, std::nullopt);
  EXPECT_TRUE(diagnosis.findings.empty());
  inner = clear_path(1280);
  inner.egress.is_tunnel = true;
  inner.egress.tunnel_kind = "wireguard";
  diagnosis = diagnose_path_mtu(inner, {.expect_min_bytes = std::nullopt, .outer = &outer});
  EXPECT_EQ(diagnosis.advice.fit, TunnelMtuFit::kCouldBeRaised);
  EXPECT_EQ(diagnosis.advice.interface_mtu_bytes, 1440U);
  EXPECT_NE(finding_of(diagnosis, "MTU012"), nullptr);
}

TEST(PathMtuDiagnosis, DoesNotBlameOpenVpnForAnInterfaceMtuOf1500) {
  auto inner = clear_path(1500);
  inner.egress.is_tunnel = true;
  inner.egress.tunnel_kind = "openvpn";
  const auto outer = clear_path();
  const auto diagnosis = diagnose_path_mtu(inner, {.expect_min_bytes = std::nullopt, .outer = &outer});
  EXPECT_TRUE(diagnosis.findings.empty());
  EXPECT_EQ(diagnosis.advice.fit, std::nullopt);
}

TEST(PathMtuDiagnosis, CallsAnIpv6PathBelow1280AnError) {
  auto measurement = narrow_path(1279);
  EXPECT_EQ(finding_of(diagnose(measurement), "MTU015"), nullptr);
  measurement.target.address = address("2001:db8::1");
  const auto diagnosis = diagnose(measurement);
  EXPECT_NE(finding_of(diagnosis, "MTU015"), nullptr);
  EXPECT_EQ(diagnosis.advice.tcp_mss_bytes, std::nullopt);
}

TEST(PathMtuDiagnosis, CallsOwnAddressesClearWithinIpv4sLimit) {
  PathMtuMeasurement measurement;
  measurement.target.address = address("127.0.0.1");
  measurement.egress.is_local = true;
  measurement.egress.link_mtu_bytes = 65536;
  const auto diagnosis = diagnose(measurement);
  EXPECT_EQ(diagnosis.status, PathMtuStatus::kClear);
  EXPECT_EQ(diagnosis.path_mtu_bytes, 65535U);
  EXPECT_TRUE(diagnosis.skipped.empty());
}

TEST(PathMtuDiagnosis, KnowsNoExactValueAboveTheLargestSizeAskedFor) {
  auto measurement = clear_path();
  measurement.max_bytes = 1400;
  measurement.forward = measurement.round_trip = {1400, std::nullopt};
  const auto diagnosis = diagnose(measurement);
  EXPECT_EQ(diagnosis.status, PathMtuStatus::kClear);
  EXPECT_EQ(diagnosis.path_mtu_bytes, std::nullopt);
  EXPECT_EQ(diagnosis.path_mtu_at_least_bytes, 1400U);
  EXPECT_EQ(diagnosis.path_mtu_at_most_bytes, 1500U);
}

TEST(PathMtuDiagnosis, ReportsLossThatDependsOnSize) {
  auto measurement = clear_path();
  measurement.size_dependent_loss = true;
  measurement.sizes = {{1000, 20, 20}, {1469, 20, 15}};
  const auto diagnosis = diagnose(measurement);
  ASSERT_NE(finding_of(diagnosis, "MTU007"), nullptr);
  EXPECT_NE(finding_of(diagnosis, "MTU007")->title.find("1469"), std::string::npos);
  EXPECT_EQ(diagnosis.status, PathMtuStatus::kClear);
}

TEST(PathMtuDiagnosis, PutsTheMostSevereFindingFirst) {
  auto measurement = narrow_path(1400);
  measurement.egress.kernel_path_mtu_bytes = 1450;
  measurement.too_big = {too_big(kRouter1, 1450, 1500)};
  measurement.hops[1].largest_bytes = 1450;
  const auto findings = diagnose(measurement).findings;
  ASSERT_GE(findings.size(), 2U);
  EXPECT_EQ(findings.front().code, "MTU001");
  for (std::size_t i = 1; i < findings.size(); ++i) EXPECT_GE(findings[i - 1].severity, findings[i].severity);
}

TEST(PathMtuNames, AreTheWordsOfTheContract) {
  EXPECT_STREQ(path_mtu_status_name(PathMtuStatus::kBlackHole), "black_hole");
  EXPECT_STREQ(path_mtu_status_name(PathMtuStatus::kMisreported), "misreported");
  EXPECT_STREQ(path_mtu_status_name(PathMtuStatus::kSignalled), "signalled");
  EXPECT_STREQ(path_mtu_status_name(PathMtuStatus::kClear), "clear");
  EXPECT_STREQ(path_mtu_status_name(PathMtuStatus::kUndetermined), "undetermined");
  EXPECT_STREQ(direction_name(Direction::kForward), "forward");
  EXPECT_STREQ(direction_name(Direction::kReverse), "reverse");
  EXPECT_STREQ(direction_name(Direction::kBoth), "both");
  EXPECT_STREQ(method_name(Method::kEcho), "icmp");
  EXPECT_STREQ(method_name(Method::kUdp), "udp");
  EXPECT_STREQ(method_name(Method::kTcp), "tcp");
}

}  // namespace
}  // namespace vpndoctor
