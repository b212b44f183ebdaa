// SPDX-License-Identifier: Apache-2.0
// Whose packets those of a capture are: a tunnel's own, forwarded, of a socket that explains them, of another machine.
#include <gtest/gtest.h>

#include "leak_scene.h"
#include "vpndoctor/ppp_use.h"

namespace vpndoctor {
namespace {

using namespace testing_support;

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
  EXPECT_EQ(scene.send(ip_packet(kOwn, "7.7.7.7", kProtocolUdp, udp(500, 61000))), nullptr) << "behind a translator";
  EXPECT_EQ(scene.counts().tunnel, 3U);
  EXPECT_NE(scene.send(ip_packet(kOwn, "7.7.7.8", 50, body)), nullptr);
  EXPECT_NE(scene.send(ip_packet(kOwn, "7.7.7.8", kProtocolUdp, udp(4500, 4500))), nullptr);
  EXPECT_NE(scene.send(ip_packet(kOwn, "7.7.7.7", 51, body)), nullptr);
}

TEST(LeakCapture, IpsecsTransportModeGoesToTheHostOfItsPolicy) {
  Snapshot snapshot = full_tunnel();
  XfrmPolicy policy;
  policy.source = IpPrefix::everything(Family::kInet);
  policy.destination = *IpPrefix::parse("7.7.7.7/32");
  policy.templates = {{.source = {}, .destination = {}, .ip_protocol = 50}};
  snapshot.xfrm = {Xfrm{.policies = {policy}}, "netlink"};
  Scene scene(std::move(snapshot));
  EXPECT_EQ(scene.send(ip_packet(kOwn, "7.7.7.7", 50, FrameBytes(16))), nullptr);
  EXPECT_EQ(scene.counts().tunnel, 1U);
  EXPECT_NE(scene.send(ip_packet(kOwn, "7.7.7.8", 50, FrameBytes(16))), nullptr);
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
  EXPECT_TRUE(is_conclusive(scene.capture().result()));
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

TEST(LeakCapture, ATunnelOfUdpSendsNoTcpToItsServer) {
  const auto to_server = [](std::uint16_t port) {
    return ip_packet(kOwn, kServer, kProtocolTcp, tcp(41111, port, kSynFlag));
  };
  for (const std::uint16_t port : {std::uint16_t{1194}, std::uint16_t{80}}) {
    Scene scene;
    ASSERT_NE(scene.take(to_server(port), "", 101), nullptr) << port;
    EXPECT_EQ(scene.findings().at(0).code, "LEK033");
    EXPECT_EQ(scene.counts().tunnel, 0U);
    EXPECT_FALSE(scene.capture().result().control_seen);
  }
  Snapshot of_tcp = full_tunnel();
  of_tcp.tunnels->at(0).outer_sockets[0].ip_protocol = kProtocolTcp;
  Scene scene(of_tcp);
  EXPECT_EQ(scene.take(to_server(1194), "", 101), nullptr);
  EXPECT_EQ(scene.counts().tunnel, 1U);
  EXPECT_EQ(scene.take(to_server(80), "", 101), nullptr);
  EXPECT_EQ(scene.result().untold, 1U);
  Snapshot wireguard = full_tunnel();
  wireguard.tunnels->at(0).outer_sockets.clear();
  wireguard.tunnels->at(0).listen_port = 51820;
  EXPECT_NE(Scene(wireguard).take(to_server(1194), "", 101), nullptr);
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

TEST(LeakCapture, AFragmentToTheServerWithoutTheFirstIsUndecided) {
  Scene scene;
  EXPECT_EQ(scene.send(ip_packet(kOwn, kServer, kProtocolUdp, FrameBytes(64), 0x0009)), nullptr);
  EXPECT_EQ(scene.counts().tunnel, 0U);
  EXPECT_EQ(scene.result().untold, 1U);
}

TEST(LeakCapture, ATunnelInTheKernelSendsToItsRemoteAddress) {
  Snapshot snapshot = full_tunnel();
  Link gre = *snapshot.find_link("tun0");
  gre.name = "gre1";
  gre.index = 99;
  gre.kind = "gre";
  gre.tunnel_remote = IpAddress::parse("7.7.7.7");
  snapshot.links->push_back(gre);
  Scene scene(std::move(snapshot));
  EXPECT_EQ(scene.send(ip_packet(kOwn, "7.7.7.7", 47, FrameBytes(16))), nullptr);
  EXPECT_EQ(scene.counts().tunnel, 1U);
  EXPECT_NE(scene.send(ip_packet(kOwn, "7.7.7.8", 47, FrameBytes(16))), nullptr);
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

TEST(LeakCapture, ASocketAtThePacketsAddressShowsThatTheAddressIsThisMachines) {
  Scene scene;
  const LeakFlow flow = flow_of(*scene.send(ip_packet("192.168.50.99", kPublic, kProtocolUdp, udp(50000, 53))));
  ASSERT_TRUE(scene.capture().find(flow)->is_forwarded);
  EXPECT_TRUE(scene.capture().explain(flow, {SocketOwner{7, "dig"}, 1000, "", false, false}));
  EXPECT_TRUE(scene.capture().find(flow)->is_forwarded) << "it has any address, the packet may be a container's";
  EXPECT_FALSE(scene.capture().find(flow)->owner);
  EXPECT_TRUE(scene.capture().explain(flow, {SocketOwner{7, "dig"}, 1000, "", false, true}));
  EXPECT_FALSE(scene.capture().find(flow)->is_forwarded);
  EXPECT_EQ(scene.capture().find(flow)->owner->name, "dig");
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

/// A machine whose line is PPPoE, with a full tunnel over it; `kind`: what is known of ppp0.
Snapshot with_ppp(const std::string& kind) {
  Snapshot snapshot = full_tunnel();
  Link ppp;
  ppp.name = "ppp0";
  ppp.kind = "ppp";
  ppp.hardware_type = kHardwarePpp;
  ppp.index = 9;
  ppp.flags = kLinkUp | kLinkRunning;
  snapshot.links->push_back(ppp);
  Tunnel tunnel;
  tunnel.interface = "ppp0";
  tunnel.kind = kind;
  snapshot.tunnels->push_back(tunnel);
  return snapshot;
}

FrameBytes pppoe_query() {
  FrameBytes session;
  const FrameBytes packet = query();
  put(session, 0x11000001, 4);
  put(session, packet.size() + 2, 2);
  put(session, 0x0021, 2);
  put(session, packet);
  return ethernet(kOwnMac, kRouterMac, 0x8864, session);
}

TEST(LeakCapture, PppoeIsTheLineToTheProviderAndHidesNoLeak) {
  Scene scene(with_ppp("pppoe"));
  EXPECT_NE(scene.take(pppoe_query()), nullptr);
  EXPECT_EQ(scene.counts().tunnel, 0U);
}

TEST(LeakCapture, PppoeOfAnInterfaceThatMayBeAVpnIsUntold) {
  Scene scene(with_ppp("ppp"));
  EXPECT_EQ(scene.take(pppoe_query()), nullptr);
  EXPECT_EQ(scene.counts().tunnel, 0U);
  EXPECT_EQ(scene.result().untold, 1U);
}

}  // namespace
}  // namespace vpndoctor
