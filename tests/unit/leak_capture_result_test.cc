// SPDX-License-Identifier: Apache-2.0
// What a capture says in the end: its control, its bounds, its findings. Random traffic is judged a second time, packet
// by packet, without any memory of flows.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <string>

#include "leak_scene.h"

namespace vpndoctor {
namespace {

using namespace testing_support;

TEST(LeakCapture, WithoutAControlThereIsNoAnswer) {
  Scene scene;
  EXPECT_FALSE(is_conclusive(scene.result()));
  scene.send(ip_packet(kOwn, "192.168.50.7", kProtocolUdp, udp(5, 5)));
  EXPECT_FALSE(is_conclusive(scene.result()));
  scene.take(arp_for("192.168.50.77"));
  EXPECT_FALSE(is_conclusive(scene.result()));
  scene.take(arp_for("192.168.50.1"));
  EXPECT_TRUE(is_conclusive(scene.result()));
  EXPECT_EQ(scene.result().control, "ARP for the gateway 192.168.50.1 on eth0");
  EXPECT_TRUE(scene.findings().empty());
  CaptureResult dropped = scene.result();
  dropped.dropped = 3;
  EXPECT_FALSE(is_conclusive(dropped));
  EXPECT_EQ(judge_capture(scene.facts(), dropped).at(0).code, "LEK034");
}

TEST(LeakCapture, OneThatEndedEarlySaysSoAndKeepsTheControlThatItSaw) {
  Scene scene;
  scene.take(arp_for("192.168.50.1"));
  CaptureResult result = scene.result();
  result.ended_early = "the capture on eth0 ended after 2.0 s: it went down";
  EXPECT_EQ(why_unanswered(result), result.ended_early);
  EXPECT_TRUE(result.control_seen);
  scene.send(query());
  result.leak_packets = scene.result().leak_packets;
  EXPECT_TRUE(is_conclusive(result)) << "a leak is one all the same";
}

TEST(LeakCapture, RoutesThatChangedMeanwhileLeaveNoAnswer) {
  const Snapshot before = full_tunnel();
  EXPECT_EQ(routes_changed_during(before, before), "");
  Snapshot after = before;
  std::erase_if(after.routes->routes, [](const Route& route) { return route.destination.length == 1; });
  Scene scene;
  scene.take(arp_for("192.168.50.1"));
  CaptureResult result = scene.result();
  ASSERT_TRUE(is_conclusive(result));
  result.routes_changed = routes_changed_during(before, after);
  EXPECT_NE(result.routes_changed.find("the routes changed during the capture"), std::string::npos);
  EXPECT_EQ(why_unanswered(result), result.routes_changed);
  after = before;
  Rule rule;
  rule.priority = 5;
  rule.table = 7;
  after.rules->push_back(rule);
  EXPECT_NE(routes_changed_during(before, after).find("the rules changed"), std::string::npos);
  after.routes = Observed<RouteTable>::missing("netlink is gone");
  EXPECT_EQ(routes_changed_during(before, after),
            "whether the routes changed during the capture is not known: netlink is gone");
}

TEST(LeakCapture, NeighbourDiscoveryForTheGatewayIsAControlToo) {
  Scene scene;
  FrameBytes body = icmp(135);
  put(body, IpAddress::parse("2a0e:50::1")->octets());
  scene.send(ip_packet(kOwn6, "ff02::1:ff00:1", kProtocolIcmp6, body));
  EXPECT_TRUE(scene.result().control_seen);
}

TEST(LeakCapture, AnInterfaceWithoutAGatewayNeedsNoControlWhereAnotherHasOne) {
  Scene scene;
  scene.send(outer_packet());
  EXPECT_TRUE(scene.capture().result({"eth0", "eth1"}).control_seen);
  EXPECT_FALSE(Scene().capture().result({"eth1"}).control_seen);
}

TEST(LeakCapture, WhatCannotBeReadOfThisMachineLeavesNoAnswer) {
  const FrameBytes whole = ip_frame(kOwnMac, kRouterMac, query());
  for (std::size_t length = 0; length < 34; ++length) {
    Scene scene;
    scene.take(arp_for("192.168.50.1"));
    ASSERT_TRUE(is_conclusive(scene.result()));
    scene.take(FrameBytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)));
    EXPECT_FALSE(is_conclusive(scene.result())) << length;
    scene.send(query());
    EXPECT_TRUE(is_conclusive(scene.result())) << "a leak is one all the same";
  }
}

