// SPDX-License-Identifier: Apache-2.0
// The state of a tunnel is never guessed: each state has what it must rest on, over drawn facts as well, and what is
// taken away from the facts can only make it unknown.
#include "vpndoctor/tunnel_state.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>

#include "draw.h"
#include "machine.h"

namespace vpndoctor {
namespace {

using namespace std::chrono_literals;
using testing_support::Draw;
using testing_support::Machine;
using State = TunnelState;

const auto kNow = std::chrono::system_clock::time_point(std::chrono::seconds(2000000000));

/// A DNS server.
DnsServer server(const char* address) {
  DnsServer made;
  made.address = IpAddress::parse(address).value();
  return made;
}

/// A machine with tun0 (10.8.0.2), whose holder is openvpn unless it is taken away.
struct Scene {
  Snapshot snapshot;

  explicit Scene(bool has_carrier = true) {
    Machine machine = Machine::ordinary();
    machine.tun("tun0", has_carrier).address("tun0", "10.8.0.2/24").tunnel("tun0", "198.51.100.9");
    machine.route({.destination = "0.0.0.0/1", .interface = "tun0", .gateway = "10.8.0.1"});
    snapshot = machine.snapshot();
    snapshot.taken_at = kNow;
    tunnel().holder_pid = 42;
    tunnel().holder_name = "openvpn";
    tunnel().holder_state = 'S';
  }

