// SPDX-License-Identifier: Apache-2.0
// Which packets of a capture are leaks: every packet that is none has its case.
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "leak_scene.h"

namespace vpndoctor {
namespace {

using namespace testing_support;

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

/// The packet of one flow of UDP, to this machine and from it.
struct UdpPair {
  std::uint16_t own;
  std::uint16_t peers;
  FrameBytes in() const { return ip_packet(kPublic, kOwn, kProtocolUdp, udp(peers, own)); }
  FrameBytes out() const { return ip_packet(kOwn, kPublic, kProtocolUdp, udp(own, peers)); }
};

TEST(LeakCapture, WhoBeganAFlowOfUdpIsNotToldWherePortsDoNotTellAndThePeersPacketCameFirst) {
  for (const UdpPair pair : {UdpPair{6881, 51413}, UdpPair{51413, 6881}, UdpPair{123, 123}, UdpPair{27015, 50000}}) {
    Scene scene;
    scene.take(arp_for("192.168.50.1"));
    scene.receive(pair.in());
    EXPECT_EQ(scene.send(pair.out()), nullptr) << pair.own;
    EXPECT_EQ(scene.send(pair.out()), nullptr) << pair.own;
    EXPECT_EQ(scene.counts().replies, 0U) << pair.own;
    EXPECT_EQ(scene.result().untold, 2U) << pair.own;
    EXPECT_FALSE(is_conclusive(scene.result())) << pair.own;
  }
}

TEST(LeakCapture, AFlowOfUdpThatThisMachineWasSeenToBeginLeaksAndIsLikelyOnceThePeerSendsToo) {
  for (const UdpPair pair : {UdpPair{6881, 51413}, UdpPair{123, 123}, UdpPair{50000, 27015}}) {
    Scene scene;
    ASSERT_NE(scene.send(pair.out()), nullptr) << pair.own;
    EXPECT_EQ(scene.findings().at(0).confidence, Confidence::kProven) << pair.own;
    scene.receive(pair.in());
    EXPECT_NE(scene.send(pair.out()), nullptr) << pair.own;
    EXPECT_EQ(scene.findings().at(0).confidence, Confidence::kLikely) << pair.own;
    EXPECT_TRUE(scene.result().leaks.at(0).is_midstream);
  }
  Scene asks;
  ASSERT_NE(asks.send(query()), nullptr);
  asks.receive(UdpPair{50000, 53}.in());
  EXPECT_EQ(asks.findings().at(0).confidence, Confidence::kProven) << "a service below 1024 was asked";
}

TEST(LeakCapture, AServiceOfUdpAnswersAndWithoutTheQuestionItIsNotTold) {
  const UdpPair service{53, 50000};
  Scene asked;
  asked.receive(service.in());
  EXPECT_EQ(asked.send(service.out()), nullptr);
  EXPECT_EQ(asked.counts().replies, 1U);
  Scene unasked;
  EXPECT_EQ(unasked.send(service.out()), nullptr);
  EXPECT_EQ(unasked.result().untold, 1U);
}

TEST(LeakCapture, AnAnswerByIcmpDoesNotHideTheQuestionsBehindItNorIsOneOfThem) {
  for (const std::uint8_t answer : std::array<std::uint8_t, 3>{0, 3, 11}) {
    Scene scene;
    EXPECT_EQ(scene.send(ip_packet(kOwn, kPublic, kProtocolIcmp, icmp(answer))), nullptr);
    EXPECT_NE(scene.send(ip_packet(kOwn, kPublic, kProtocolIcmp, icmp(8))), nullptr);
    EXPECT_EQ(scene.send(ip_packet(kOwn, kPublic, kProtocolIcmp, icmp(answer))), nullptr);
    EXPECT_NE(scene.send(ip_packet(kOwn, kPublic, kProtocolIcmp, icmp(8))), nullptr);
    EXPECT_EQ(scene.counts().replies, 2U);
    EXPECT_EQ(scene.result().leak_packets, 2U);
  }
}

TEST(LeakCapture, AResetOrAnOldConnectionDoesNotHideTheOneThatThisMachineBegins) {
  const auto own = [](std::uint8_t flags) { return ip_packet(kOwn, kPublic, kProtocolTcp, tcp(50000, 443, flags)); };
  Scene reset;
  EXPECT_EQ(reset.send(own(kResetFlag)), nullptr);
  EXPECT_NE(reset.send(own(kSynFlag)), nullptr);
  EXPECT_NE(reset.send(own(kAckFlag)), nullptr);
  EXPECT_EQ(reset.counts().replies, 1U);
  Scene reset_alone;
  EXPECT_EQ(reset_alone.send(own(kResetFlag)), nullptr);
  EXPECT_NE(reset_alone.send(own(kAckFlag)), nullptr);
  Scene served;
  served.receive(ip_packet(kPublic, kOwn, kProtocolTcp, tcp(443, 50000, kSynFlag)));
  EXPECT_EQ(served.send(own(kSynFlag | kAckFlag)), nullptr);
  EXPECT_EQ(served.send(own(kAckFlag)), nullptr);
  EXPECT_NE(served.send(own(kSynFlag)), nullptr);
  EXPECT_NE(served.send(own(kAckFlag)), nullptr);
}

TEST(LeakCapture, TheMiddleOfAConnectionFromAServicesPortIsNotToldInAFile) {
  const FrameBytes answer =
      ip_frame(kOwnMac, kRouterMac, ip_packet(kOwn, kPublic, kProtocolTcp, tcp(22, 51234, kAckFlag)));
  Scene file;
  EXPECT_EQ(file.take(answer, ""), nullptr);
  EXPECT_EQ(file.capture().result().untold, 1U);
  Scene live;
  EXPECT_NE(live.take(answer), nullptr) << "its socket is asked for";
  const FrameBytes asks =
      ip_frame(kOwnMac, kRouterMac, ip_packet(kOwn, kPublic, kProtocolTcp, tcp(51234, 22, kAckFlag)));
  EXPECT_NE(Scene().take(asks, ""), nullptr);
  const FrameBytes begins =
      ip_frame(kOwnMac, kRouterMac, ip_packet(kOwn, kPublic, kProtocolTcp, tcp(22, 51234, kSynFlag)));
  EXPECT_NE(file.take(begins, ""), nullptr);
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

}  // namespace
}  // namespace vpndoctor