TEST(LeakCapture, WhatIsNoIpOrCameInDoesNotSpoilTheAnswer) {
  Scene scene;
  scene.take(arp_for("192.168.50.1"));
  scene.take(ethernet(kOwnMac, {1, 0x80, 0xc2, 0, 0, 14}, 0x88cc, FrameBytes(46)));  // LLDP
  scene.take(ethernet(kOwnMac, {1, 0x80, 0xc2, 0, 0, 0}, 38, FrameBytes(46)));       // STP: a length, then LLC
  FrameBytes cut = ip_frame(kRouterMac, kOwnMac, query());
  cut.resize(20);
  scene.take(cut);
  cut = ip_frame({2, 0, 0, 0, 0, 9}, kRouterMac, query());
  cut.resize(20);
  scene.take(cut);
  EXPECT_EQ(scene.counts().undecided, 4U);
  EXPECT_TRUE(is_conclusive(scene.result()));
}

TEST(LeakCapture, AFilesControlIsOfTheTunnelOrTheGateway) {
  const auto answers = [](const FrameBytes& frame) {
    Scene scene;
    scene.take(frame, "");
    return is_conclusive(scene.capture().result());
  };
  EXPECT_FALSE(answers(ip_frame(kOwnMac, kRouterMac, ip_packet(kOwn, "192.168.50.7", kProtocolUdp, udp(5, 5)))));
  EXPECT_FALSE(answers(arp_for("192.168.50.7")));
  EXPECT_TRUE(answers(arp_for("192.168.50.1")));
  EXPECT_TRUE(answers(ip_frame(kOwnMac, kRouterMac, outer_packet())));
}

TEST(LeakCapture, WithoutAGatewayAnyNeighbourIsAControl) {
  Snapshot snapshot = full_tunnel();
  Link& link = snapshot.links->emplace_back(*std::ranges::find(*snapshot.links, "eth0", &Link::name));
  link.name = "eth1";
  Scene scene(std::move(snapshot));
  const auto is_answered = [&] { return is_conclusive(scene.capture().result({"eth1"})); };
  scene.take(ip_frame(kOwnMac, kRouterMac, ip_packet(kOwn, "192.168.50.7", kProtocolUdp, udp(5, 5))), "eth1");
  EXPECT_FALSE(is_answered());
  scene.take(arp_for("192.168.50.77"), "eth1");
  EXPECT_TRUE(is_answered());
}

TEST(LeakCapture, LeaksThatDifferInTheirSourcePortAreOne) {
  Scene scene;
  for (std::uint16_t port = 50000; port < 50010; ++port) {
    scene.send(ip_packet(kOwn, kPublic, kProtocolUdp, udp(port, 53)));
  }
  scene.send(ip_packet(kOwn, "7.7.7.7", kProtocolUdp, udp(50000, 53)));
  const CaptureResult result = scene.result();
  ASSERT_EQ(result.leaks.size(), 2U);
  EXPECT_EQ(result.leaks[0].packets, 10U);
  EXPECT_EQ(result.leaks[0].flows, 10U);
  const auto findings = scene.findings();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].code, "LEK031");
  EXPECT_EQ(findings[0].title, "11 DNS packets to 2 servers left by eth0 outside the tunnel");
}

TEST(LeakCapture, MemoryIsBoundedAndNothingIsLostFromTheCount) {
  Scene scene;
  std::mt19937 random(3);
  constexpr std::uint64_t kPackets = 100'000;
  for (std::uint64_t i = 0; i < kPackets; ++i) {
    const std::string to = "9." + std::to_string(random() % 256) + "." + std::to_string(random() % 256) + ".9";
    scene.send(ip_packet(kOwn, to, kProtocolUdp, udp(static_cast<std::uint16_t>(50'000 + random() % 9'000), 9)));
  }
  const CaptureResult result = scene.result();
  EXPECT_TRUE(result.is_cut);
  EXPECT_LE(result.leaks.size(), 8192U);
  EXPECT_EQ(result.leak_packets, kPackets);
}

