// SPDX-License-Identifier: Apache-2.0
// Flows of a capture case by case: what proves a black hole, and what only looks like one.
#include "vpndoctor/capture_flows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <random>
#include <span>

#include "capture_flow_verdict.h"
#include "simulated_tcp.h"

namespace vpndoctor::test {
namespace {

using Packets = std::vector<StoredPacket>;

constexpr std::uint32_t kServerStart = 1000;
constexpr std::uint32_t kClientStart = 77;
constexpr std::uint32_t kFull = 1448;

CaptureFlows read(const Packets& packets) {
  CaptureFlowReader reader;
  for (const StoredPacket& packet : packets) reader.take(packet.view());
  return reader.result();
}

FlowMtu first_flow(const Packets& packets) {
  const CaptureFlows flows = read(packets);
  return flows.flows.empty() ? FlowMtu{} : flows.flows.front();
}

std::vector<std::string> codes(const CaptureFlows& flows) {
  std::vector<std::string> codes;
  for (const Finding& finding : judge_capture_flows(flows)) codes.push_back(finding.code);
  return codes;
}

/// Writes down a connection packet by packet, as a capture beside the server sees it.
class Story {
 public:
  explicit Story(TcpScene scene = {}) : scene_(scene) {
    scene_.first_sequence = kServerStart;
    put({.from_server = false, .sequence = kClientStart, .flags = "S"});
    put({.sequence = kServerStart, .acknowledgment = kClientStart + 1, .flags = "SA"});
    put({.from_server = false, .sequence = kClientStart + 1, .acknowledgment = kServerStart + 1});
  }

  Story& wait(double seconds) {
    now_ += seconds;
    return *this;
  }
  /// The server sends `bytes` from `offset` of its stream on.
  Story& data(std::uint32_t offset, std::uint32_t bytes) {
    return put({.sequence = kServerStart + 1 + offset, .acknowledgment = kClientStart + 1, .payload_bytes = bytes});
  }
  Story& ack(std::uint32_t offset, std::vector<std::pair<std::uint32_t, std::uint32_t>> sacked = {},
             std::uint16_t window = 500) {
    for (auto& [from, to] : sacked) {
      from += kServerStart + 1;
      to += kServerStart + 1;
    }
    return put({.from_server = false,
                .sequence = kClientStart + 1,
                .acknowledgment = kServerStart + 1 + offset,
                .window = window,
                .sacked = std::move(sacked)});
  }
  Story& put(SegmentByHand segment) {
    now_ += 0.01;
    segment.at_seconds = now_;
    packets_.push_back(segment_packet(scene_, segment));
    return *this;
  }
  Story& too_big(std::uint32_t offset, std::uint32_t bytes, std::uint32_t mtu) {
    now_ += 0.01;
    packets_.push_back(too_big_packet(
        scene_, {.sequence = kServerStart + 1 + offset, .payload_bytes = bytes, .at_seconds = now_}, mtu));
    return *this;
  }
  /// Small writes that are acknowledged one by one; returns where the stream is then.
  Story& small(std::uint32_t& offset, int count) {
    for (int index = 0; index < count; ++index) {
      data(offset, 100);
      offset += 100;
      ack(offset);
    }
    return *this;
  }
  /// A full segment that is lost each time, with small ones behind it that arrive.
  Story& hole(std::uint32_t offset, std::uint32_t bytes = kFull) {
    std::uint32_t behind = offset + bytes;
    data(offset, bytes);
    for (const double pause : {0.2, 0.4, 0.8, 1.6}) {
      data(behind, 60);
      behind += 60;
      ack(offset, {{offset + bytes, behind}});
      wait(pause).data(offset, bytes);
    }
    return *this;
  }

  const Packets& packets() const { return packets_; }
  Packets& packets() { return packets_; }
  const TcpScene& scene() const { return scene_; }

