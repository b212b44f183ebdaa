// SPDX-License-Identifier: Apache-2.0
// Which packets of a capture are leaks. A machine with a full tunnel sends, answers and forwards; every packet that is
// none has its case, and random traffic is judged a second time, packet by packet, without any memory of flows.
#include "vpndoctor/leak_capture.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <set>

#include "captured_frames.h"
#include "machine.h"
#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

using namespace testing_support;

constexpr const char* kOwn = "192.168.50.5";
constexpr const char* kOwn6 = "2a0e:50::5";
constexpr const char* kServer = "8.7.6.5";
constexpr const char* kPublic = "9.9.9.9";
constexpr const char* kPublic6 = "2620:fe::9";

/// eth0 with both families; tun0 takes all of IPv4 by two halves; its server is reached by eth0.
Snapshot full_tunnel() {
  Machine machine;
  machine.link("eth0").address("eth0", "192.168.50.5/24").address("eth0", "2a0e:50::5/64");
  machine.route({.destination = "default", .interface = "eth0", .gateway = "192.168.50.1"});
  machine.route({.destination = "::/0", .interface = "eth0", .gateway = "2a0e:50::1"});
  machine.tun("tun0").address("tun0", "10.8.0.2/24").tunnel("tun0", kServer);
  machine.route({.destination = "0.0.0.0/1", .interface = "tun0"})
      .route({.destination = "128.0.0.0/1", .interface = "tun0"});
  machine.route({.destination = std::string(kServer) + "/32", .interface = "eth0", .gateway = "192.168.50.1"});
  Snapshot snapshot = machine.snapshot();
  for (Link& link : *snapshot.links) {
    if (link.name == "eth0") link.hardware_address = "02:00:00:00:00:01";
  }
  Tunnel& tunnel = snapshot.tunnels->at(0);
  tunnel.holder_pid = 4711;
  tunnel.endpoints = {{*IpAddress::parse(kServer), 1194}};
  tunnel.outer_sockets = {{kProtocolUdp, *IpAddress::parse("0.0.0.0"), 40000, {}, 0}};
  snapshot.xfrm = {Xfrm{}, "netlink"};
  return snapshot;
}

/// A machine and its capture.
class Scene {
 public:
  explicit Scene(Snapshot snapshot = full_tunnel(), VpnExpectation expectation = {})
      : snapshot_(std::move(snapshot)),
        fib_(snapshot_),
        coverage_(find_coverage(snapshot_, fib_, 1000)),
        facts_{.snapshot = snapshot_,
               .fib = fib_,
               .uid = 1000,
               .tunnels = tunnels_,
               .coverage = coverage_,
               .expectation = std::move(expectation)},
        capture_(facts_) {}

  const CaptureLeak* take(const FrameBytes& frame, const char* interface = "eth0", int link_type = 1,
                          PacketDirection direction = PacketDirection::kUnknown) {
    CapturedPacket packet;
    packet.at += std::chrono::seconds(++count_);
    packet.interface = interface;
    packet.link_type = link_type;
    packet.direction = direction;
    packet.length_bytes = static_cast<std::uint32_t>(frame.size());
    packet.bytes = frame;
    return capture_.take(packet);
  }
  const CaptureLeak* send(const FrameBytes& packet) { return take(ip_frame(kOwnMac, kRouterMac, packet)); }
  const CaptureLeak* receive(const FrameBytes& packet) { return take(ip_frame(kRouterMac, kOwnMac, packet)); }

  LeakCapture& capture() { return capture_; }
  const LeakFacts& facts() const { return facts_; }
  CaptureResult result() const { return capture_.result({"eth0"}); }
  CaptureCounts counts() const { return result().counts; }
  std::vector<Finding> findings() const { return judge_capture(facts_, result()); }

 private:
  Snapshot snapshot_;
  Fib fib_;
  std::vector<TunnelReport> tunnels_;
  Coverage coverage_;
  LeakFacts facts_;
  LeakCapture capture_;
  int count_ = 0;
};

FrameBytes query() { return ip_packet(kOwn, kPublic, kProtocolUdp, udp(50000, 53)); }
FrameBytes outer_packet() { return ip_packet(kOwn, kServer, kProtocolUdp, udp(40000, 1194)); }