  Link& link() { return *std::ranges::find(*snapshot.links, "tun0", &Link::name); }
  Tunnel& tunnel() { return snapshot.tunnels->front(); }
  InterfaceActivity& activity() {
    if (!snapshot.activity) {
      snapshot.activity = {
          TunnelActivity{
              .interval = 6s, .ended_at = kNow, .interfaces = {{.interface = "tun0", .first = {}, .last = {}}}},
          "netlink"};
    }
    return snapshot.activity->interfaces.front();
  }
  /// Counters that rose by so much; `queued` is what the queueing discipline handed over.
  Scene& moved(std::uint64_t received, std::uint64_t sent, std::optional<std::uint64_t> queued = std::nullopt) {
    activity().first = {.received_packets = 100, .received_bytes = 0, .sent_packets = 100, .queued_packets = {}};
    activity().last = {
        .received_packets = 100 + received, .received_bytes = 0, .sent_packets = 100 + sent, .queued_packets = {}};
    if (queued) {
      activity().first.queued_packets = 100;
      activity().last.queued_packets = 100 + *queued;
    }
    return *this;
  }
  Scene& without_holder(std::string why_not_seen = "") {
    tunnel().holder_pid.reset();
    tunnel().holder_name.clear();
    tunnel().holder_not_seen = std::move(why_not_seen);
    return *this;
  }
  /// Makes it WireGuard with a peer whose last handshake is so old.
  Scene& wireguard(std::optional<std::chrono::seconds> age, std::uint64_t peer_received = 0,
                   std::uint64_t peer_sent = 0) {
    link().kind = "wireguard";
    tunnel().kind = "wireguard";
    without_holder();
    WireguardPeer peer;
    peer.public_key = "key";
    if (age) peer.last_handshake = kNow - *age;
    tunnel().peers = {peer};
    activity().first_peers = {peer};
    peer.received_bytes = peer_received;
    peer.sent_bytes = peer_sent;
    activity().last_peers = {peer};
    return *this;
  }
  TunnelReport report() const { return judge_tunnels(snapshot).at(0); }
  State state() const { return report().state; }
};

TEST(TunnelState, NamesAreThoseOfTheReport) {
  EXPECT_STREQ(tunnel_state_name(State::kLive), "live");
  EXPECT_STREQ(tunnel_state_name(State::kOrphan), "orphan");
  EXPECT_STREQ(tunnel_state_name(State::kUnknown), "unknown");
}

TEST(TunnelState, MovingPacketsAreLife) {
  EXPECT_EQ(Scene().moved(3, 4, 4).state(), State::kLive);
  EXPECT_EQ(Scene().moved(0, 4, 4).state(), State::kLive);
  EXPECT_EQ(Scene().moved(3, 0, 0).state(), State::kLive);
}

TEST(TunnelState, StillAndHeldIsIdle) { EXPECT_EQ(Scene().moved(0, 0, 0).state(), State::kIdle); }

TEST(TunnelState, StillAndHeldIsUnknownWhereNobodyCountsWhatIsSentIntoIt) {
  EXPECT_EQ(Scene().moved(0, 0).state(), State::kUnknown);
  EXPECT_NE(Scene().moved(0, 0).report().why.find("queueing discipline"), std::string::npos);
  EXPECT_EQ(Scene().moved(0, 1).state(), State::kLive);
}

TEST(TunnelState, UnreadPacketsAreHanging) {
  EXPECT_EQ(Scene().moved(0, 0, 2).state(), State::kHung);
  EXPECT_NE(Scene().moved(0, 0, 5).report().why.find("openvpn (PID 42)"), std::string::npos);
}

TEST(TunnelState, OneUnreadPacketIsTooFewUnlessTheHolderIsStopped) {
  Scene scene;
  scene.moved(0, 0, 1);
  EXPECT_EQ(scene.state(), State::kUnknown);
  scene.tunnel().holder_state = 'T';
  EXPECT_EQ(scene.state(), State::kHung);
}

TEST(TunnelState, DropsWithoutAQueueAreHangingAsWell) {
  Scene scene;
  scene.moved(0, 0).activity().last.sent_dropped = 7;
  EXPECT_EQ(scene.state(), State::kHung);
}

TEST(TunnelState, AStoppedHolderWithoutTrafficIsNotHung) {
  Scene scene;
  scene.moved(0, 0, 0).tunnel().holder_state = 'T';
  EXPECT_EQ(scene.state(), State::kUnknown);
}

TEST(TunnelState, OneLookAtTheCountersIsTooFew) {
  EXPECT_EQ(Scene().state(), State::kUnknown);
  Scene scene;
  scene.moved(1, 1, 1).activity().last.sent_packets = 0;  // set back
  EXPECT_EQ(scene.state(), State::kUnknown);
}

TEST(TunnelState, PersistentWithoutCarrierAndHolderIsOrphan) {
  Scene scene(false);
  scene.without_holder();
  scene.link().tun_persistent = true;
  EXPECT_EQ(scene.state(), State::kOrphan);
  scene.link().tun_persistent = false;
  EXPECT_EQ(scene.state(), State::kUnknown);
  scene.link().tun_persistent = true;
  EXPECT_EQ(scene.without_holder("/proc cannot be read").state(), State::kUnknown);
  scene.tunnel().holder_pid = 42;
  EXPECT_EQ(scene.state(), State::kUnknown);
}

TEST(TunnelState, TheCarrierItselfCountsNotTheFlagThatFollowsIt) {
  Scene scene;
  scene.without_holder().link().tun_persistent = true;
  scene.link().carrier = false;
  EXPECT_EQ(scene.state(), State::kOrphan);
  scene.link().flags &= ~static_cast<std::uint32_t>(kLinkUp | kLinkRunning | kLinkLowerUp);
  EXPECT_EQ(scene.state(), State::kOrphan);
  scene.link().carrier = true;
  EXPECT_EQ(scene.state(), State::kUnknown);
  scene.tunnel().holder_pid = 42;
  EXPECT_EQ(scene.state(), State::kIdle);
}

TEST(TunnelState, TheSecondLookDecidesWhereTheCarrierWentOrCame) {
  Scene gone;
  gone.moved(3, 4, 4).activity().last_carrier = false;
  gone.link().carrier = true;
  gone.link().tun_persistent = true;
  EXPECT_EQ(gone.state(), State::kUnknown);
  EXPECT_NE(gone.report().why.find("lost its carrier while it was watched"), std::string::npos) << gone.report().why;
  gone.activity().last_carrier = true;
  EXPECT_EQ(gone.state(), State::kLive);
  Scene back(false);
  back.without_holder().link().tun_persistent = true;
  back.link().carrier = false;
  EXPECT_EQ(back.state(), State::kOrphan);
  back.moved(3, 4, 4).activity().last_carrier = true;
  EXPECT_EQ(back.state(), State::kLive);
  back.moved(0, 0, 0);
  EXPECT_EQ(back.state(), State::kUnknown) << "who holds it was asked before";
}

TEST(TunnelState, WhyTheHolderIsNotKnownIsSaidOnceAsEvidence) {
  Scene scene(false);
  scene.without_holder("only root may see it").tunnel().not_seen = "only root may see it";
  scene.link().tun_persistent = true;
  const auto says_so = [](const Evidence& each) { return each.text.find("only root may see it") != std::string::npos; };
  const TunnelReport report = scene.report();
  EXPECT_EQ(std::ranges::count_if(report.evidence, says_so), 1);
}

TEST(TunnelState, ACarrierWithoutAVisibleHolderIsUnknown) {
  Scene scene;
  scene.link().tun_persistent = true;
  EXPECT_EQ(scene.without_holder().moved(0, 0, 0).state(), State::kUnknown);
}

TEST(TunnelState, UnknownTunnelsMakeNoOrphan) {
  Scene scene(false);
  scene.link().tun_persistent = true;
  scene.snapshot.tunnels = Observed<std::vector<Tunnel>>::missing("they were not asked for");
  EXPECT_EQ(scene.state(), State::kUnknown);
}

TEST(TunnelState, WireguardIsJudgedByItsHandshakes) {
  EXPECT_EQ(Scene().moved(0, 9).wireguard(30s, 0, 900).state(), State::kLive);
  EXPECT_EQ(Scene().moved(0, 9).wireguard(180s, 0, 900).state(), State::kLive);
  EXPECT_EQ(Scene().moved(0, 9).wireguard(181s, 0, 900).state(), State::kDead);
  EXPECT_EQ(Scene().moved(0, 0).wireguard(181s, 0, 148).state(), State::kDead);  // handshakes alone
  EXPECT_EQ(Scene().moved(0, 9).wireguard(181s).state(), State::kDead);
  EXPECT_EQ(Scene().moved(0, 9).wireguard(181s, 92, 900).state(), State::kLive);
  EXPECT_EQ(Scene().moved(2, 9).wireguard(9000s).state(), State::kLive);
  EXPECT_EQ(Scene().moved(0, 0).wireguard(9000s).state(), State::kIdle);
  EXPECT_EQ(Scene().moved(0, 9).wireguard(std::nullopt, 0, 900).state(), State::kUnknown);
  EXPECT_EQ(Scene().moved(0, 9).wireguard(-3600s, 0, 900).state(), State::kUnknown);
}

TEST(TunnelState, AShortLookIsTooShortForAnAnswerToAHandshake) {
  Scene scene;
  scene.moved(0, 9).wireguard(500s, 0, 900);
  scene.snapshot.activity->interval = 1s;
  EXPECT_EQ(scene.state(), State::kUnknown);
}

TEST(TunnelState, WireguardWithUnreadPeersIsLiveOrUnknown) {
  Scene scene;
  scene.moved(0, 9).wireguard(500s);
  scene.tunnel().peers.reset();
  scene.activity().first_peers.clear();
  scene.activity().last_peers.clear();
  EXPECT_EQ(scene.state(), State::kUnknown);
  EXPECT_EQ(scene.moved(1, 9).state(), State::kLive);
}

TEST(TunnelState, UserspaceWireguardHangsLikeAnyProgram) {
  Scene scene;
  scene.moved(0, 0, 9).wireguard(20s);
  scene.link().kind = "tun";
  scene.tunnel().holder_pid = 42;
  scene.tunnel().holder_state = 'T';
  EXPECT_EQ(scene.state(), State::kHung);
}

TEST(TunnelState, FallbackDevicesAreTheSystems) {
  Machine machine = Machine::ordinary();
  machine.link("sit0", "sit", 0).link("tunl0", "ipip", 0).tun("clat4").link("vnet0", "tun");
  machine.link("flannel.1", "vxlan").link("docker0", "bridge").link("vxlan0", "vxlan");
  Snapshot snapshot = machine.snapshot();
  snapshot.links->at(5).tun_type = std::uint8_t{2};
  const auto reports = judge_tunnels(snapshot);
  ASSERT_EQ(reports.size(), 3U);
  for (const TunnelReport& report : reports) EXPECT_EQ(report.state, State::kSystem) << report.interface;
}

TEST(TunnelState, KernelTunnelsAreLiveWhenSomethingComesIn) {
  const auto gre = [](std::uint64_t received, std::uint64_t sent) {
    Scene scene;
    scene.link().kind = "gre";
    scene.link().tunnel_remote = IpAddress::parse("198.51.100.9");
    scene.without_holder();
    return scene.moved(received, sent).state();
  };
  EXPECT_EQ(gre(1, 0), State::kLive);
  EXPECT_EQ(gre(0, 5), State::kUnknown);
  EXPECT_EQ(gre(0, 0), State::kIdle);
}

TEST(TunnelState, WithoutCarrierAKernelTunnelIsDead) {
  Scene scene(false);
  scene.link().kind = "ovpn";
  EXPECT_EQ(scene.without_holder().state(), State::kDead);
  EXPECT_EQ(scene.without_holder("/proc cannot be read").state(), State::kUnknown);
}

TEST(TunnelState, CountsWhatUsesATunnel) {
  Machine machine = Machine::ordinary();
  machine.link("wg0", "wireguard").address("wg0", "10.9.0.2/24").link("tun9", "wireguard");
  machine.route({.destination = "default", .interface = "wg0", .table = 51820});
  machine.route({.destination = "10.1.0.0/16", .interface = "wg0"});
  machine.route({.destination = "10.2.0.0/16", .interface = "wg0", .table = 7});
  machine.route({.destination = "10.3.0.0/16", .interface = "eth0", .gateway = "192.0.2.1", .table = 7});
  Rule rule;
  rule.priority = 32765;
  rule.inverted = true;
  rule.mark = rule.table = 51820;
  machine.rule(rule);
  Rule to_both;
  to_both.priority = 100;
  to_both.table = 7;
  machine.rule(to_both);
  Rule by_name;
  by_name.priority = 101;
  by_name.output_interface = "wg0";
  by_name.table = kTableMain;
  machine.rule(by_name);
  Snapshot snapshot = machine.snapshot();
  ResolvConf file;
  file.exists = true;
  file.used_servers = file.nameservers = {server("10.1.2.3")};
  snapshot.dns.resolv_conf = {file, "/etc/resolv.conf"};
  const TunnelReport report = judge_tunnels(snapshot).at(0);
  EXPECT_EQ(report.interface, "wg0");
  EXPECT_EQ(report.routes_count, 4U);  // the default, both prefixes, the network of its address
  EXPECT_EQ(report.rules_count, 2U);
  EXPECT_EQ(report.dns_scopes.size(), 1U);
  EXPECT_EQ(report.addresses.at(0).to_string(), "10.9.0.2/24");
  const TunnelReport other = judge_tunnels(snapshot).at(1);
  EXPECT_EQ(other.routes_count + other.rules_count + other.dns_scopes.size(), 0U);
}

TEST(TunnelState, AMacKeepsItsOwnTunnels) {
  Machine machine;
  for (const char* name : {"utun0", "utun1", "utun2", "utun3", "utun4"}) machine.link(name);
  machine.address("utun4", "10.8.0.2/32");
  Snapshot snapshot = machine.snapshot();
  snapshot.platform = Platform::kMacos;
  snapshot.dns.macos = {MacosDns{}, "scutil --dns"};
  const auto set = [&](std::size_t at, std::uint32_t mtu, const char* address) {
    snapshot.links->at(at).mtu_bytes = mtu;
    Address each;
    each.interface = snapshot.links->at(at).name;
    each.address = IpAddress::parse(address).value();
    snapshot.addresses->push_back(each);
  };
  set(1, 1000, "fe80::ce81:b1c:bd2c:69e");
  set(2, 2000, "fe80::1");
  set(3, 1280, "fe80::2");
  set(4, 1380, "fe80::3");
  MacosResolver resolver;
  resolver.interface = "utun3";
  resolver.servers = {server("100.100.100.100")};
  snapshot.dns.macos->resolvers = {resolver};
  const auto reports = judge_tunnels(snapshot);
  ASSERT_EQ(reports.size(), 5U);
  EXPECT_EQ(reports[0].state, State::kSystem);
  EXPECT_EQ(reports[1].state, State::kSystem);
  EXPECT_EQ(reports[2].state, State::kUnknown);
  EXPECT_EQ(reports[3].state, State::kUnknown);
  EXPECT_EQ(reports[4].state, State::kUnknown);
  EXPECT_EQ(reports[4].kind, "utun");
}

/// Draws what can be seen of a tun device or of WireGuard.
Scene drawn(Draw& draw) {
  Scene scene(!draw.chance(3));
  if (draw.chance(8)) scene.link().flags &= ~static_cast<std::uint32_t>(kLinkUp | kLinkRunning | kLinkLowerUp);
  scene.link().tun_persistent = draw.maybe_truth();
  if (draw.chance(2)) scene.without_holder(draw.chance(2) ? "not readable" : "");
  constexpr std::array kStates = {'R', 'S', 'T', 't', '\0'};
  scene.tunnel().holder_state = kStates[draw.below(kStates.size())];
  const auto few = [&] { return draw.chance(2) ? 0 : draw.below(4); };
  if (!draw.chance(4)) scene.moved(few(), few(), draw.chance(3) ? std::nullopt : std::optional(few()));
  if (draw.chance(2)) {
    constexpr std::array kAges = {-100s, 0s, 179s, 180s, 181s, 100000s};
    const auto age = draw.chance(5) ? std::nullopt : std::optional(kAges[draw.below(kAges.size())]);
    scene.wireguard(age, few(), few());
    if (draw.chance(3)) scene.link().kind = "tun";
    scene.snapshot.activity->interval = draw.chance(2) ? 1s : 6s;
  }
  return scene;
}

void expect_grounded(Scene& scene) {
  const TunnelReport report = scene.report();
  EXPECT_FALSE(report.why.empty());
  const InterfaceActivity* activity = scene.snapshot.activity ? &scene.activity() : nullptr;
  const bool is_wireguard = scene.tunnel().kind == "wireguard";
  switch (report.state) {
    case State::kHung:
      ASSERT_NE(activity, nullptr);
      EXPECT_EQ(activity->first.sent_packets, activity->last.sent_packets);
      EXPECT_GT(activity->last.queued_packets.value_or(0), activity->first.queued_packets.value_or(0));
      break;
    case State::kOrphan:
      EXPECT_FALSE(scene.link().is_running());
      EXPECT_FALSE(scene.tunnel().holder_pid.has_value());
      EXPECT_TRUE(scene.tunnel().holder_not_seen.empty());
      EXPECT_NE(scene.link().tun_persistent, false);
      break;
    case State::kDead:
      ASSERT_TRUE(is_wireguard && activity != nullptr);
      EXPECT_GT(kNow - *activity->last_peers.at(0).last_handshake, 180s);
      EXPECT_EQ(activity->last.received_packets, activity->first.received_packets);
      EXPECT_GE(scene.snapshot.activity->interval, 5s);
      break;
    case State::kLive:
      EXPECT_TRUE(is_wireguard || activity->last.sent_packets + activity->last.received_packets > 200);
      break;
    default:
      break;
  }
}

TEST(TunnelState, RestsOnProofWhateverTheFacts) {
  std::mt19937_64 random(20);
  Draw draw(random);
  std::array<int, 7> seen{};
  for (int i = 0; i < 4000; ++i) {
    Scene scene = drawn(draw);
    expect_grounded(scene);
    const State whole = scene.state();
    ++seen[static_cast<std::size_t>(whole)];
    // Without the second look, or without the holder, the answer stays or becomes unknown.
    Scene unwatched = scene;
    unwatched.snapshot.activity = {};
    const State without_activity = unwatched.state();
    EXPECT_NE(without_activity, State::kHung);
    EXPECT_NE(without_activity, State::kDead);
    Scene unseen = scene;
    unseen.without_holder("not readable");
    EXPECT_NE(unseen.state(), State::kOrphan);
    if (::testing::Test::HasFailure()) return;
  }
  for (const State each : {State::kLive, State::kIdle, State::kHung, State::kDead, State::kOrphan, State::kUnknown}) {
    EXPECT_GT(seen[static_cast<std::size_t>(each)], 20) << tunnel_state_name(each);
  }
}

}  // namespace
}  // namespace vpndoctor
