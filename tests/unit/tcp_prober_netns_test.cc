// SPDX-License-Identifier: Apache-2.0
// The TCP prober against the kernel's TCP behind a router that drops, clamps or signals. Skips where network namespaces
// or nft are not to be had.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tcp_world.h"

namespace vpndoctor {
namespace {

using State = TcpEvidence::State;

constexpr const char* kForwardHole = "iifname \"to-client\" meta length > 1400 drop";
constexpr const char* kReverseHole = "iifname \"to-server\" meta length > 1400 drop";
constexpr const char* kClamp = "tcp flags & syn == syn tcp option maxseg size set 1300";

bool has(const char* program) {
  return std::system(("command -v " + std::string(program) + " >/dev/null 2>&1").c_str()) == 0;
}

TcpWorld world_with(std::vector<std::string> rules, std::vector<std::uint32_t> sizes = {1500, 1400}) {
  TcpWorld world;
  world.router_rules = std::move(rules);
  world.sizes = std::move(sizes);
  world.options.loss_wait = Milliseconds{800};
  return world;
}

#define EXAMINE(world, evidence)                                                                            \
  if (!has("ip") || (!(world).router_rules.empty() && !has("nft"))) GTEST_SKIP() << "ip or nft is missing"; \
  const auto examined = examine_in(world);                                                                  \
  if (!examined) GTEST_SKIP() << examined.error();                                                          \
  const TcpEvidence& evidence = *examined

TEST(TcpProber, OpenPathCarriesFullSegmentsBothWays) {
  const TcpWorld world = world_with({});
  EXAMINE(world, evidence);
  EXPECT_EQ(evidence.port, 443);
  EXPECT_EQ(evidence.state, State::kOpen);
  EXPECT_EQ(evidence.sent_mss_bytes, 1460);
  EXPECT_EQ(evidence.peer_mss_bytes, 1460);
  EXPECT_EQ(evidence.forward_full_bytes, 1500U);
  EXPECT_EQ(evidence.forward_lost_bytes, std::nullopt);
  EXPECT_EQ(evidence.reverse_full_bytes, 1500U);
  EXPECT_EQ(evidence.reverse_lost_bytes, std::nullopt);
  EXPECT_TRUE(evidence.notes.empty()) << evidence.notes.front();
}

TEST(TcpProber, OpenPathCarriesFullSegmentsBothWaysOverInet6) {
  TcpWorld world = world_with({});
  world.inet6 = true;
  EXAMINE(world, evidence);
  EXPECT_EQ(evidence.sent_mss_bytes, 1440);
  EXPECT_EQ(evidence.peer_mss_bytes, 1440);
  EXPECT_EQ(evidence.forward_full_bytes, 1500U);
  EXPECT_EQ(evidence.reverse_full_bytes, 1500U);
}

TEST(TcpProber, JumboLinksCarryJumboSegments) {
  TcpWorld world = world_with({}, {9000, 1500});
  world.client_link_mtu = world.server_link_mtu = 9000;
  EXAMINE(world, evidence);
  EXPECT_EQ(evidence.peer_mss_bytes, 8960);
  EXPECT_EQ(evidence.forward_full_bytes, 9000U);
  EXPECT_EQ(evidence.reverse_lost_bytes, std::nullopt);
}

TEST(TcpProber, ForwardHoleLosesOurSegmentsOnly) {
  const TcpWorld world = world_with({kForwardHole}, {1500, 1401, 1400});
  EXAMINE(world, evidence);
  EXPECT_EQ(evidence.forward_full_bytes, 1400U);
  EXPECT_EQ(evidence.forward_lost_bytes, 1401U);
  EXPECT_EQ(evidence.reverse_full_bytes, 1500U);
  EXPECT_EQ(evidence.reverse_lost_bytes, std::nullopt);
}

TEST(TcpProber, ReverseHoleLosesThePeersSegmentsOnly) {
  const TcpWorld world = world_with({kReverseHole}, {1500, 1401, 1400});
  EXAMINE(world, evidence);
  EXPECT_EQ(evidence.forward_full_bytes, 1500U);
  EXPECT_EQ(evidence.forward_lost_bytes, std::nullopt);
  EXPECT_EQ(evidence.reverse_full_bytes, 1400U);
  EXPECT_EQ(evidence.reverse_lost_bytes, 1401U);
}

TEST(TcpProber, HolesInBothDirectionsAreBothSeenOverInet6) {
  TcpWorld world = world_with({kReverseHole, kForwardHole}, {1500, 1401, 1400});
  world.inet6 = true;
  EXAMINE(world, evidence);
  EXPECT_EQ(evidence.forward_full_bytes, 1400U);
  EXPECT_EQ(evidence.forward_lost_bytes, 1401U);
  EXPECT_EQ(evidence.reverse_full_bytes, 1400U);
  EXPECT_EQ(evidence.reverse_lost_bytes, 1401U);
}

TEST(TcpProber, SmallestSizeIsAddedForContrast) {
  const TcpWorld world = world_with({kReverseHole}, {1500});
  EXAMINE(world, evidence);
  EXPECT_EQ(evidence.reverse_lost_bytes, 1500U);
  EXPECT_GE(evidence.reverse_full_bytes.value_or(0), 500U);
  EXPECT_LE(evidence.reverse_full_bytes.value_or(0), 1400U);
}

TEST(TcpProber, HoleForEverySizeTestedIsNoSizeLimit) {
  TcpWorld world = world_with({kReverseHole}, {1500, 1450});
  world.options.max_connections = 2;
  EXAMINE(world, evidence);
  EXPECT_LE(evidence.reverse_full_bytes.value_or(0), 1400U);  // the short end of a reply may come through
  EXPECT_EQ(evidence.reverse_lost_bytes, std::nullopt);
  EXPECT_FALSE(evidence.notes.empty());
}

TEST(TcpProber, ClampedMssIsSeenInTheSynAck) {
  const TcpWorld world = world_with({kClamp, kForwardHole, kReverseHole});
  EXAMINE(world, evidence);
  EXPECT_EQ(evidence.sent_mss_bytes, 1460);
  EXPECT_EQ(evidence.peer_mss_bytes, 1300);
  EXPECT_EQ(evidence.forward_full_bytes, 1340U);
  EXPECT_EQ(evidence.forward_lost_bytes, std::nullopt);
  EXPECT_EQ(evidence.reverse_full_bytes, 1340U);
  EXPECT_EQ(evidence.reverse_lost_bytes, std::nullopt);
}

TEST(TcpProber, ClampedMssIsInferredWithoutCapture) {
  TcpWorld world = world_with({kClamp});
  world.capture = false;
  EXAMINE(world, evidence);
  EXPECT_EQ(evidence.peer_mss_bytes, 1300);
}

TEST(TcpProber, PeersMssIsNotGuessedWithoutCapture) {
  TcpWorld world = world_with({});
  world.capture = false;
  EXAMINE(world, evidence);
  EXPECT_EQ(evidence.peer_mss_bytes, std::nullopt);
  ASSERT_EQ(evidence.notes.size(), 1U);
}

TEST(TcpProber, TooBigMessageMakesSegmentsSmallerAndNothingLost) {
  TcpWorld world = world_with({});
  world.router_commands = {"ip route replace 10.9.2.0/24 dev to-server mtu lock 1380"};
  EXAMINE(world, evidence);
  EXPECT_EQ(evidence.peer_mss_bytes, 1460);
  EXPECT_EQ(evidence.forward_full_bytes, 1380U);
  EXPECT_EQ(evidence.forward_lost_bytes, std::nullopt);
  EXPECT_EQ(evidence.reverse_full_bytes, 1500U);
  EXPECT_EQ(evidence.reverse_lost_bytes, std::nullopt);
}

TEST(TcpProber, ForwardIsLeftAloneWhenNotWanted) {
  TcpWorld world = world_with({kForwardHole});
  world.options.forward = false;
  EXAMINE(world, evidence);
  EXPECT_EQ(evidence.forward_full_bytes, std::nullopt);
  EXPECT_EQ(evidence.forward_lost_bytes, std::nullopt);
  EXPECT_EQ(evidence.reverse_full_bytes, 1500U);
}

TEST(TcpProber, SshReplyBoundsTheReverseHoleByItsOwnLength) {
  TcpWorld world = world_with({"iifname \"to-server\" meta length > 1000 drop"}, {1500, 1400});
  world.server = TestServer::kSsh;
  EXAMINE(world, evidence);
  EXPECT_EQ(evidence.forward_full_bytes, 1500U);
  EXPECT_LE(evidence.reverse_full_bytes.value_or(0), 576U);
  EXPECT_EQ(evidence.reverse_lost_bytes, 1114U + 52U);
}

TEST(TcpProber, SshReplyIsMeasuredOnOpenPath) {
  TcpWorld world = world_with({});
  world.server = TestServer::kSsh;
  EXAMINE(world, evidence);
  EXPECT_EQ(evidence.forward_full_bytes, 1500U);
  EXPECT_EQ(evidence.reverse_full_bytes, 1152U);
  EXPECT_EQ(evidence.reverse_lost_bytes, std::nullopt);
}

TEST(TcpProber, MuteServerProvesTheWayThereOnly) {
  TcpWorld world = world_with({kForwardHole});
  world.server = TestServer::kMute;
  EXAMINE(world, evidence);
  EXPECT_EQ(evidence.state, State::kOpen);
  EXPECT_EQ(evidence.forward_full_bytes, 1400U);
  EXPECT_EQ(evidence.forward_lost_bytes, 1500U);
  EXPECT_EQ(evidence.reverse_full_bytes, std::nullopt);
  EXPECT_EQ(evidence.reverse_lost_bytes, std::nullopt);
}

TEST(TcpProber, ServerThatHangsUpProvesNoLoss) {
  TcpWorld world = world_with({kReverseHole, kForwardHole});
  world.server = TestServer::kHangsUp;
  EXAMINE(world, evidence);
  EXPECT_EQ(evidence.state, State::kOpen);
  EXPECT_EQ(evidence.forward_lost_bytes, std::nullopt);
  EXPECT_EQ(evidence.reverse_lost_bytes, std::nullopt);
  EXPECT_FALSE(evidence.notes.empty());
}

TEST(TcpProber, RealTlsServerSendsItsCertificateInFullSegments) {
  if (!has("openssl")) GTEST_SKIP() << "openssl is missing";
  TcpWorld world = world_with({}, {1200});
  world.server = TestServer::kOpenSsl;
  EXAMINE(world, evidence);
  EXPECT_EQ(evidence.reverse_full_bytes, 1200U);
  EXPECT_EQ(evidence.forward_full_bytes, 1200U);
}

TEST(TcpProber, ClosedPortIsRefused) {
  TcpWorld world = world_with({});
  world.server = TestServer::kNone;
  EXAMINE(world, evidence);
  EXPECT_EQ(evidence.state, State::kRefused);
  EXPECT_EQ(evidence.reverse_full_bytes, std::nullopt);
}

TEST(TcpProber, FilteredPortIsSilent) {
  TcpWorld world = world_with({"tcp dport 443 drop"});
  world.options.silence_after = Milliseconds{300};
  EXAMINE(world, evidence);
  EXPECT_EQ(evidence.state, State::kSilent);
}

}  // namespace
}  // namespace vpndoctor