FrameBytes arp_for(std::string_view address) {
  FrameBytes body;
  put(body, 0x0001080006040001, 8);
  put(body, kOwnMac);
  put(body, IpAddress::parse(kOwn)->octets());
  put(body, 0, 6);
  put(body, IpAddress::parse(address)->octets());
  return ethernet(kOwnMac, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 0x0806, body);
}

TEST(LeakCapture, APacketThatTheTablesPutIntoTheTunnelIsALeak) {
  Scene scene;
  ASSERT_NE(scene.send(query()), nullptr);
  ASSERT_NE(scene.send(query()), nullptr);
  const CaptureResult result = scene.result();
  ASSERT_EQ(result.leaks.size(), 1U);
  const CaptureLeak& leak = result.leaks[0];
  EXPECT_EQ(leak.interface, "eth0");
  EXPECT_EQ(leak.destination, *IpAddress::parse(kPublic));
  EXPECT_EQ(leak.source, *IpAddress::parse(kOwn));
  EXPECT_EQ(leak.port, 53);
  EXPECT_EQ(leak.source_port, 50000);
  EXPECT_EQ(leak.kind, "dns");
  EXPECT_EQ(leak.packets, 2U);
  EXPECT_EQ(leak.bytes, 2U * (14 + 20 + 8 + 4));
  EXPECT_EQ(leak.first_at, std::chrono::system_clock::time_point(std::chrono::seconds(1)));
  EXPECT_NE(leak.reason.find("tun0"), std::string::npos);
  EXPECT_EQ(result.leak_packets, 2U);
}

TEST(LeakCapture, TheTunnelsOwnPacketsAreNoneAndOthersToTheServerAre) {
  Scene scene;
  EXPECT_EQ(scene.send(outer_packet()), nullptr);
  EXPECT_EQ(scene.counts().tunnel, 1U);
  EXPECT_EQ(scene.result().control, "packets of tun0 on eth0");
  // The same address, not the tunnel's socket.
  EXPECT_NE(scene.send(ip_packet(kOwn, kServer, kProtocolUdp, udp(40001, 1194))), nullptr);
  EXPECT_NE(scene.send(ip_packet(kOwn, kServer, kProtocolTcp, tcp(40000, 443, kSynFlag))), nullptr);
  const auto findings = scene.findings();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].code, "LEK033");
  EXPECT_EQ(findings[0].severity, Severity::kWarning);
}

TEST(LeakCapture, ATunnelsSocketIsFoundByItsEnds) {
  const auto is_leak = [](const OuterSocket& socket, const FrameBytes& packet) {
    Snapshot snapshot = full_tunnel();
    snapshot.tunnels->at(0).outer_sockets = {socket};
    return Scene(std::move(snapshot)).send(packet) != nullptr;
  };
  const IpAddress any = *IpAddress::parse("0.0.0.0");
  const IpAddress own = *IpAddress::parse(kOwn);
  const IpAddress server = *IpAddress::parse(kServer);
  EXPECT_FALSE(is_leak({kProtocolUdp, any, 40000, server, 1194}, outer_packet()));
  EXPECT_FALSE(is_leak({kProtocolUdp, own, 40000, {}, 0}, outer_packet()));
  EXPECT_FALSE(is_leak({kProtocolUdp, *IpAddress::parse("::"), 40000, {}, 0}, outer_packet()));
  EXPECT_TRUE(is_leak({kProtocolTcp, any, 40000, server, 1194}, outer_packet()));
  EXPECT_TRUE(is_leak({kProtocolUdp, any, 40000, server, 1195}, outer_packet()));
  EXPECT_TRUE(is_leak({kProtocolUdp, any, 40000, *IpAddress::parse(kPublic), 1194}, outer_packet()));
  EXPECT_TRUE(is_leak({kProtocolUdp, *IpAddress::parse("10.8.0.2"), 40000, {}, 0}, outer_packet()));
}

