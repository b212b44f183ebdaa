// SPDX-License-Identifier: Apache-2.0
// Thousands of simulated connections whose truth is known: what is called proven is true, and what is true is mostly
// found.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <span>

#include "simulated_tcp.h"
#include "vpndoctor/capture_flows.h"

namespace vpndoctor::test {
namespace {

CaptureFlows read(const std::vector<StoredPacket>& packets) {
  CaptureFlowReader reader;
  for (const StoredPacket& packet : packets) reader.take(packet.view());
  return reader.result();
}

/// What the server's packets fared, which are those that the scenes are about.
std::optional<FlowMtu> server_flow(const TcpScene& scene, const CaptureFlows& flows) {
  const auto found = std::ranges::find(flows.flows, scene_server(scene), &FlowMtu::source);
  return found == flows.flows.end() ? std::nullopt : std::optional(*found);
}

std::uint32_t draw(std::mt19937_64& random, std::uint32_t from, std::uint32_t to) {
  return std::uniform_int_distribution<std::uint32_t>(from, to)(random);
}

TcpScene draw_scene(std::mt19937_64& random) {
  TcpScene scene;
  scene.family = draw(random, 0, 1) == 0 ? Family::kInet : Family::kInet6;
  scene.mss = scene.family == Family::kInet ? 1460 : 1440;
  scene.timestamps = draw(random, 0, 3) != 0;
  scene.sack = draw(random, 0, 3) != 0;
  scene.near_receiver = draw(random, 0, 1) != 0;
  scene.offload = draw(random, 0, 1) != 0;
  scene.splits = draw(random, 0, 2) == 0;
  scene.first_sequence = draw(random, 0, 2) == 0 ? 0xffffff00U + draw(random, 0, 255) : draw(random, 0, 0xffffffff);
  scene.snap_bytes = draw(random, 0, 1) == 0 ? 128 : 262144;
  const bool chatty = draw(random, 0, 1) != 0;
  const std::uint32_t writes = draw(random, 1, 40);
  for (std::uint32_t index = 0; index < writes; ++index)
    scene.writes.push_back(draw(random, 0, chatty ? 2 : 1) != 0 ? draw(random, 20, 900) : draw(random, 1400, 20000));
  scene.pause_seconds = 0.02 + 0.01 * draw(random, 0, 100);
  scene.seconds = draw(random, 3, 40);
  return scene;
}

TEST(CaptureFlowsRandom, PlainLossIsNeverAProvenBlackHole) {
  std::mt19937_64 random(1);
  int likely = 0;
  constexpr int kRounds = 3000;
  for (int round = 0; round < kRounds; ++round) {
    TcpScene scene = draw_scene(random);
    scene.loss = 0.05 * draw(random, 0, 8);
    scene.outages_per_second = draw(random, 0, 2) == 0 ? 0.2 : 0;
    for (const FlowMtu& flow : read(simulate_tcp(scene, random)).flows) {
      if (flow.status != FlowMtuStatus::kBlackHole) continue;
      ASSERT_NE(flow.confidence, Confidence::kProven) << "round " << round << ": " << flow.why;
      if (flow.confidence == Confidence::kLikely) ++likely;
    }
  }
  EXPECT_LE(likely, kRounds / 100);
}

TEST(CaptureFlowsRandom, WhatIsClaimedOfAHoleIsItsSize) {
  std::mt19937_64 random(2);
  int found = 0;
  int proven = 0;
  int expected = 0;
  for (int round = 0; round < 1500; ++round) {
    TcpScene scene = draw_scene(random);
    scene.near_receiver = false;
    scene.hole_bytes = draw(random, 1300, 1499);
    scene.loss = 0.01 * draw(random, 0, 5);
    const auto flow = server_flow(scene, read(simulate_tcp(scene, random)));
    if (!flow) continue;
    ASSERT_NE(flow->status, FlowMtuStatus::kClear) << "round " << round << ": " << flow->why;
    const bool large = std::ranges::any_of(scene.writes, [](std::uint32_t bytes) { return bytes >= 1500; });
    if (large && scene.seconds >= 10) ++expected;
    if (flow->status != FlowMtuStatus::kBlackHole) continue;
    ++found;
    if (flow->confidence == Confidence::kProven) ++proven;
    EXPECT_GT(*flow->smallest_lost_bytes, scene.hole_bytes) << "round " << round << ": " << flow->why;
    // Where the card splits, what a sender that has come down sends next may look like one packet of a middling size.
    if (!scene.offload) {
      EXPECT_LE(flow->largest_acknowledged_bytes.value_or(0), scene.hole_bytes) << "round " << round;
    }
  }
  EXPECT_GE(found, expected * 8 / 10);
  EXPECT_GE(proven, expected / 20);
}

/// Takes the client's packets away, as a capture on one of two ways does.
void keep_server(const TcpScene& scene, std::vector<StoredPacket>& packets) {
  const std::size_t source_at = 14 + (scene.family == Family::kInet ? 12U : 8U);
  const IpAddress server = scene_server(scene);
  const auto octets = std::as_bytes(server.octets());
  std::erase_if(packets, [&](const StoredPacket& packet) {
    return !std::ranges::equal(std::span(packet.bytes).subspan(source_at, octets.size()), octets);
  });
}

TEST(CaptureFlowsRandom, OneDirectionIsNeverAVerdict) {
  std::mt19937_64 random(5);
  std::array<int, 2> suspected{};
  constexpr int kRounds = 600;
  for (int round = 0; round < 2 * kRounds; ++round) {
    TcpScene scene = draw_scene(random);
    scene.near_receiver = false;
    scene.offload = false;
    scene.seconds = 40;
    const bool has_hole = round % 2 == 0;
    if (has_hole) scene.hole_bytes = draw(random, 1300, 1499);
    if (!has_hole) scene.loss = 0.05 * draw(random, 1, 6);
    auto packets = simulate_tcp(scene, random);
    keep_server(scene, packets);
    for (const FlowMtu& flow : read(packets).flows) {
      EXPECT_EQ(flow.status, FlowMtuStatus::kUndetermined) << "round " << round << ": " << flow.why;
      EXPECT_TRUE(flow.why.starts_with("only one direction")) << flow.why;
      if (flow.why.find("suspected") != std::string::npos) ++suspected[has_hole ? 0 : 1];
    }
  }
  EXPECT_GE(suspected[0], kRounds / 5);
  EXPECT_LE(suspected[1] * 4, suspected[0]);
}

TEST(CaptureFlowsRandom, ASignalledPathIsNoHole) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 500; ++round) {
    TcpScene scene = draw_scene(random);
    scene.near_receiver = false;
    scene.hole_bytes = draw(random, 1300, 1450);
    scene.is_signalled = true;
    scene.writes.push_back(30000);
    scene.seconds = 60;
    const auto flow = server_flow(scene, read(simulate_tcp(scene, random)));
    ASSERT_TRUE(flow);
    EXPECT_EQ(flow->status, FlowMtuStatus::kSignalled) << "round " << round << ": " << flow->why;
    EXPECT_EQ(flow->too_big_mtu_bytes, scene.hole_bytes);
    if (!scene.offload) {
      EXPECT_LE(flow->largest_acknowledged_bytes.value_or(0), scene.hole_bytes);
    }
  }
}

TEST(CaptureFlowsRandom, AHealthyPathIsClear) {
  std::mt19937_64 random(4);
  for (int round = 0; round < 500; ++round) {
    TcpScene scene = draw_scene(random);
    scene.writes.push_back(30000);
    scene.seconds = 60;
    const auto flow = server_flow(scene, read(simulate_tcp(scene, random)));
    ASSERT_TRUE(flow);
    EXPECT_EQ(flow->status, FlowMtuStatus::kClear) << "round " << round << ": " << flow->why;
    EXPECT_EQ(flow->largest_acknowledged_bytes, 1500U);
    EXPECT_EQ(flow->retransmitted, 0U);
  }
}

}  // namespace
}  // namespace vpndoctor::test
