// SPDX-License-Identifier: Apache-2.0
// --vpn IF: IF itself must be there, be a tunnel and carry. The coverage is that of the tables, never written by hand.
#include "named_tunnel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>

#include "leak_judgement.h"
#include "machine.h"
#include "vpndoctor/leaks_report.h"

namespace vpndoctor {
namespace {

using testing_support::judge_leaks;
using testing_support::Machine;

constexpr auto kFull = CoverageMode::kFull;
constexpr auto kSplit = CoverageMode::kSplit;

CheckResults check(const Snapshot& snapshot, const VpnExpectation& expectation) {
  return judge_leaks(snapshot, find_coverage(snapshot, Fib(snapshot), 0), expectation);
}

bool is_expectations(const std::string& code) { return code == "TUN005" || code == "TUN006"; }

/// "TUN005: The tunnel tun0 is down", "undecided", or "" when all is as expected.
std::string verdict(const Snapshot& snapshot, const VpnExpectation& expectation) {
  const CheckResults results = check(snapshot, expectation);
  std::string text;
  for (const Finding& each : results.findings) {
    if (is_expectations(each.code)) text += (text.empty() ? "" : "; ") + each.code + ": " + each.title;
  }
  if (text.empty() && std::ranges::any_of(results.skipped, is_expectations, &Skipped::code)) return "undecided";
  return text;
}

std::string remedy(const Snapshot& snapshot, const VpnExpectation& expectation) {
  for (const Finding& each : check(snapshot, expectation).findings) {
    if (is_expectations(each.code)) return each.remedy.summary;
  }
  return {};
}

/// eth0 with a default route, tun0 10.8.0.2/24 and tun1 10.77.0.2/24 with their own networks alone.
Machine two_tunnels() {
  Machine machine;
  machine.link("eth0").address("eth0", "192.168.50.5/24");
  machine.route({.destination = "default", .interface = "eth0", .gateway = "192.168.50.1"});
  machine.tun("tun0").address("tun0", "10.8.0.2/24").tunnel("tun0", "8.7.6.5");
  machine.tun("tun1").address("tun1", "10.77.0.2/24").tunnel("tun1", "8.7.6.4");
  return machine;
}

Snapshot finish(Machine& machine) {
  Snapshot snapshot = machine.snapshot();
  snapshot.xfrm = {Xfrm{}, "netlink"};
  for (Tunnel& tunnel : *snapshot.tunnels) tunnel.holder_pid = 42;
  return snapshot;
}

Machine& halves(Machine& machine, const std::string& interface) {
  return machine.route({.destination = "0.0.0.0/1", .interface = interface})
      .route({.destination = "128.0.0.0/1", .interface = interface});
}

TEST(NamedTunnel, CarryingAllIsFullAndCarryingAPartIsSplit) {
  Machine full = two_tunnels();
  const Snapshot all = finish(halves(full, "tun0"));
  EXPECT_EQ(verdict(all, {kFull, "tun0"}), "");
  EXPECT_EQ(verdict(all, {{}, "tun0"}), "");
  EXPECT_EQ(verdict(all, {kSplit, "tun0"}), "TUN006: IPv4 goes through tun0 wholly, not in part");
  Machine split = two_tunnels();
  const Snapshot part = finish(split.route({.destination = "10.66.0.0/16", .interface = "tun0"}));
  EXPECT_EQ(verdict(part, {kSplit, "tun0"}), "");
  EXPECT_EQ(verdict(part, {kFull, "tun0"}), "TUN006: IPv4 goes through tun0 not at all");
}

TEST(NamedTunnel, AListThatIsCutLetsOutNoMoreThanItsWays) {
  FamilyCoverage coverage;
  coverage.is_cut = true;
  coverage.outside_ways.resize(1);
  coverage.outside_ways[0].largest.address_class = AddressClass::kPrivate;
  EXPECT_FALSE(lets_public_out(coverage));
  coverage.outside_ways[0].largest.address_class = AddressClass::kPublic;
  EXPECT_TRUE(lets_public_out(coverage));
}

TEST(NamedTunnel, AnotherTunnelInItsPlaceIsAnError) {
  Machine machine = two_tunnels();
  const Snapshot other = finish(halves(machine, "tun0"));
  EXPECT_EQ(verdict(other, {kFull, "tun1"}), "TUN006: IPv4 goes through tun0, a different tunnel than tun1");
  EXPECT_NE(remedy(other, {kFull, "tun1"}).find("the other VPN"), std::string::npos);
  EXPECT_EQ(verdict(other, {kSplit, "tun1"}), "TUN006: Nothing but its own network goes through tun1");
  EXPECT_EQ(verdict(other, {{}, "tun1"}), "") << "its own network is something";
}

TEST(NamedTunnel, ATunnelThatIsDownOrHasNoRoutesIsAnError) {
  for (const auto mode : {std::optional<CoverageMode>{}, std::optional(kFull), std::optional(kSplit)}) {
    Machine machine;
    machine.link("eth0").address("eth0", "192.168.50.5/24").tun("tun0").tunnel("tun0", "8.7.6.5");
    machine.route({.destination = "default", .interface = "eth0", .gateway = "192.168.50.1"});
    Snapshot idle = finish(machine);
    EXPECT_EQ(verdict(idle, {mode, "tun0"}),
              mode == kFull ? "TUN006: IPv4 goes through tun0 not at all" : "TUN006: Nothing goes through tun0");
    EXPECT_NE(remedy(idle, {mode, "tun0"}).find("No route leads into tun0"), std::string::npos);
    std::ranges::find(*idle.links, "tun0", &Link::name)->flags = kLinkPointToPoint | kLinkNoArp;
    EXPECT_TRUE(verdict(idle, {mode, "tun0"}).starts_with("TUN005: The tunnel tun0 is "));
  }
}

TEST(NamedTunnel, AnInterfaceThatIsNoTunnelIsAnErrorWithTheNamesThatAreMeant) {
  Machine ordinary = Machine::ordinary();
  const Snapshot without = finish(ordinary);
  for (const char* name : {"eth0", "lo"}) {
    for (const auto mode : {kFull, kSplit}) {
      EXPECT_EQ(verdict(without, {mode, name}), "TUN005: The interface " + std::string(name) + " is no tunnel");
      EXPECT_NE(remedy(without, {mode, name}).find("no tunnel on this machine"), std::string::npos);
    }
  }
  Machine machine = two_tunnels();
  EXPECT_NE(remedy(finish(halves(machine, "tun0")), {kFull, "eth0"}).find("tun0, tun1"), std::string::npos);
}

TEST(NamedTunnel, ATapDeviceThatNobodyIsSeenToHoldIsNoAnswer) {
  Machine machine = Machine::ordinary();
  Snapshot snapshot = finish(machine);
  Link tap = *std::ranges::find(*snapshot.links, "eth0", &Link::name);
  tap.name = "tap0";
  tap.kind = "tun";
  tap.tun_type = 2;
  snapshot.links->push_back(tap);
  EXPECT_EQ(verdict(snapshot, {kFull, "tap0"}), "undecided");
}

TEST(NamedTunnel, ATapDeviceThatIsUsedAsATunnelIsOneWhenNobodyHoldsItAndMayBeOneWhenSomebodyHidesIt) {
  Machine machine = two_tunnels();
  Snapshot snapshot = finish(halves(machine, "tun0"));
  Link& link = *std::ranges::find(*snapshot.links, "tun0", &Link::name);
  link.tun_type = 2;
  link.tun_persistent = true;
  link.flags &= ~std::uint32_t{kLinkRunning | kLinkLowerUp};
  Tunnel& tunnel = snapshot.tunnels->front();
  tunnel.kind = "tap";
  tunnel.holder_pid.reset();
  for (const char* named : {"", "tun0"}) {
    EXPECT_TRUE(verdict(snapshot, {kFull, named}).starts_with("TUN005: The tunnel tun0 is an orphan")) << named;
  }
  link.flags |= kLinkRunning | kLinkLowerUp;
  tunnel.holder_not_seen = "only root may see which process holds it";
  for (const char* named : {"", "tun0"}) EXPECT_EQ(verdict(snapshot, {kFull, named}), "undecided") << named;
  const FamilyCoverage inet = find_coverage(snapshot, Fib(snapshot), 0).inet;
  EXPECT_EQ(inet.mode, CoverageMode::kUnknown);
  EXPECT_NE(inet.why_unknown.find("only root"), std::string::npos) << inet.why_unknown;
}

/// What four quarters of IPv4 do decides; the oracle counts them.
TEST(NamedTunnel, OnlyWhatTheTunnelItselfCarriesCounts) {
  std::mt19937 random(7);
  std::array<int, 3> seen{};
  for (int i = 0; i < 300; ++i) {
    Machine machine = two_tunnels();
    std::array<int, 4> count{};  // eth0, tun0, tun1, refused
    for (const char* quarter : {"0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2", "192.0.0.0/2"}) {
      const unsigned way = random() % 4;
      ++count.at(way);
      if (way == 3) machine.route({.destination = quarter, .type = RouteType::kUnreachable});
      if (way == 1 || way == 2) machine.route({.destination = quarter, .interface = way == 1 ? "tun0" : "tun1"});
    }
    const Snapshot snapshot = finish(machine);
    const bool is_whole = count[0] == 0 && count[2] == 0 && count[1] != 0;
    EXPECT_EQ(verdict(snapshot, {kFull, "tun0"}).empty(), is_whole) << i;
    EXPECT_EQ(verdict(snapshot, {kSplit, "tun0"}).empty(), count[1] != 0 && !is_whole) << i;
    ++seen.at(is_whole ? 0 : count[1] != 0 ? 1 : 2);
  }
  EXPECT_TRUE(std::ranges::none_of(seen, [](int each) { return each == 0; }));
}

TEST(NamedTunnel, TunnelsThatShareARouteAreNotOne) {
  Snapshot snapshot = [] {
    Machine machine = two_tunnels();
    return finish(halves(machine, "tun0"));
  }();
  for (NextHopSet& set : snapshot.routes->next_hop_sets) {
    if (set.hops.size() != 1 || set.hops[0].interface != "tun0") continue;
    NextHop other = set.hops[0];
    other.interface = "tun1";
    set.hops.push_back(other);
  }
  EXPECT_TRUE(verdict(snapshot, {kFull, "tun0"}).starts_with("TUN006: IPv4 goes through tun1 as well"));
}

TEST(NamedTunnel, AStateThatIsUnknownIsADoubtOnlyWherePacketsGoInAndNoneCome) {
  Machine machine = two_tunnels();
  Snapshot snapshot = finish(halves(machine, "tun0"));
  for (Tunnel& tunnel : *snapshot.tunnels) {
    tunnel.holder_pid.reset();
    tunnel.holder_not_seen = "only root may see it";
  }
  InterfaceActivity activity{.interface = "tun0", .first = {}, .last = {}};
  activity.first.queued_packets = activity.last.queued_packets = 0;
  const auto after = [&](std::uint64_t queued, std::uint64_t received) {
    activity.last.queued_packets = queued;
    activity.last.received_packets = received;
    snapshot.activity = {TunnelActivity{.interval = std::chrono::seconds(1), .ended_at = {}, .interfaces = {activity}},
                         "netlink"};
    return verdict(snapshot, {kFull, "tun0"});
  };
  EXPECT_EQ(after(0, 0), "");
  EXPECT_EQ(after(1, 0), "undecided");
  EXPECT_EQ(after(1, 1), "");
}

/// What was seen of an interface in 6 s; all its packets are read.
InterfaceActivity seen_of(const char* interface, std::uint64_t sent, std::uint64_t received) {
  InterfaceActivity seen{.interface = interface, .first = {}, .last = {}};
  seen.last.sent_packets = sent;
  seen.last.received_packets = received;
  return seen;
}

Observed<TunnelActivity> watched(std::vector<InterfaceActivity> interfaces) {
  return {TunnelActivity{.interval = std::chrono::seconds(6), .ended_at = {}, .interfaces = std::move(interfaces)},
          "netlink"};
}

TEST(NamedTunnel, AProgramThatReadsIsNoProofThatItsOtherEndIsThere) {
  Machine machine = two_tunnels();
  Snapshot snapshot = finish(halves(machine, "tun0"));
  const auto after = [&](std::uint64_t sent, std::uint64_t received, const std::string& named) {
    snapshot.activity = watched({seen_of("tun0", sent, received)});
    return verdict(snapshot, {kFull, named});
  };
  for (const char* named : {"", "tun0"}) {
    EXPECT_EQ(after(9, 0, named), "undecided") << named;
    EXPECT_EQ(after(9, 1, named), "") << named;
    EXPECT_EQ(after(0, 0, named), "") << named;
    EXPECT_EQ(after(2, 0, named), "") << "router solicitations, which nobody answers";
  }
  EXPECT_EQ(judge_tunnels(snapshot).front().state, TunnelState::kLive);
  snapshot.tunnels->front().kind = "wireguard";
  snapshot.tunnels->front().peers = {WireguardPeer{}};
  snapshot.tunnels->front().peers->front().last_handshake = snapshot.taken_at;
  snapshot.activity = watched({seen_of("tun0", 9, 0)});
  snapshot.activity->ended_at = snapshot.taken_at;
  snapshot.activity->interfaces.front().first_peers = snapshot.activity->interfaces.front().last_peers =
      *snapshot.tunnels->front().peers;
  EXPECT_EQ(verdict(snapshot, {kFull, "tun0"}), "") << "its handshake shows the other end";
}

TEST(NamedTunnel, WithoutANameOneTunnelThatMayWorkIsEnough) {
  Machine machine = two_tunnels();
  machine.route({.destination = "0.0.0.0/1", .interface = "tun0"});
  Snapshot snapshot = finish(machine.route({.destination = "128.0.0.0/1", .interface = "tun1"}));
  snapshot.activity = watched({seen_of("tun0", 9, 0), seen_of("tun1", 9, 1)});
  EXPECT_EQ(verdict(snapshot, {kFull, ""}), "");
  snapshot.activity = watched({seen_of("tun0", 9, 0), seen_of("tun1", 9, 0)});
  EXPECT_EQ(verdict(snapshot, {kFull, ""}), "undecided");
  // The one that is dead for certain is none that may work.
  std::ranges::find(*snapshot.links, "tun1", &Link::name)->flags &= ~std::uint32_t{kLinkRunning | kLinkLowerUp};
  snapshot.tunnels->back().holder_pid.reset();
  EXPECT_EQ(verdict(snapshot, {kFull, ""}), "undecided");
}

TEST(NamedTunnel, AWireguardThatNeverShookHandsIsUndecidedWithoutItsNameAsWell) {
  Machine machine = two_tunnels();
  Snapshot snapshot = finish(halves(machine, "tun0"));
  snapshot.tunnels->front().kind = "wireguard";
  snapshot.tunnels->front().peers = {WireguardPeer{}};
  snapshot.activity = watched({seen_of("tun0", 9, 0)});
  snapshot.activity->interfaces.front().first_peers = snapshot.activity->interfaces.front().last_peers =
      *snapshot.tunnels->front().peers;
  for (const char* named : {"", "tun0"}) EXPECT_EQ(verdict(snapshot, {kFull, named}), "undecided") << named;
}

TEST(NamedTunnel, WhatIsWrongWithItIsOneSentence) {
  Machine machine = two_tunnels();
  Snapshot snapshot = finish(halves(machine, "tun0"));
  Tunnel& tunnel = snapshot.tunnels->front();
  Link& link = *std::ranges::find(*snapshot.links, "tun0", &Link::name);
  tunnel.holder_name = "VpnDaemon";
  tunnel.holder_state = 'T';
  snapshot.activity = watched({seen_of("tun0", 0, 0)});
  const auto title = [&] {
    EXPECT_EQ(verdict(snapshot, {kFull, ""}), verdict(snapshot, {kFull, "tun0"}));
    return verdict(snapshot, {kFull, "tun0"});
  };
  EXPECT_EQ(
      title(),
      "TUN005: The tunnel tun0 carries nothing: VpnDaemon (PID 42) holds it and is stopped; nothing was sent that "
      "it could have read");
  snapshot.activity->interfaces[0].first.queued_packets = 0;
  snapshot.activity->interfaces[0].last.queued_packets = 3;
  EXPECT_EQ(title(), "TUN005: The tunnel tun0 hangs: VpnDaemon (PID 42) is stopped, and 3 packets sent into it wait");
  tunnel.holder_state = 'S';
  EXPECT_EQ(title(),
            "TUN005: The tunnel tun0 hangs: 3 packets were sent into it, and VpnDaemon (PID 42) did not read them");
  link.flags &= ~std::uint32_t{kLinkRunning | kLinkLowerUp};
  EXPECT_EQ(title(), "TUN005: The tunnel tun0 carries nothing: it has no carrier although VpnDaemon (PID 42) holds it");
  tunnel.holder_pid.reset();
  tunnel.holder_name.clear();
  link.tun_persistent = true;
  EXPECT_EQ(title(), "TUN005: The tunnel tun0 is an orphan: it is persistent, has no carrier, and no process holds it");
}

TEST(NamedTunnel, AnExpectationThatIsNotDecidedLeavesTheReportUndetermined) {
  LeaksReport report;
  report.coverage.inet.mode = kFull;
  report.coverage.inet6.mode = CoverageMode::kNone;
  const std::array skipped{Skipped{"TUN005", "whether tun0 works is not known"}};
  EXPECT_TRUE(leaks_are_answered(report, skipped));
  report.expectation = {kFull, "tun0"};
  EXPECT_FALSE(leaks_are_answered(report, skipped));
  EXPECT_TRUE(leaks_are_answered(report));
}

TEST(NamedTunnel, PoliciesWithoutAnInterfaceAreNamedIpsec) {
  Machine machine = Machine::ordinary();
  Snapshot snapshot = finish(machine);
  EXPECT_EQ(verdict(snapshot, {kFull, "ipsec"}), "TUN005: The tunnel ipsec is not there");
  XfrmPolicy policy;
  policy.source = policy.destination = IpPrefix::everything(Family::kInet);
  policy.templates = {{.source = IpAddress::parse("192.0.2.2"),
                       .destination = IpAddress::parse("198.51.100.7"),
                       .ip_protocol = 50,
                       .mode = 1}};
  snapshot.xfrm = {Xfrm{.policies = {policy}}, "netlink"};
  EXPECT_EQ(verdict(snapshot, {{}, "ipsec"}), "");
}

}  // namespace
}  // namespace vpndoctor
