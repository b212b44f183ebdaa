// SPDX-License-Identifier: Apache-2.0
// WireGuard with several peers: each has a state of its own, one that lives makes the tunnel live, and the one that has
// the default route decides when it is known to be gone. Over drawn peers, against the rules written down once more.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <random>

#include "draw.h"
#include "machine.h"
#include "vpndoctor/tunnel_state.h"

namespace vpndoctor {
namespace {

using namespace std::chrono_literals;
using testing_support::Draw;
using testing_support::Machine;
using State = TunnelState;

const auto kNow = std::chrono::system_clock::time_point(std::chrono::seconds(2000000000));

AllowedIp allowed(const char* address, std::uint8_t length) { return {*IpAddress::parse(address), length}; }

/// What is known of one peer.
struct Drawn {
  std::optional<std::chrono::seconds> age;
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
  std::vector<AllowedIp> allowed_ips = {};
  bool has_default = false;
};

/// wg0 with these peers, watched for 6 s.
Snapshot with_peers(const std::vector<Drawn>& peers, std::uint64_t sent_packets = 9) {
  Machine machine = Machine::ordinary();
  machine.link("wg0", "wireguard").address("wg0", "10.9.0.2/24").tunnel("wg0", "198.51.100.9");
  Snapshot snapshot = machine.snapshot();
  snapshot.taken_at = kNow;
  Tunnel& tunnel = snapshot.tunnels->front();
  tunnel.kind = "wireguard";
  InterfaceActivity activity{.interface = "wg0", .first = {}, .last = {}};
  activity.last.sent_packets = sent_packets;
  std::vector<WireguardPeer> listed;
  for (const Drawn& each : peers) {
    WireguardPeer peer;
    peer.public_key = "key" + std::to_string(listed.size());
    peer.allowed_ips = each.allowed_ips;
    if (each.age) peer.last_handshake = kNow - *each.age;
    listed.push_back(peer);
    activity.first_peers.push_back(peer);
    peer.received_bytes = each.received;
    peer.sent_bytes = each.sent;
    activity.last_peers.push_back(peer);
    if (each.received > 0) activity.last.received_packets += 1;
  }
  tunnel.peers = listed;
  snapshot.activity = {TunnelActivity{.interval = 6s, .ended_at = kNow, .interfaces = {activity}}, "netlink"};
  return snapshot;
}

TunnelReport report_of(const Snapshot& snapshot) { return judge_tunnels(snapshot).at(0); }

/// The line of evidence about a peer; empty when there is none.
std::string line_of(const TunnelReport& report, const std::string& key) {
  const auto found = std::ranges::find(report.evidence, "peer " + key, &Evidence::source);
  return found == report.evidence.end() ? "" : found->text;
}

const Drawn kAlive{.age = 20s, .received = 100, .sent = 100};
const Drawn kGone{.age = 900s, .sent = 148};

Drawn holding(Drawn peer, std::vector<AllowedIp> allowed_ips) {
  peer.allowed_ips = std::move(allowed_ips);
  return peer;
}

TEST(WireguardPeers, OneThatLivesMakesTheTunnelLive) {
  const TunnelReport report = report_of(with_peers({kGone, kAlive, {.age = {}}, {.age = 900s}}));
  EXPECT_EQ(report.state, State::kLive);
  EXPECT_TRUE(line_of(report, "key0").starts_with("silent: its last handshake was 15 minutes ago"));
  EXPECT_TRUE(line_of(report, "key1").starts_with("live: "));
  EXPECT_TRUE(line_of(report, "key2").starts_with("no session yet: "));
  EXPECT_TRUE(line_of(report, "key3").starts_with("idle: "));
}

/// What clients write for "exclude private IPs".
std::vector<AllowedIp> all_but_private() {
  std::vector<AllowedIp> all;
  for (const auto& [address, length] : std::initializer_list<std::pair<const char*, std::uint8_t>>{
           {"0.0.0.0", 5},      {"8.0.0.0", 7},      {"11.0.0.0", 8},     {"12.0.0.0", 6},     {"16.0.0.0", 4},
           {"32.0.0.0", 3},     {"64.0.0.0", 2},     {"128.0.0.0", 3},    {"160.0.0.0", 5},    {"168.0.0.0", 6},
           {"172.0.0.0", 12},   {"172.32.0.0", 11},  {"172.64.0.0", 10},  {"172.128.0.0", 9},  {"173.0.0.0", 8},
           {"174.0.0.0", 7},    {"176.0.0.0", 4},    {"192.0.0.0", 9},    {"192.128.0.0", 11}, {"192.160.0.0", 13},
           {"192.169.0.0", 16}, {"192.170.0.0", 15}, {"192.172.0.0", 14}, {"192.176.0.0", 12}, {"192.192.0.0", 10},
           {"193.0.0.0", 8},    {"194.0.0.0", 7},    {"196.0.0.0", 6},    {"200.0.0.0", 5},    {"208.0.0.0", 4}}) {
    all.push_back(allowed(address, length));
  }
  return all;
}

TEST(WireguardPeers, TheOneWithTheDefaultRouteDecidesWhenItIsGone) {
  const std::vector<std::vector<AllowedIp>> defaults = {
      {allowed("0.0.0.0", 0)},
      {allowed("::", 0), allowed("10.0.0.0", 8)},
      {allowed("0.0.0.0", 1), allowed("128.0.0.0", 1)},
      {allowed("8000::", 1), allowed("::", 1)},
      {allowed("2000::", 3)},
      all_but_private(),
  };
  for (const auto& each : defaults) {
    const TunnelReport report = report_of(with_peers({kAlive, holding(kGone, each)}));
    EXPECT_EQ(report.state, State::kDead);
    EXPECT_NE(report.why.find("key1"), std::string::npos) << report.why;
    EXPECT_EQ(report_of(with_peers({holding(kGone, {allowed("10.0.0.0", 8)}), holding(kAlive, each)})).state,
              State::kLive);
  }
  for (const auto& each : {std::vector{allowed("0.0.0.0", 1)},
                           {allowed("0.0.0.0", 1), allowed("8000::", 1)},
                           {allowed("10.0.0.0", 8), allowed("172.16.0.0", 12), allowed("192.168.0.0", 16)}}) {
    EXPECT_EQ(report_of(with_peers({kAlive, holding(kGone, each)})).state, State::kLive) << "half of it";
  }
}

TEST(WireguardPeers, WhetherTheOneWithTheDefaultRouteIsGoneMustBeKnown) {
  const std::vector<AllowedIp> all{allowed("0.0.0.0", 0)};
  EXPECT_EQ(report_of(with_peers({kAlive, holding({.age = 900s}, all)})).state, State::kLive)
      << "nothing is sent to it";
  EXPECT_EQ(report_of(with_peers({kAlive, holding({.age = 180s, .sent = 9}, all)})).state, State::kLive);
  Snapshot brief = with_peers({kAlive, holding(kGone, all)});
  brief.activity->interval = 2s;
  EXPECT_EQ(report_of(brief).state, State::kUnknown);
  Snapshot unwatched = with_peers({kAlive, holding(kGone, all)});
  unwatched.activity = {};
  EXPECT_EQ(report_of(unwatched).state, State::kUnknown);
  Snapshot came_later = with_peers({kAlive, holding(kGone, all)});
  came_later.activity->interfaces.front().first_peers.clear();
  EXPECT_EQ(report_of(came_later).state, State::kUnknown) << "what is sent to it cannot be told";
}

TEST(WireguardPeers, AHandshakeAheadOfTheClockTellsNothing) {
  const TunnelReport report = report_of(with_peers({{.age = -900s}, {.age = 900s}}));
  EXPECT_TRUE(line_of(report, "key0").starts_with("unknown: "));
}

TEST(WireguardPeers, ManyAreQuotedInPartAndThatOneFirst) {
  std::vector<Drawn> peers(300, kAlive);
  peers[250] = holding(kGone, {allowed("0.0.0.0", 0)});
  const TunnelReport report = report_of(with_peers(peers));
  EXPECT_LT(report.evidence.size(), 20U);
  EXPECT_TRUE(line_of(report, "key250").ends_with("it has the default route"));
  peers[250] = holding(kAlive, {allowed("0.0.0.0", 0)});
  EXPECT_TRUE(line_of(report_of(with_peers(peers)), "key250").ends_with("it has the default route"));
}

/// The rules, for peers that were all watched long enough.
State expected(const std::vector<Drawn>& peers) {
  const auto is_live = [](const Drawn& each) { return each.received > 0 || (each.age && *each.age <= 180s); };
  const auto is_gone = [&](const Drawn& each) { return each.age && !is_live(each) && each.sent > 0; };
  if (std::ranges::any_of(peers, [&](const Drawn& each) { return each.has_default && is_gone(each); })) {
    return State::kDead;
  }
  if (std::ranges::any_of(peers, is_live)) return State::kLive;
  if (std::ranges::none_of(peers, [](const Drawn& each) { return each.age.has_value(); })) return State::kUnknown;
  return State::kDead;  // what the device sends is for one of them
}

TEST(WireguardPeers, DrawnOnesAreJudgedByTheRules) {
  std::mt19937_64 random(5);
  Draw draw(random);
  std::array<int, 7> seen{};
  for (int i = 0; i < 4000; ++i) {
    std::vector<Drawn> peers(2 + draw.below(5));
    for (Drawn& each : peers) {
      constexpr std::array kAges = {0s, 100s, 180s, 181s, 5000s, 90000s};
      if (!draw.chance(4)) each.age = kAges[draw.below(kAges.size())];
      if (draw.chance(4)) each.received = 1 + draw.below(9);
      if (draw.chance(2)) each.sent = 1 + draw.below(9);
      each.allowed_ips = {allowed("10.0.0.0", 8)};
    }
    if (draw.chance(2)) {
      Drawn& chosen = peers[draw.below(peers.size())];
      chosen.has_default = true;
      chosen.allowed_ips.push_back(draw.chance(2) ? allowed("0.0.0.0", 0) : allowed("::", 0));
    }
    const State state = report_of(with_peers(peers)).state;
    ASSERT_EQ(state, expected(peers)) << i << ": " << tunnel_state_name(state);
    ++seen[static_cast<std::size_t>(state)];
  }
  for (const State each : {State::kLive, State::kDead, State::kUnknown}) {
    EXPECT_GT(seen[static_cast<std::size_t>(each)], 20) << tunnel_state_name(each);
  }
}

}  // namespace
}  // namespace vpndoctor