TEST(LeakCapture, WireguardIsKnownByItsPortAlone) {
  Snapshot snapshot = full_tunnel();
  snapshot.tunnels->at(0).outer_sockets = {};
  snapshot.tunnels->at(0).listen_port = 51820;
  Scene scene(std::move(snapshot));
  EXPECT_EQ(scene.send(ip_packet(kOwn, "7.7.7.7", kProtocolUdp, udp(51820, 9))), nullptr);
  EXPECT_NE(scene.send(ip_packet(kOwn, "7.7.7.7", kProtocolTcp, tcp(51820, 9, kSynFlag))), nullptr);
  EXPECT_NE(scene.send(ip_packet(kOwn, "7.7.7.7", kProtocolUdp, udp(51821, 9))), nullptr);
}

TEST(LeakCapture, WithoutTheTunnelsSocketsItsEndpointAndPortDecideOrNothing) {
  Snapshot snapshot = full_tunnel();
  snapshot.tunnels->at(0).outer_sockets = {};
  Scene scene(std::move(snapshot));
  EXPECT_EQ(scene.send(ip_packet(kOwn, kServer, kProtocolUdp, udp(41234, 1194))), nullptr);
  EXPECT_EQ(scene.counts().tunnel, 1U);
  EXPECT_EQ(scene.send(ip_packet(kOwn, kServer, kProtocolTcp, tcp(41234, 80, kSynFlag))), nullptr);
  EXPECT_EQ(scene.counts().undecided, 1U);
  EXPECT_EQ(scene.result().untold, 1U);
  EXPECT_NE(why_unanswered(scene.result()), "");
}

TEST(LeakCapture, IpsecsPacketsAreThoseBetweenItsEnds) {
  Snapshot snapshot = full_tunnel();
  Xfrm xfrm;
  xfrm.states.push_back({*IpAddress::parse(kOwn), *IpAddress::parse("7.7.7.7"), 1, 50, 1, {}, {}});
  snapshot.xfrm = {xfrm, "netlink"};
  Scene scene(std::move(snapshot));
  const FrameBytes body(16);
  EXPECT_EQ(scene.send(ip_packet(kOwn, "7.7.7.7", 50, body)), nullptr);
  EXPECT_EQ(scene.send(ip_packet(kOwn, "7.7.7.7", kProtocolUdp, udp(4500, 4500))), nullptr);
  EXPECT_EQ(scene.counts().tunnel, 2U);
  EXPECT_NE(scene.send(ip_packet(kOwn, "7.7.7.8", 50, body)), nullptr);
  EXPECT_NE(scene.send(ip_packet(kOwn, "7.7.7.8", kProtocolUdp, udp(4500, 4500))), nullptr);
  EXPECT_NE(scene.send(ip_packet(kOwn, "7.7.7.7", 51, body)), nullptr);
}

TEST(LeakCapture, WhatMakesALinkWorkIsControl) {
  Scene scene;
  EXPECT_EQ(scene.take(arp_for("192.168.50.77")), nullptr);
  EXPECT_EQ(scene.send(ip_packet("0.0.0.0", "255.255.255.255", kProtocolUdp, udp(68, 67))), nullptr);
  EXPECT_EQ(scene.send(ip_packet(kOwn, kPublic, kProtocolUdp, udp(68, 67))), nullptr);
  EXPECT_EQ(scene.send(ip_packet("fe80::1", "ff02::1:2", kProtocolUdp, udp(546, 547))), nullptr);
  EXPECT_EQ(scene.send(ip_packet("fe80::1", "fe80::2", kProtocolIcmp6, icmp(136))), nullptr);
  EXPECT_EQ(scene.send(ip_packet("::", "ff02::16", kProtocolIcmp6, icmp(143))), nullptr);
  EXPECT_EQ(scene.send(ip_packet(kOwn, "224.0.0.22", 2, icmp(0x22))), nullptr);
  EXPECT_EQ(scene.counts().control, 7U);
}

TEST(LeakCapture, TheLanAndGroupsAreLocal) {
  Scene scene;
  for (const char* to : {"192.168.50.7", "192.168.50.255", "255.255.255.255", "169.254.1.1", "224.0.0.251"}) {
    EXPECT_EQ(scene.send(ip_packet(kOwn, to, kProtocolUdp, udp(5353, 5353))), nullptr) << to;
  }
  for (const char* to : {"fe80::7", "ff02::fb", "2a0e:50::7"}) {
    EXPECT_EQ(scene.send(ip_packet(kOwn6, to, kProtocolUdp, udp(5353, 5353))), nullptr) << to;
  }
  EXPECT_EQ(scene.counts().local, 8U);
}