 private:
  TcpScene scene_;
  double now_ = 0;
  Packets packets_;
};

Packets proven_hole() {
  Story story;
  std::uint32_t offset = 0;
  story.small(offset, 20).hole(offset);
  return story.packets();
}

TEST(CaptureFlows, FullSegmentsThatVanishBesideSmallOnesAreAProvenHole) {
  const FlowMtu flow = first_flow(proven_hole());
  EXPECT_EQ(flow.status, FlowMtuStatus::kBlackHole);
  EXPECT_EQ(flow.confidence, Confidence::kProven) << flow.why;
  EXPECT_EQ(flow.smallest_lost_bytes, 1500U);
  EXPECT_EQ(flow.largest_acknowledged_bytes, 152U);
  EXPECT_EQ(flow.announced_mss_bytes, 1460);
  EXPECT_EQ(flow.sent_in_vain, 5U);
  EXPECT_EQ(flow.retransmitted, 4U);
  EXPECT_EQ(flow.retransmitted_full, 4U);
  EXPECT_EQ(flow.smaller_acknowledged, 4U);
  EXPECT_LT(flow.false_claim_probability.value_or(1), 1e-3);
  EXPECT_EQ(codes(read(proven_hole())), std::vector<std::string>{"MTU001"});
}

/// Packets of this size vanish, headers included, beside small ones that arrive.
FlowMtu flow_with_hole(Family family, std::uint32_t packet_bytes, std::uint16_t mss = 1440) {
  const std::uint32_t header = family == Family::kInet ? 52 : 72;
  Story story(TcpScene{.family = family, .mss = mss, .writes = {}});
  std::uint32_t offset = 0;
  story.small(offset, 20).hole(offset, packet_bytes - header);
  return first_flow(story.packets());
}

TEST(CaptureFlows, WhatEveryIpv6LinkCarriesIsNoHoleOfTheMtu) {
  const FlowMtu small = flow_with_hole(Family::kInet6, 600);
  EXPECT_NE(small.status, FlowMtuStatus::kBlackHole);
  EXPECT_EQ(small.why.find("full segments"), std::string::npos) << small.why;
  EXPECT_NE(flow_with_hole(Family::kInet6, 1280).status, FlowMtuStatus::kBlackHole);
  const FlowMtu flow = flow_with_hole(Family::kInet6, 1281);
  EXPECT_EQ(flow.status, FlowMtuStatus::kBlackHole);
  EXPECT_EQ(flow.confidence, Confidence::kProven);
}

TEST(CaptureFlows, SegmentsThatAreNeitherFullNorLargeAreSuspectedAtMost) {
  for (const std::uint32_t size : {450U, 600U, 1279U}) {
    const FlowMtu flow = flow_with_hole(Family::kInet, size);
    EXPECT_EQ(flow.status, FlowMtuStatus::kBlackHole) << size;
    EXPECT_EQ(flow.confidence, Confidence::kSuspected) << size;
  }
  EXPECT_EQ(flow_with_hole(Family::kInet, 1280).confidence, Confidence::kProven);
  EXPECT_EQ(flow_with_hole(Family::kInet, 576, 536).confidence, Confidence::kProven) << "it is full";
}

TEST(CaptureFlows, AMessageThatAFilterMayHaveEatenIsSuspectedAtMostThoughThePeerIsThere) {
  Story story;
  std::uint32_t offset = 0;
  story.small(offset, 20);
  std::uint32_t asked = kClientStart + 1;
  for (const double pause : {0.2, 0.4, 0.8, 1.6, 3.2, 6.4}) {
    story.data(offset, 531)
        .wait(pause)
        .put({.from_server = false,
              .sequence = asked,
              .acknowledgment = kServerStart + 1 + offset,
              .payload_bytes = 20});
    asked += 20;
  }
  const FlowMtu flow = first_flow(story.packets());
  EXPECT_EQ(flow.status, FlowMtuStatus::kBlackHole);
  EXPECT_EQ(flow.confidence, Confidence::kSuspected);
}

TEST(CaptureFlows, AHoleIsTheSameInEveryEncapsulationOfTheCapture) {
  Packets tagged = proven_hole();
  for (StoredPacket& packet : tagged) {
    constexpr std::array kTag = {std::byte{0x81}, std::byte{0}, std::byte{0}, std::byte{7}};
    packet.bytes.insert(packet.bytes.begin() + 12, kTag.begin(), kTag.end());
    packet.length_bytes += 4;
  }
  EXPECT_EQ(first_flow(tagged).confidence, Confidence::kProven);
  EXPECT_EQ(first_flow(tagged).smallest_lost_bytes, 1500U);
  CaptureFlowReader cooked;
  for (const StoredPacket& packet : proven_hole()) {
    std::vector<std::byte> bytes(packet.bytes.begin() + 14, packet.bytes.end());
    bytes.insert(bytes.begin(), 16, std::byte{0});
    bytes[14] = std::byte{8};
    CapturedPacket view = packet.view();
    view.link_type = 113;
    view.bytes = bytes;
    view.length_bytes += 2;
    cooked.take(view);
  }
  EXPECT_EQ(cooked.result().flows.front().smallest_lost_bytes, 1500U);
}

TEST(CaptureFlows, ASmallPacketMustPassBetweenTwoThatAreLost) {
  Story story;
  std::uint32_t offset = 0;
  story.small(offset, 30).data(offset, kFull);
  for (const double pause : {0.2, 0.4, 0.8, 1.6, 3.2}) story.wait(pause).data(offset, kFull);
  const FlowMtu flow = first_flow(story.packets());
  EXPECT_NE(flow.confidence, Confidence::kProven) << "an outage looks the same";
}

TEST(CaptureFlows, AFullSegmentThatArrivedLaterIsPlainLoss) {
  Story story;
  std::uint32_t offset = 0;
  story.small(offset, 20).hole(offset).wait(0.1).ack(offset + kFull + 240);
  const FlowMtu flow = first_flow(story.packets());
  EXPECT_NE(flow.status, FlowMtuStatus::kBlackHole) << flow.why;
  EXPECT_EQ(flow.largest_acknowledged_bytes, 1500U);
}

TEST(CaptureFlows, FullSegmentsThatPassedBeforeLeaveADoubt) {
  Story story;
  std::uint32_t offset = 0;
  story.small(offset, 20).data(offset, kFull);
  offset += kFull;
  story.ack(offset).wait(1).hole(offset);
  const FlowMtu flow = first_flow(story.packets());
  EXPECT_EQ(flow.status, FlowMtuStatus::kBlackHole);
  EXPECT_NE(flow.confidence, Confidence::kProven);
}

TEST(CaptureFlows, AReceiverWithoutRoomIsNoHole) {
  Story story;
  std::uint32_t offset = 0;
  story.small(offset, 20).ack(offset, {}, 0).data(offset, kFull);
  for (const double pause : {0.2, 0.4, 0.8, 1.6}) story.ack(offset, {}, 0).wait(pause).data(offset, kFull);
  EXPECT_NE(first_flow(story.packets()).status, FlowMtuStatus::kBlackHole);
}

TEST(CaptureFlows, KeepalivesAndWindowProbesAreNoRetransmissions) {
  Story story;
  std::uint32_t offset = 0;
  story.small(offset, 5);
  for (int index = 0; index < 5; ++index)
    story.wait(10).data(offset - 1, 1).ack(offset).data(offset - 1, 0).ack(offset);
  EXPECT_EQ(first_flow(story.packets()).retransmitted, 0U);
}

TEST(CaptureFlows, OnePacketThatIsCapturedTwiceWasSentOnce) {
  Packets twice;
  for (const StoredPacket& packet : proven_hole()) {
    twice.push_back(packet);
    twice.push_back(packet);
    twice.back().at += std::chrono::microseconds(20);
  }
  const FlowMtu flow = first_flow(twice);
  EXPECT_EQ(flow.sent_in_vain, 5U);
  EXPECT_EQ(flow.retransmitted, 4U);
}

TEST(CaptureFlows, ASplitRetransmissionThatArrivesTellsOfTheHole) {
  Story story;
  std::uint32_t offset = 0;
  story.small(offset, 10).data(offset, kFull);
  for (const double pause : {0.2, 0.4, 0.8}) story.wait(pause).data(offset, kFull);
  story.wait(1.6).data(offset, 972).ack(offset + 972).data(offset + 972, 476).ack(offset + kFull);
  const FlowMtu flow = first_flow(story.packets());
  EXPECT_EQ(flow.status, FlowMtuStatus::kBlackHole) << flow.why;
  EXPECT_EQ(flow.confidence, Confidence::kLikely);
  EXPECT_TRUE(flow.got_through_smaller);
  EXPECT_EQ(flow.largest_acknowledged_bytes, 1024U);
}

TEST(CaptureFlows, AMessageThatTheSenderFollowsIsNoHole) {
  Story story;
  story.data(0, kFull).too_big(0, kFull, 1400).data(0, 1348).ack(1348).data(1348, 100).ack(kFull);
  const FlowMtu flow = first_flow(story.packets());
  EXPECT_EQ(flow.status, FlowMtuStatus::kSignalled) << flow.why;
  EXPECT_EQ(flow.too_big_mtu_bytes, 1400U);
  EXPECT_EQ(flow.too_big_from, IpAddress::parse("198.51.100.1"));
  EXPECT_EQ(flow.smallest_lost_bytes, 1500U);
  EXPECT_EQ(codes(read(story.packets())), std::vector<std::string>{"MTU004"});
}

TEST(CaptureFlows, AMessageThatTheSenderDoesNotFollowIsAFindingOfItsOwn) {
  Story story;
  std::uint32_t offset = 0;
  story.small(offset, 10).data(offset, kFull).too_big(offset, kFull, 1400);
  for (const double pause : {0.3, 0.6, 1.2, 2.4}) story.wait(pause).data(offset, kFull).too_big(offset, kFull, 1400);
  // The last message has had no time to travel.
  story.packets().pop_back();
  story.wait(5).data(offset, kFull).wait(9).data(offset, kFull);
  const FlowMtu flow = first_flow(story.packets());
  EXPECT_TRUE(flow.is_message_ignored) << flow.why;
  EXPECT_EQ(codes(read(story.packets())), std::vector<std::string>{"MTU017"});
}

TEST(CaptureFlows, AMessageAboutNothingThatIsUnderWayIsForged) {
  Story story;
  std::uint32_t offset = 0;
  story.small(offset, 10).too_big(0, 100, 600).too_big(500000, kFull, 600);
  const FlowMtu flow = first_flow(story.packets());
  EXPECT_FALSE(flow.too_big_from);
  EXPECT_NE(flow.status, FlowMtuStatus::kSignalled);
}

TEST(CaptureFlows, AMergedSegmentIsNoPacketOfTheWire) {
  for (const std::uint32_t payload : {10U * kFull, 44U * kFull, 3U * kFull + 700}) {
    Story story;
    story.data(0, payload).ack(payload);
    const FlowMtu flow = first_flow(story.packets());
    EXPECT_EQ(flow.offloaded, 1U);
    EXPECT_LE(flow.largest_acknowledged_bytes.value_or(0), 1500U);
    if (payload % kFull == 0) {
      EXPECT_EQ(flow.status, FlowMtuStatus::kClear) << flow.why;
    }
  }
}

TEST(CaptureFlows, ASegmentWithoutALengthIsAsLongAsItsFrame) {
  TcpScene scene;
  scene.family = Family::kInet6;
  scene.mss = 1440;
  Story story(scene);
  story.data(0, 60 * 1428).ack(60 * 1428);
  const FlowMtu flow = first_flow(story.packets());
  EXPECT_EQ(flow.data_bytes, 60U * 1428);
  EXPECT_EQ(flow.status, FlowMtuStatus::kClear) << flow.why;
}

TEST(CaptureFlows, ANewConnectionOfTheSamePortsIsAnotherOne) {
  Packets both = proven_hole();
  Story later;
  std::uint32_t offset = 0;
  later.small(offset, 3);
  for (StoredPacket packet : later.packets()) {
    packet.at += std::chrono::hours(1);
    for (std::size_t at : {38U, 42U}) packet.bytes[at] ^= std::byte{0x55};
    both.push_back(packet);
  }
  const CaptureFlows flows = read(both);
  ASSERT_EQ(flows.flows.size(), 2U);
  EXPECT_EQ(flows.flows[0].status, FlowMtuStatus::kBlackHole);
  EXPECT_NE(flows.flows[1].status, FlowMtuStatus::kBlackHole);
}

TEST(CaptureFlows, AnotherConnectionThatCarriesFullPacketsTakesTheProofAway) {
  Packets both = proven_hole();
  TcpScene scene;
  scene.client_port = 40001;
  Story other(scene);
  other.wait(20).data(0, kFull).ack(kFull);
  both.insert(both.end(), other.packets().begin(), other.packets().end());
  const CaptureFlows flows = read(both);
  EXPECT_EQ(flows.flows.front().confidence, Confidence::kSuspected);
  const auto findings = judge_capture_flows(flows);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings.front().severity, Severity::kWarning);
}

TEST(CaptureFlows, AGapThatNothingFillsIsSeenOnTheFarSide) {
  Story story;
  std::uint32_t offset = 0;
  story.small(offset, 10);
  const std::uint32_t behind = offset + kFull;
  for (std::uint32_t index = 0; index < 5; ++index)
    story.data(behind + index * 60, 60).ack(offset, {{behind, behind + (index + 1) * 60}}).wait(1);
  const FlowMtu flow = first_flow(story.packets());
  EXPECT_EQ(flow.status, FlowMtuStatus::kBlackHole) << flow.why;
  EXPECT_EQ(flow.confidence, Confidence::kLikely);
  EXPECT_EQ(flow.smallest_lost_bytes, 1500U);
  EXPECT_EQ(flow.sent_in_vain, 0U);
}

TEST(CaptureFlows, WhatIsNoTcpIsCountedAndHarmless) {
  Packets packets;
  TcpScene scene;
  scene.snap_bytes = 40;
  packets.push_back(segment_packet(scene, {.payload_bytes = 100}));
  packets.push_back(packets.front());
  packets.back().bytes.resize(3);
  packets.push_back(packets.front());
  packets.back().bytes[12] = std::byte{0x08};
  packets.back().bytes[13] = std::byte{0x06};
  const CaptureFlows flows = read(packets);
  EXPECT_EQ(flows.packets, 3U);
  EXPECT_EQ(flows.cut, 1U);
  EXPECT_EQ(flows.not_decoded, 2U);
  EXPECT_TRUE(flows.flows.empty());
  EXPECT_TRUE(codes(flows).empty());
}

TEST(CaptureFlows, TheNumberOfConnectionsIsBoundedAndTheBadOnesAreKept) {
  CaptureFlowReader reader;
  for (const StoredPacket& packet : proven_hole()) reader.take(packet.view());
  for (std::uint32_t index = 0; index < 20000; ++index) {
    TcpScene scene;
    scene.client_port = static_cast<std::uint16_t>(index);
    scene.server_port = static_cast<std::uint16_t>(1000 + index / 60000);
    reader.take(segment_packet(scene, {.sequence = 5, .payload_bytes = 10}).view());
  }
  const CaptureFlows flows = reader.result();
  EXPECT_TRUE(flows.is_cut);
  EXPECT_LE(flows.flows.size(), 2000U);
  EXPECT_EQ(flows.flows.front().status, FlowMtuStatus::kBlackHole);
  EXPECT_EQ(flows.limits.size(), 1U);
}

TEST(CaptureFlows, HeavyLossHasItsOwnNotice) {
  Story story;
  std::uint32_t offset = 0;
  for (int index = 0; index < 20; ++index) {
    story.data(offset, kFull).wait(0.2).data(offset, kFull);
    offset += kFull;
    story.ack(offset);
  }
  EXPECT_EQ(first_flow(story.packets()).status, FlowMtuStatus::kLossy);
  EXPECT_EQ(codes(read(story.packets())), std::vector<std::string>{"MTU018"});
  const std::string title = judge_capture_flows(read(story.packets())).front().title;
  EXPECT_EQ(title.find("whatever their size"), std::string::npos) << "only full ones were sent again";
}

/// What a capture has that sees the server's packets alone.
Packets one_way(Packets packets) {
  constexpr std::size_t kSourceAt = 14 + 12;
  const IpAddress server = scene_server({});
  std::erase_if(packets, [&](const StoredPacket& packet) {
    return !std::ranges::equal(std::span(packet.bytes).subspan(kSourceAt, 4), std::as_bytes(server.octets()));
  });
  return packets;
}

TEST(CaptureFlows, OneDirectionAloneProvesNothing) {
  const FlowMtu flow = first_flow(one_way(proven_hole()));
  EXPECT_EQ(flow.status, FlowMtuStatus::kUndetermined) << flow.why;
  EXPECT_TRUE(flow.why.starts_with("only one direction is in the capture")) << flow.why;
  EXPECT_NE(flow.why.find("a black hole is suspected"), std::string::npos) << flow.why;
  EXPECT_EQ(codes(read(one_way(proven_hole()))), std::vector<std::string>{});
}

TEST(CaptureFlows, OneDirectionWithLossOfSmallPacketsIsNotSuspected) {
  Story story;
  std::uint32_t offset = 0;
  for (int index = 0; index < 12; ++index) {
    for (const std::uint32_t bytes : {kFull, 100U}) {
      story.data(offset, bytes).wait(0.3).data(offset, bytes);
      offset += bytes;
      story.ack(offset);
    }
  }
  EXPECT_EQ(first_flow(story.packets()).status, FlowMtuStatus::kLossy);
  const auto findings = judge_capture_flows(read(story.packets()));
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_NE(findings.front().title.find("whatever their size"), std::string::npos);
  const FlowMtu flow = first_flow(one_way(story.packets()));
  EXPECT_EQ(flow.status, FlowMtuStatus::kUndetermined);
  EXPECT_EQ(flow.why, "only one direction is in the capture, so that nothing tells what arrived");
}

TEST(CaptureFlows, FullSegmentsThatNeverArriveAreNoPlainLoss) {
  Story story;
  std::uint32_t offset = 0;
  story.small(offset, 10);
  for (std::uint32_t index = 0; index < 4; ++index) story.data(offset + index * kFull, kFull);
  for (std::uint32_t index = 0; index < 4; ++index) story.wait(0.3).data(offset + index * kFull, kFull);
  const FlowMtu flow = first_flow(story.packets());
  EXPECT_EQ(flow.status, FlowMtuStatus::kUndetermined) << flow.why;
  EXPECT_NE(flow.why.find("a black hole is suspected"), std::string::npos) << flow.why;
}

TEST(CaptureFlows, AHealthyConnectionHasNoFinding) {
  Story story;
  std::uint32_t offset = 0;
  story.small(offset, 3).data(offset, kFull).ack(offset + kFull);
  EXPECT_EQ(first_flow(story.packets()).status, FlowMtuStatus::kClear);
  EXPECT_TRUE(codes(read(story.packets())).empty());
}

/// Counts every way to lose as many packets, and those in which all large ones are among them.
double counted_chance(unsigned large, unsigned passed, unsigned lost) {
  const unsigned all = large + passed + lost;
  unsigned ways = 0;
  unsigned like_this = 0;
  for (unsigned set = 0; set < 1U << all; ++set) {
    if (static_cast<unsigned>(std::popcount(set)) != large + lost) continue;
    ++ways;
    if ((set & ((1U << large) - 1)) == (1U << large) - 1) ++like_this;
  }
  return static_cast<double>(like_this) / ways;
}

TEST(CaptureFlows, TheOddsAreThoseOfCountingEveryWayToLosePackets) {
  for (unsigned large = 1; large < 6; ++large)
    for (unsigned passed = 0; passed < 5; ++passed)
      for (unsigned lost = 0; lost < 4; ++lost)
        EXPECT_NEAR(chance_of_size_split(large, passed, lost), counted_chance(large, passed, lost), 1e-12);
}

TEST(CaptureFlows, NoBytesMakeItFail) {
  std::mt19937_64 random(7);
  Packets packets = proven_hole();
  for (int round = 0; round < 300; ++round) {
    Packets broken = packets;
    for (StoredPacket& packet : broken) {
      if (random() % 3 == 0) packet.bytes[random() % packet.bytes.size()] ^= static_cast<std::byte>(random() & 0xffU);
      if (random() % 20 == 0) packet.bytes.resize(random() % packet.bytes.size());
    }
    judge_capture_flows(read(broken));
  }
}

/// One way on which packets of 1500 bytes are lost and such of `passed` are not.
FlowMtu way(FlowMtuStatus status, std::uint32_t passed = 1400) {
  FlowMtu flow;
  flow.source = *IpAddress::parse("192.0.2.5");
  flow.destination = *IpAddress::parse("203.0.113.10");
  flow.status = status;
  flow.confidence = Confidence::kProven;
  flow.largest_acknowledged_bytes = passed;
  flow.smallest_lost_bytes = 1500;
  return flow;
}

std::vector<Finding> judged(std::vector<FlowMtu> flows) {
  CaptureFlows capture;
  capture.flows = std::move(flows);
  return judge_capture_flows(capture);
}

TEST(CaptureFlows, PlainLossIsAsSureAsItsLeastSureFlow) {
  std::vector<FlowMtu> flows(2, way(FlowMtuStatus::kLossy));
  EXPECT_EQ(judged(flows).at(0).confidence, Confidence::kProven);
  flows[1].confidence = Confidence::kLikely;
  ASSERT_EQ(judged(flows).size(), 1U);
  EXPECT_EQ(judged(flows)[0].confidence, Confidence::kLikely);
}

TEST(CaptureFlows, ASenderThatDoesNotListenIsToldApartFromAHoleOnTheSameWay) {
  std::vector<FlowMtu> flows(2, way(FlowMtuStatus::kBlackHole));
  flows[1].is_message_ignored = true;
  EXPECT_EQ(judged(flows).size(), 2U);
}

TEST(CaptureFlows, TcpIsKeptBelowWhatPassedBeneathTheLoss) {
  const auto is_clamped = [](std::uint32_t passed) {
    const Finding finding = judged({way(FlowMtuStatus::kBlackHole, passed)}).at(0);
    return std::ranges::any_of(finding.remedy.steps, [](const RemedyStep& step) {
      return step.summary.find("keep TCP below it") != std::string::npos;
    });
  };
  EXPECT_TRUE(is_clamped(1400));
  EXPECT_FALSE(is_clamped(1500)) << "such a packet was lost as well";
  EXPECT_FALSE(is_clamped(500)) << "nobody can live with that";
}

TEST(CaptureFlows, WhatIsUnderWayWhenTheMessageComesIsNotSentAgainstIt) {
  Story story;
  std::uint32_t offset = 0;
  story.small(offset, 10).data(offset, kFull).too_big(offset, kFull, 1400);
  for (std::uint32_t index = 0; index < 3; ++index) story.wait(0.03).data(offset, kFull);
  for (std::uint32_t index = 0; index < 5; ++index) {
    story.wait(0.3).data(offset, 1300);
    offset += 1300;
    story.ack(offset);
  }
  const FlowMtu flow = first_flow(story.packets());
  EXPECT_FALSE(flow.is_message_ignored) << flow.why;
}

}  // namespace
}  // namespace vpndoctor::test
