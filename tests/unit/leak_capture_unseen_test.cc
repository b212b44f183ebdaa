// SPDX-License-Identifier: Apache-2.0
// Packets beside a tunnel whose sockets and other end could not be seen, as without root: what may be the tunnel's own
// is neither a leak nor none, what cannot be is a leak all the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "leak_scene.h"

namespace vpndoctor {
namespace {

using namespace testing_support;

constexpr const char* kWhy = "only root may see it";

/// eth0 with the default route, and tun0 with its own network alone.
Machine two_links() {
  Machine machine;
  machine.link("eth0").address("eth0", "192.168.50.5/24");
  machine.route({.destination = "default", .interface = "eth0", .gateway = "192.168.50.1"});
  machine.tun("tun0").address("tun0", "10.8.0.2/24");
  return machine;
}

void add_server_route(Machine& machine) {
  machine.route({.destination = std::string(kServer) + "/32", .interface = "eth0", .gateway = "192.168.50.1"});
}

/// Nothing is known of the outer side of tun0.
Snapshot unseen(Machine& machine, const char* kind = "tun") {
  Snapshot snapshot = machine.snapshot();
  for (Link& link : *snapshot.links) {
    if (link.name == "eth0") link.hardware_address = "02:00:00:00:00:01";
    if (link.name == "tun0" && std::string_view(kind) == "wireguard") link.kind = kind;
  }
  Tunnel tunnel{.interface = "tun0",
                .kind = kind,
                .holder_pid = {},
                .holder_name = {},
                .endpoints = {},
                .mark = {},
                .not_seen = kWhy};
  snapshot.tunnels = {std::vector{tunnel}, "netlink"};
  snapshot.xfrm = {Xfrm{}, "netlink"};
  return snapshot;
}

/// tun0 takes all of IPv4. With `has_server_route`, as a client of OpenVPN leaves the tables, else as wg-quick does.
Snapshot unseen_tunnel(bool has_server_route, const char* kind = "tun") {
  Machine machine = two_links();
  machine.route({.destination = "0.0.0.0/1", .interface = "tun0"})
      .route({.destination = "128.0.0.0/1", .interface = "tun0"});
  if (has_server_route) {
    add_server_route(machine);
  } else {
    Rule rule;
    rule.family = Family::kInet;
    rule.priority = 100;
    rule.mark = rule.mark_mask = 51820;
    rule.table = 100;
    machine.rule(rule);
    machine.route({.destination = "default", .interface = "eth0", .gateway = "192.168.50.1", .table = 100});
  }
  return unseen(machine, kind);
}

FrameBytes question(std::uint16_t port = 53) {
  FrameBytes message;
  put(message, 0x04000100'00010000, 8);  // its first byte is one of WireGuard's types
  put(message, 0, 4);
  put(message, 0x03777777'00000100, 8);
  put(message, 1, 1);
  return ip_packet(kOwn, kPublic, kProtocolUdp, udp(50000, port, message));
}

FrameBytes to(const char* host, std::uint8_t protocol = kProtocolUdp, std::uint8_t first_byte = 4) {
  FrameBytes payload;
  put(payload, first_byte, 1);
  put(payload, 0, 31);
  const FrameBytes body = protocol == kProtocolUdp   ? udp(50000, 4242, payload)
                          : protocol == kProtocolTcp ? tcp(50000, 4242, kSynFlag)
                                                     : icmp(8);
  return ip_packet(kOwn, host, protocol, body);
}

TEST(LeakCaptureUnseen, WhatMayBeTheTunnelsOwnIsNeitherALeakNorNone) {
  for (const std::uint8_t protocol : {kProtocolUdp, kProtocolTcp, std::uint8_t{47}, std::uint8_t{50}}) {
    Scene scene(unseen_tunnel(false));
    scene.take(arp_for("192.168.50.1"));
    EXPECT_EQ(scene.send(to(kPublic, protocol)), nullptr) << int{protocol};
    EXPECT_EQ(scene.result().untold, 1U);
    EXPECT_TRUE(scene.findings().empty());
    EXPECT_FALSE(is_conclusive(scene.result()));
    EXPECT_NE(scene.result().why_untold.find(kWhy), std::string::npos) << scene.result().why_untold;
  }
}

TEST(LeakCaptureUnseen, WhatCannotBeTheTunnelsOwnIsALeakAllTheSame) {
  Scene scene(unseen_tunnel(false));
  EXPECT_NE(scene.send(to(kPublic, kProtocolIcmp)), nullptr);
  EXPECT_NE(scene.send(question()), nullptr);
  EXPECT_EQ(scene.send(question(5353)), nullptr) << "another port is no resolver's";
  EXPECT_EQ(scene.result().untold, 1U);
  EXPECT_TRUE(is_conclusive(scene.result()));
}

TEST(LeakCaptureUnseen, AQuestionThatIsCutProvesNothing) {
  const FrameBytes whole = ip_frame(kOwnMac, kRouterMac, question());
  for (std::size_t length = 42; length < whole.size(); ++length) {
    Scene scene(unseen_tunnel(false));
    EXPECT_EQ(scene.take(FrameBytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length))), nullptr);
    EXPECT_EQ(scene.result().untold, 1U) << length;
  }
}

TEST(LeakCaptureUnseen, KernelWireguardSendsItsOwnFormatAlone) {
  Scene scene(unseen_tunnel(false, "wireguard"));
  for (unsigned first = 0; first < 256; ++first) {
    const std::string host = "9.9.9." + std::to_string(first);
    const bool is_leak = scene.send(to(host.c_str(), kProtocolUdp, static_cast<std::uint8_t>(first))) != nullptr;
    EXPECT_EQ(is_leak, first < 1 || first > 4) << first;
  }
  EXPECT_NE(scene.send(to("7.7.7.7", kProtocolTcp)), nullptr);
  EXPECT_NE(scene.send(question()), nullptr);
}

TEST(LeakCaptureUnseen, AHostRouteLikeAServersNarrowsItToThatHost) {
  Scene scene(unseen_tunnel(true));
  EXPECT_NE(scene.send(to(kPublic)), nullptr);
  // The tables leave it outside: it is the tunnel's own, or somebody else's who passes it by.
  EXPECT_EQ(scene.send(to(kServer)), nullptr);
  EXPECT_EQ(scene.send(to(kServer, kProtocolTcp)), nullptr);
  EXPECT_EQ(scene.result().untold, 2U);
  EXPECT_EQ(scene.counts().by_configuration, 0U);
}

TEST(LeakCaptureUnseen, ARuleOnMarksTakesTheHostRoutesProofAway) {
  Snapshot snapshot = unseen_tunnel(true);
  Rule rule;
  rule.family = Family::kInet;
  rule.priority = 100;
  rule.mark = rule.mark_mask = 1;
  rule.table = 100;
  snapshot.rules->push_back(rule);
  Scene scene(std::move(snapshot));
  EXPECT_EQ(scene.send(to(kPublic)), nullptr);
  EXPECT_EQ(scene.result().untold, 1U);
}

TEST(LeakCaptureUnseen, ATunnelThatSendsNothingExplainsNothing) {
  const auto is_leak = [](const auto& change) {
    Snapshot snapshot = unseen_tunnel(false);
    change(snapshot, *std::ranges::find(*snapshot.links, "tun0", &Link::name));
    return Scene(std::move(snapshot)).send(to(kPublic)) != nullptr;
  };
  EXPECT_FALSE(is_leak([](Snapshot&, Link&) {}));
  EXPECT_TRUE(is_leak([](Snapshot& snapshot, Link&) { snapshot.tunnels->at(0).not_seen = ""; })) << "nobody holds it";
  EXPECT_TRUE(is_leak([](Snapshot& snapshot, Link&) { snapshot.tunnels->at(0).holder_pid = 7; })) << "it has no socket";
  EXPECT_TRUE(is_leak([](Snapshot& snapshot, Link&) { snapshot.tunnels->at(0).listen_port = 7; }));
  EXPECT_TRUE(is_leak([](Snapshot& snapshot, Link&) { snapshot.tunnels->at(0).outer_is_elsewhere = true; }));
  EXPECT_TRUE(is_leak(
      [](Snapshot& snapshot, Link&) { snapshot.tunnels->at(0).endpoints = {{*IpAddress::parse(kServer), 1194}}; }));
}

TEST(LeakCaptureUnseen, TunnelsThatWereNotExaminedMayHaveSentItToo) {
  Snapshot snapshot = unseen_tunnel(false);
  snapshot.tunnels = Observed<std::vector<Tunnel>>::missing("the file has none");
  Scene scene(std::move(snapshot));
  EXPECT_EQ(scene.send(to(kPublic)), nullptr);
  EXPECT_EQ(scene.result().untold, 1U);
}

TEST(LeakCaptureUnseen, WhatASplitTunnelLeavesOutsideStaysSo) {
  Machine machine = two_links();
  machine.route({.destination = "10.0.0.0/8", .interface = "tun0"});
  add_server_route(machine);
  const Snapshot snapshot = unseen(machine);
  Scene scene(snapshot);
  scene.send(to(kPublic));
  scene.send(to(kServer));
  EXPECT_EQ(scene.counts().by_configuration, 2U);
  Scene expecting(snapshot, {.mode = CoverageMode::kFull, .interface = {}});
  EXPECT_NE(expecting.send(to(kPublic)), nullptr);
  EXPECT_EQ(expecting.send(to(kServer)), nullptr);
  EXPECT_EQ(expecting.result().untold, 1U);
}

}  // namespace
}  // namespace vpndoctor