TEST(LeakCapture, WhatTheTablesLeaveOutsideIsByConfigurationUnlessAllIsExpected) {
  const FrameBytes packet = ip_packet(kOwn6, kPublic6, kProtocolUdp, udp(50000, 123));
  Scene scene;
  EXPECT_EQ(scene.send(packet), nullptr);
  EXPECT_EQ(scene.counts().by_configuration, 1U);
  EXPECT_TRUE(scene.findings().empty());
  Scene expecting(full_tunnel(), {.mode = CoverageMode::kFull, .interface = {}});
  ASSERT_NE(expecting.send(packet), nullptr);
  EXPECT_EQ(expecting.findings().at(0).code, "LEK032");
  EXPECT_EQ(expecting.findings().at(0).severity, Severity::kError);
  EXPECT_EQ(expecting.send(ip_packet(kOwn, "192.168.50.7", kProtocolUdp, udp(5, 5))), nullptr);
}

TEST(LeakCapture, AnswersToWhatCameFromOutsideAreCountedApart) {
  Scene scene;
  EXPECT_EQ(scene.send(ip_packet(kOwn, kPublic, kProtocolTcp, tcp(22, 5000, kSynFlag | kAckFlag))), nullptr);
  EXPECT_EQ(scene.send(ip_packet(kOwn, kPublic, kProtocolTcp, tcp(22, 5000, kAckFlag))), nullptr);
  EXPECT_EQ(scene.send(ip_packet(kOwn, kPublic, kProtocolTcp, tcp(23, 5000, kResetFlag | kAckFlag))), nullptr);
  EXPECT_EQ(scene.send(ip_packet(kOwn, kPublic, kProtocolIcmp, icmp(0))), nullptr);
  EXPECT_EQ(scene.send(ip_packet(kOwn, "9.9.9.10", kProtocolIcmp, icmp(3))), nullptr);
  EXPECT_EQ(scene.counts().replies, 5U);
  scene.receive(ip_packet(kPublic, kOwn, kProtocolTcp, tcp(6000, 8443, kSynFlag)));
  EXPECT_EQ(scene.send(ip_packet(kOwn, kPublic, kProtocolTcp, tcp(8443, 6000, kAckFlag))), nullptr);
  scene.receive(ip_packet(kPublic, kOwn, kProtocolUdp, udp(6000, 53)));
  EXPECT_EQ(scene.send(ip_packet(kOwn, kPublic, kProtocolUdp, udp(53, 6000))), nullptr);
  EXPECT_EQ(scene.counts().replies, 7U);
  EXPECT_EQ(scene.counts().incoming, 2U);
}

TEST(LeakCapture, AnAnswerThatIsSeenFirstDoesNotHideTheQuestion) {
  Scene scene;
  scene.receive(ip_packet(kPublic, kOwn, kProtocolUdp, udp(53, 50000)));
  scene.receive(ip_packet(kPublic, kOwn, kProtocolUdp, udp(443, 20000)));
  scene.receive(ip_packet(kPublic, kOwn, kProtocolTcp, tcp(443, 50001, kSynFlag | kAckFlag)));
  EXPECT_NE(scene.send(query()), nullptr);
  EXPECT_NE(scene.send(ip_packet(kOwn, kPublic, kProtocolUdp, udp(20000, 443))), nullptr);
  EXPECT_NE(scene.send(ip_packet(kOwn, kPublic, kProtocolTcp, tcp(50001, 443, kAckFlag))), nullptr);
}

TEST(LeakCapture, TheMiddleOfAConnectionIsLikelyTheBeginningProven) {
  Scene scene;
  const CaptureLeak* leak = scene.send(ip_packet(kOwn, "7.7.7.7", kProtocolTcp, tcp(50000, 80, kAckFlag)));
  ASSERT_NE(leak, nullptr);
  EXPECT_TRUE(leak->is_midstream);
  EXPECT_EQ(scene.findings().at(0).code, "LEK030");
  EXPECT_EQ(scene.findings().at(0).confidence, Confidence::kLikely);
  leak = scene.send(ip_packet(kOwn, "7.7.7.7", kProtocolTcp, tcp(50001, 80, kSynFlag)));
  ASSERT_NE(leak, nullptr);
  EXPECT_FALSE(leak->is_midstream);
  EXPECT_EQ(scene.findings().at(0).confidence, Confidence::kProven);
  // A reset of a flow that leaked belongs to it.
  EXPECT_NE(scene.send(ip_packet(kOwn, "7.7.7.7", kProtocolTcp, tcp(50001, 80, kResetFlag))), nullptr);
}