struct FlowSpec {
  std::string source;
  std::string destination;
  std::uint8_t protocol = kProtocolUdp;
  std::uint16_t source_port = 0;
  std::uint16_t port = 0;
};

FlowSpec random_flow(std::mt19937& random) {
  constexpr std::array kTo{"9.9.9.9",  "200.1.2.3",   kServer,   "192.168.50.7",
                           "10.8.0.1", "224.0.0.251", "1.0.0.1", "127.0.0.5"};
  constexpr std::array kTo6{"2620:fe::9", "2a0e:50::7", "fe80::7", "ff02::fb", "64:ff9b::808:808"};
  FlowSpec flow;
  const bool is_inet6 = random() % 4 == 0;
  flow.source = is_inet6 ? kOwn6 : kOwn;
  flow.destination = is_inet6 ? kTo6[random() % kTo6.size()] : kTo[random() % kTo.size()];
  flow.protocol = random() % 2 == 0 ? kProtocolUdp : kProtocolTcp;
  flow.source_port = static_cast<std::uint16_t>(random() % 2 == 0 ? 40000 : 50000 + random() % 50);
  constexpr std::array<std::uint16_t, 4> kPorts{53, 443, 1194, 8080};
  flow.port = kPorts[random() % kPorts.size()];
  return flow;
}

/// What one packet is by itself, told the plain way.
std::string plain_judgement(Scene& scene, const FlowSpec& spec) {
  const LeakFacts& facts = scene.facts();
  const std::string& to = spec.destination;
  const bool expects_all = facts.expectation.mode.has_value();
  const bool is_outer = spec.protocol == kProtocolUdp && spec.source_port == 40000 && spec.source == kOwn;
  if (to == "224.0.0.251" || to == "ff02::fb" || to == "fe80::7" || to == "127.0.0.5") return "local";
  // The tunnel's holder owns the port, wherever it sends from it.
  if (is_outer) return "tunnel";
  if (to == "192.168.50.7" || to == "2a0e:50::7") return "local";
  if (to == kServer) return "leak";
  Flow flow;
  flow.destination = *IpAddress::parse(to);
  flow.uid = facts.uid;
  const PacketWay way = packet_path(facts.snapshot, facts.fib, flow).way;
  return way == PacketWay::kTunnel || expects_all ? "leak" : "outside";
}

TEST(LeakCapture, RandomTrafficIsJudgedAsEachPacketByItself) {
  std::mt19937 random(11);
  for (const bool expects_all : {false, true}) {
    const VpnExpectation expectation{.mode = expects_all ? std::optional(CoverageMode::kFull) : std::nullopt,
                                     .interface = {}};
    Scene scene(full_tunnel(), expectation);
    std::map<std::string, std::uint64_t> expected;
    for (int i = 0; i < 20'000; ++i) {
      const FlowSpec spec = random_flow(random);
      const FrameBytes body =
          spec.protocol == kProtocolUdp ? udp(spec.source_port, spec.port) : tcp(spec.source_port, spec.port, kSynFlag);
      const bool leaked = scene.send(ip_packet(spec.source, spec.destination, spec.protocol, body)) != nullptr;
      const std::string plain = plain_judgement(scene, spec);
      ASSERT_EQ(leaked, plain == "leak") << spec.destination << " " << spec.port << " " << plain;
      ++expected[plain];
    }
    EXPECT_EQ(scene.counts().tunnel, expected["tunnel"]);
    EXPECT_EQ(scene.counts().local, expected["local"]);
    EXPECT_EQ(scene.counts().by_configuration, expected["outside"]);
    EXPECT_EQ(scene.result().leak_packets, expected["leak"]);
    std::uint64_t packets = 0;
    for (const CaptureLeak& leak : scene.result().leaks) packets += leak.packets;
    EXPECT_EQ(packets, expected["leak"]);
  }
}

}  // namespace
}  // namespace vpndoctor