TEST(LeakCapture, OnlyThisMachinesPacketsAreJudged) {
  Scene scene;
  EXPECT_EQ(scene.take(ip_frame({2, 0, 0, 0, 0, 9}, kRouterMac, query())), nullptr);
  EXPECT_EQ(scene.counts().foreign, 1U);
  EXPECT_EQ(scene.receive(ip_packet(kPublic, kOwn, kProtocolUdp, udp(53, 50000))), nullptr);
  EXPECT_EQ(scene.counts().incoming, 1U);
  EXPECT_EQ(scene.take(ip_frame(kOwnMac, kRouterMac, query()), "eth0", 1, PacketDirection::kIn), nullptr);
  const CaptureLeak* leak = scene.send(ip_packet("172.17.0.2", kPublic, kProtocolUdp, udp(50000, 53)));
  ASSERT_NE(leak, nullptr);
  EXPECT_TRUE(leak->is_forwarded);
}

TEST(LeakCapture, ACookedCaptureOfAllInterfacesIsJudgedOnItsPhysicalOnes) {
  Snapshot snapshot = full_tunnel();
  Scene scene(std::move(snapshot));
  const auto sll = [](std::uint8_t type, std::uint16_t hardware, bool has_mac, const FrameBytes& packet) {
    FrameBytes bytes;
    put(bytes, type, 2);
    put(bytes, hardware, 2);
    put(bytes, has_mac ? 6 : 0, 2);
    put(bytes, kOwnMac);
    put(bytes, 0, 2);
    put(bytes, 0x0800, 2);
    put(bytes, packet);
    return bytes;
  };
  EXPECT_NE(scene.take(sll(4, 1, true, query()), "", 113), nullptr);
  EXPECT_EQ(scene.take(sll(4, 0xfffe, false, query()), "", 113), nullptr);  // in the tunnel
  EXPECT_EQ(scene.take(sll(0, 1, true, query()), "", 113), nullptr);
  EXPECT_EQ(scene.take(sll(4, 1, true, outer_packet()), "", 113), nullptr);
  EXPECT_EQ(scene.capture().result().leak_packets, 1U);
  EXPECT_TRUE(is_answered(scene.capture().result()));
}

TEST(LeakCapture, AFileFromElsewhereIsJudgedByAddressesAndByTheEndpoint) {
  Scene scene;
  EXPECT_NE(scene.take(ip_frame({2, 0, 0, 0, 0, 9}, kRouterMac, query()), ""), nullptr);
  EXPECT_NE(scene.take(query(), "", 101), nullptr);
  // The sockets are those of another time.
  EXPECT_EQ(scene.take(ip_packet(kOwn, kServer, kProtocolUdp, udp(41111, 1194)), "", 101), nullptr);
  EXPECT_EQ(scene.take(ip_packet("10.8.0.2", kPublic, kProtocolUdp, udp(50000, 53)), "", 101), nullptr);
  EXPECT_EQ(scene.capture().result().counts.tunnel, 1U);
}

TEST(LeakCapture, FragmentsBelongToTheFlowOfTheFirst) {
  Scene scene;
  const FrameBytes body = udp(50000, 4242, FrameBytes(64));
  EXPECT_NE(scene.send(ip_packet(kOwn, kPublic, kProtocolUdp, body, 0x2000)), nullptr);
  EXPECT_NE(scene.send(ip_packet(kOwn, kPublic, kProtocolUdp, FrameBytes(64), 0x0009)), nullptr);
  const CaptureResult result = scene.result();
  ASSERT_EQ(result.leaks.size(), 1U);
  EXPECT_EQ(result.leaks[0].packets, 2U);
  EXPECT_EQ(result.leaks[0].port, 4242);
  EXPECT_EQ(scene.send(ip_packet(kOwn, kServer, kProtocolUdp, udp(40000, 1194, FrameBytes(64)), 0x2000)), nullptr);
  EXPECT_EQ(scene.send(ip_packet(kOwn, kServer, kProtocolUdp, FrameBytes(64), 0x0009)), nullptr);
  EXPECT_EQ(scene.counts().tunnel, 2U);
}

TEST(LeakCapture, KindsAreToldByPortAddressAndContent) {
  const auto kind = [](std::uint8_t protocol, const char* to, const FrameBytes& body) {
    Scene scene(full_tunnel(), {.mode = CoverageMode::kFull, .interface = {}});
    const bool is_inet6 = IpAddress::parse(to)->family == Family::kInet6;
    const CaptureLeak* leak = scene.send(ip_packet(is_inet6 ? kOwn6 : kOwn, to, protocol, body));
    return leak == nullptr ? "none" : leak->kind;
  };
  FrameBytes stun;
  put(stun, 0x00010000'2112a442, 8);
  put(stun, 0, 12);
  EXPECT_EQ(kind(kProtocolTcp, "7.7.7.7", tcp(50000, 53, kSynFlag)), "dns");
  EXPECT_EQ(kind(kProtocolTcp, "7.7.7.7", tcp(50000, 853, kSynFlag)), "dot");
  EXPECT_EQ(kind(kProtocolUdp, "7.7.7.7", udp(50000, 853)), "doq");
  EXPECT_EQ(kind(kProtocolTcp, "1.1.1.1", tcp(50000, 443, kSynFlag)), "doh");
  EXPECT_EQ(kind(kProtocolUdp, "2606:4700:4700::1111", udp(50000, 443)), "doh");
  EXPECT_EQ(kind(kProtocolTcp, "7.7.7.7", tcp(50000, 443, kSynFlag)), "https");
  EXPECT_EQ(kind(kProtocolUdp, "7.7.7.7", udp(50000, 443)), "quic");
  EXPECT_EQ(kind(kProtocolTcp, "7.7.7.7", tcp(50000, 80, kSynFlag)), "http");
  EXPECT_EQ(kind(kProtocolUdp, "7.7.7.7", udp(123, 123)), "ntp");
  EXPECT_EQ(kind(kProtocolUdp, "7.7.7.7", udp(50000, 9999, stun)), "stun");
  EXPECT_EQ(kind(kProtocolUdp, "7.7.7.7", udp(50000, 9999)), "udp");
  EXPECT_EQ(kind(kProtocolIcmp, "7.7.7.7", icmp(8)), "icmp");
  EXPECT_EQ(kind(132, "7.7.7.7", FrameBytes(16)), "sctp");
}

LeakFlow flow_of(const CaptureLeak& leak) {
  return {leak.interface, leak.source, leak.destination, leak.ip_protocol, leak.source_port, leak.port};
}

TEST(LeakCapture, TheSocketsOwnerExplainsALeakOrTakesItAway) {
  Scene scene;
  const LeakFlow flow = flow_of(*scene.send(query()));
  EXPECT_TRUE(scene.capture().explain(flow, {SocketOwner{7, "dig"}, 1000, "eth0", false}));
  EXPECT_EQ(scene.result().leaks[0].owner->name, "dig");
  EXPECT_EQ(scene.result().leaks[0].bound_interface, "eth0");
  // The holder reconnected: a socket that the snapshot does not have.
  const LeakFlow outer = flow_of(*scene.send(ip_packet(kOwn, kServer, kProtocolUdp, udp(40001, 1194))));
  EXPECT_FALSE(scene.capture().explain(outer, {SocketOwner{4711, "openvpn"}, 0, "", false}));
  EXPECT_EQ(scene.capture().find(outer), nullptr);
  EXPECT_EQ(scene.send(ip_packet(kOwn, kServer, kProtocolUdp, udp(40001, 1194))), nullptr);
  EXPECT_EQ(scene.counts().tunnel, 2U);
  // The middle of a connection to a service of this machine.
  const LeakFlow served = flow_of(*scene.send(ip_packet(kOwn, kPublic, kProtocolTcp, tcp(22, 5000, kAckFlag))));
  EXPECT_FALSE(scene.capture().explain(served, {SocketOwner{8, "sshd"}, 0, "", true}));
  EXPECT_EQ(scene.counts().replies, 1U);
  EXPECT_EQ(scene.result().leak_packets, 1U);
  EXPECT_EQ(scene.result().leaks.size(), 1U);
}

TEST(LeakCapture, AnotherUsersPacketsAreJudgedByThatUsersRules) {
  Machine machine;
  machine.link("eth0").address("eth0", "192.168.50.5/24");
  machine.route({.destination = "default", .interface = "eth0", .gateway = "192.168.50.1"});
  machine.tun("tun0").address("tun0", "10.8.0.2/24");
  machine.route({.destination = "default", .interface = "tun0", .table = 100});
  Rule rule;
  rule.family = Family::kInet;
  rule.priority = 100;
  rule.table = 100;
  rule.uids = NumberRange{1000, 1000};
  machine.rule(rule);
  Snapshot snapshot = machine.snapshot();
  for (Link& link : *snapshot.links) {
    if (link.name == "eth0") link.hardware_address = "02:00:00:00:00:01";
  }
  snapshot.xfrm = {Xfrm{}, "netlink"};
  Scene scene(std::move(snapshot));
  const LeakFlow flow = flow_of(*scene.send(query()));
  EXPECT_TRUE(scene.capture().explain(flow, {SocketOwner{7, "dig"}, 1000, "", false}));
  EXPECT_FALSE(scene.capture().explain(flow, {SocketOwner{7, "dig"}, 1001, "", false}));
  EXPECT_EQ(scene.counts().by_configuration, 1U);
}

TEST(LeakCapture, WithoutAControlThereIsNoAnswer) {
  Scene scene;
  EXPECT_FALSE(is_answered(scene.result()));
  scene.send(ip_packet(kOwn, "192.168.50.7", kProtocolUdp, udp(5, 5)));
  EXPECT_FALSE(is_answered(scene.result()));
  scene.take(arp_for("192.168.50.77"));
  EXPECT_FALSE(is_answered(scene.result()));
  scene.take(arp_for("192.168.50.1"));
  EXPECT_TRUE(is_answered(scene.result()));
  EXPECT_EQ(scene.result().control, "ARP for the gateway 192.168.50.1 on eth0");
  EXPECT_TRUE(scene.findings().empty());
  CaptureResult dropped = scene.result();
  dropped.dropped = 3;
  EXPECT_FALSE(is_answered(dropped));
  EXPECT_EQ(judge_capture(scene.facts(), dropped).at(0).code, "LEK034");
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
  EXPECT_EQ(findings[0].title, "11 packets with DNS questions to 2 servers left by eth0 outside the tunnel");
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

TEST(LeakCapture, PacketsThatAreCutOrMalformedAreUndecided) {
  Scene scene;
  const FrameBytes whole = ip_frame(kOwnMac, kRouterMac, query());
  for (std::size_t length = 0; length < 34; ++length) {
    EXPECT_EQ(scene.take(FrameBytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length))), nullptr);
  }
  EXPECT_EQ(scene.counts().undecided, 34U);
  // Cut behind the addresses: it is a leak, its ports are not known.
  EXPECT_NE(scene.take(FrameBytes(whole.begin(), whole.begin() + 34)), nullptr);
}

TEST(LeakCapture, PacketsInsidePppoeAreTheTunnelsOwn) {
  Snapshot snapshot = full_tunnel();
  Link ppp;
  ppp.name = "ppp0";
  ppp.kind = "ppp";
  ppp.hardware_type = 512;
  ppp.index = 9;
  ppp.flags = kLinkUp | kLinkRunning;
  snapshot.links->push_back(ppp);
  Scene scene(std::move(snapshot));
  FrameBytes session;
  const FrameBytes packet = query();
  put(session, 0x11000001, 4);
  put(session, packet.size() + 2, 2);
  put(session, 0x0021, 2);
  put(session, packet);
  EXPECT_EQ(scene.take(ethernet(kOwnMac, kRouterMac, 0x8864, session)), nullptr);
  EXPECT_EQ(scene.counts().tunnel, 1U);
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
