// SPDX-License-Identifier: Apache-2.0
// What counts as a difference between two states.
#include <gtest/gtest.h>

#include <algorithm>

#include "unit/diff_states.h"

namespace vpndoctor {
namespace {

using namespace diff_testing;

TEST(RouteDiff, AStateEqualsItself) {
  const SnapshotDiff diff = diff_snapshots(snapshot(home()), snapshot(home()));
  EXPECT_TRUE(diff.is_equal());
  EXPECT_FALSE(diff.is_partial());
  EXPECT_TRUE(diff.summary.empty());
}

TEST(RouteDiff, AnotherContentUnderOneKeyIsAChange) {
  auto after = home();
  after[1].next_hops.hops[0].gateway = ip("192.0.2.10");
  const FacetDiff diff = routes_diff(home(), after);
  ASSERT_EQ(diff.changed.size(), 1U);
  EXPECT_EQ(diff.changed[0].before, 1U);
  EXPECT_EQ(diff.changed[0].after, 1U);
  EXPECT_TRUE(diff.added.empty() && diff.removed.empty());
}

TEST(RouteDiff, AnotherMetricTosTableOrSourceIsAnotherKey) {
  for (int field = 0; field < 4; ++field) {
    auto before = home();
    before.push_back(entry("2001:db8::/32", {leg("eth0", "fe80::1")}, 1024));
    auto after = before;
    if (field == 0) after[1].route.metric = 7;
    if (field == 1) after[1].route.tos = 0x10;
    if (field == 2) after[1].route.table = 100;
    if (field == 3) after[2].attributes.source = prefix("2001:db8:1::/48");
    const FacetDiff diff = routes_diff(before, after);
    EXPECT_EQ(diff.added.size(), 1U) << field;
    EXPECT_EQ(diff.removed.size(), 1U) << field;
    EXPECT_TRUE(diff.changed.empty()) << field;
  }
}

TEST(RouteDiff, TimersStateIdsAndTheOrderOfLegsAreNoise) {
  auto before = home();
  before.push_back(entry("198.51.100.0/24", {leg("eth0", "192.0.2.3"), leg("eth1", "192.0.2.4")}));
  auto after = before;
  std::swap(after[2].next_hops.hops[0], after[2].next_hops.hops[1]);
  after[2].next_hops.object_id = 17;
  after[1].next_hops.hops[0].flags = kNextHopLinkDown | kNextHopDead;
  after[0].attributes.expires_seconds = 1700;
  after[0].attributes.flags = 0x4000;  // RTM_F_OFFLOAD
  auto cached = entry("203.0.113.9/32", {leg("eth0", "192.0.2.1")});
  cached.attributes.flags = 0x200;  // RTM_F_CLONED
  after.push_back(cached);
  EXPECT_TRUE(routes_diff(before, after).is_empty());
}

TEST(RouteDiff, OnLinkWeightAndEncapsulationAreContent) {
  for (int field = 0; field < 3; ++field) {
    std::vector<Entry> before = {entry("198.51.100.0/24", {leg("eth0", "192.0.2.3"), leg("eth1", "192.0.2.4")})};
    auto after = before;
    if (field == 0) after[0].next_hops.hops[0].flags = kNextHopOnLink;
    if (field == 1) after[0].next_hops.hops[0].weight = 2;
    if (field == 2) after[0].next_hops.hops[0].encapsulation.type = 1;
    EXPECT_EQ(routes_diff(before, after).changed.size(), 1U) << field;
  }
}

TEST(RouteDiff, AmongIpv4RoutesOfOneKeyTheOrderCounts) {
  const std::vector<Entry> before = {entry("10.0.0.0/8", {leg("eth0")}), entry("10.0.0.0/8", {leg("eth1")}),
                                     entry("10.0.0.0/8", {leg("lo")})};
  const std::vector<Entry> after = {before[1], before[2], before[0]};
  const FacetDiff diff = routes_diff(before, after);
  EXPECT_EQ(diff.removed, std::vector<std::uint32_t>{0});
  EXPECT_EQ(diff.added, std::vector<std::uint32_t>{2});
  EXPECT_TRUE(diff.changed.empty());
}

TEST(RouteDiff, AmongIpv6RoutesOfOneKeyItDoesNot) {
  const std::vector<Entry> before = {entry("fe80::/64", {leg("eth0")}), entry("fe80::/64", {leg("eth1")})};
  EXPECT_TRUE(routes_diff(before, {before[1], before[0]}).is_empty());
}

TEST(RouteDiff, OneOfSeveralRoutesOfOneKeyIsNeverCalledChanged) {
  const std::vector<Entry> before = {entry("10.0.0.0/8", {leg("eth0")}), entry("10.0.0.0/8", {leg("eth1")})};
  const FacetDiff diff = routes_diff(before, {before[0], entry("10.0.0.0/8", {leg("lo")})});
  EXPECT_EQ(diff.removed, std::vector<std::uint32_t>{1});
  EXPECT_EQ(diff.added, std::vector<std::uint32_t>{1});
  EXPECT_TRUE(diff.changed.empty());
}

Entry kernel_made(std::string_view destination, std::string interface) {
  Entry made = entry(destination, {leg(std::move(interface))});
  made.route.protocol = kProtocolKernel;
  return made;
}

TEST(RouteDiff, RoutesThatFollowFromAnAddressAreFoldedIntoIt) {
  Snapshot after = snapshot({home()[0], home()[1], kernel_made("10.8.0.0/24", "eth1")});
  after.addresses->push_back(address("eth1", "10.8.0.2", 24));
  const SnapshotDiff diff = diff_snapshots(snapshot(home()), after);
  EXPECT_TRUE(diff.routes.is_empty());
  EXPECT_EQ(diff.addresses.added.size(), 1U);
  EXPECT_EQ(diff.derived_changes, 1U);
}

TEST(RouteDiff, AKernelMadeRouteThatWentWithoutReasonIsTold) {
  const SnapshotDiff diff =
      diff_snapshots(snapshot({home()[0], home()[1], kernel_made("192.0.2.0/24", "eth0")}), snapshot(home()));
  EXPECT_EQ(diff.routes.removed.size(), 1U);
  EXPECT_EQ(diff.derived_changes, 0U);
}

TEST(RouteDiff, AStaticRouteThroughALinkThatWentIsTold) {
  Snapshot after = snapshot({home()[0]});
  after.links->at(1).flags = 0;
  const SnapshotDiff diff = diff_snapshots(snapshot(home()), after);
  EXPECT_EQ(diff.routes.removed.size(), 1U);
  EXPECT_EQ(diff.links.changed.size(), 1U);
}

TEST(RouteDiff, TemporaryAddressesRotateUnnoticed) {
  Address first = address("eth0", "2001:db8::aaaa", 64);
  first.flags = kAddressTemporary;
  Address second = address("eth0", "2001:db8::bbbb", 64);
  second.flags = kAddressTemporary | kAddressDeprecated;
  auto local = kernel_made("2001:db8::bbbb/128", "lo");
  local.route.table = kTableLocal;
  local.route.type = RouteType::kLocal;
  Snapshot before = snapshot(home());
  before.addresses->push_back(first);
  Snapshot after = snapshot({home()[0], home()[1], local});
  after.addresses->insert(after.addresses->end(), {second, second});
  EXPECT_TRUE(diff_snapshots(before, after).is_equal());
  before.addresses->pop_back();
  EXPECT_EQ(diff_snapshots(before, after).addresses.added.size(), 1U);
}

TEST(RouteDiff, LifetimesIndexesAndDrawnHardwareAddressesAreNoise) {
  Snapshot before = snapshot(home());
  before.links->at(1).hardware_address = "02:00:00:00:00:01";
  before.addresses->at(0).valid_seconds = 3600;
  Snapshot after = before;
  after.links->at(1).hardware_address = "ae:00:00:00:00:07";
  after.links->at(1).index = 9;
  after.addresses->at(0).valid_seconds = 1800;
  after.addresses->at(0).flags = kAddressDeprecated;
  EXPECT_TRUE(diff_snapshots(before, after).is_equal());
  before.links->at(1).hardware_address = "00:16:3e:00:00:01";
  EXPECT_EQ(diff_snapshots(before, after).links.changed.size(), 1U);
}

TEST(RouteDiff, ALinkOfAnotherKindIsAnotherLink) {
  Snapshot before = snapshot(home());
  before.links->push_back(link("vpn0", "tun"));
  Snapshot after = snapshot(home());
  after.links->push_back(link("vpn0", "wireguard"));
  const SnapshotDiff diff = diff_snapshots(before, after);
  EXPECT_EQ(diff.links.added.size(), 1U);
  EXPECT_EQ(diff.links.removed.size(), 1U);
}

TEST(RouteDiff, RulesOfDifferentPrioritiesHaveNoOrderAndEachCopyCounts) {
  Snapshot before = snapshot(home());
  Snapshot after = before;
  std::reverse(after.rules->begin(), after.rules->end());
  after.rules->at(0).input_interface_detached = true;
  EXPECT_TRUE(diff_snapshots(before, after).is_equal());
  after.rules->push_back(rule(32766, kTableMain));
  const SnapshotDiff diff = diff_snapshots(before, after);
  EXPECT_EQ(diff.rules.added.size(), 1U);
  EXPECT_TRUE(diff.rules.removed.empty());
}

TEST(RouteDiff, AmongRulesOfOnePriorityTheFirstDecidesSoThatTheirOrderCounts) {
  Snapshot before = snapshot(home());
  before.rules->insert(before.rules->begin() + 1, {rule(100, 100), rule(100, 200), rule(100, 300)});
  Snapshot after = before;
  std::swap(after.rules->at(1), after.rules->at(2));
  const SnapshotDiff diff = diff_snapshots(before, after);
  EXPECT_EQ(diff.rules.added.size(), 1U);
  EXPECT_EQ(diff.rules.removed.size(), 1U);
  ASSERT_EQ(diff.rules.reordered.size(), 1U);
  ASSERT_EQ(diff.summary.size(), 1U);
  EXPECT_EQ(diff.summary[0].text, "1 rule changed its order");
  Rule other_family = rule(100, 100);
  other_family.family = Family::kInet6;
  before.rules->insert(before.rules->begin(), other_family);
  after = before;
  std::rotate(after.rules->begin(), after.rules->begin() + 1, after.rules->end());
  EXPECT_TRUE(diff_snapshots(before, after).is_equal());
}

TEST(RouteDiff, WhatIsNotKnownIsSaidAndNotCompared) {
  Snapshot before = snapshot(home());
  before.rules = Observed<std::vector<Rule>>::missing("it was cut");
  const SnapshotDiff diff = diff_snapshots(before, snapshot(home()));
  EXPECT_TRUE(diff.is_equal());
  EXPECT_TRUE(diff.is_partial());
  EXPECT_NE(diff.rules.not_compared.find("it was cut"), std::string::npos);
}

TEST(RouteDiff, AFacetThatWasCutProvesPresenceOnly) {
  Snapshot before = snapshot({home()[0], entry("172.16.0.0/12", {leg("eth1")})});
  before.routes.add_limit("the file ends early");
  const SnapshotDiff diff = diff_snapshots(before, snapshot(home()));
  EXPECT_TRUE(diff.routes.added.empty());
  EXPECT_EQ(diff.routes.removed.size(), 1U);
  EXPECT_TRUE(diff.is_partial());
}

TEST(RouteDiff, TwoPlatformsAreNotCompared) {
  Snapshot macos = snapshot({});
  macos.platform = Platform::kMacos;
  const SnapshotDiff diff = diff_snapshots(macos, snapshot(home()));
  EXPECT_TRUE(diff.is_partial());
  EXPECT_TRUE(diff.is_equal());
}

TEST(RouteDiff, OnMacosTheScopeBelongsToTheKeyAndCacheEntriesDoNotCount) {
  const auto with_flags = [](Entry made, std::string flags) {
    made.attributes.macos_flags = std::move(flags);
    return made;
  };
  const auto scoped0 = with_flags(entry("0.0.0.0/0", {leg("en0", "192.0.2.1")}), "UGScIg");
  const auto scoped1 = with_flags(entry("0.0.0.0/0", {leg("en1", "192.0.2.1")}), "UGScIg");
  const auto plain = with_flags(entry("0.0.0.0/0", {leg("en0", "192.0.2.1")}), "UGScg");
  const auto cloned = with_flags(entry("192.0.2.7/32", {leg("en0")}), "UHLWIi");
  EXPECT_TRUE(routes_diff({plain, scoped0, scoped1}, {scoped1, plain, scoped0, cloned}).is_empty());
  const FacetDiff diff = routes_diff({plain, scoped0}, {plain, scoped1});
  EXPECT_EQ(diff.added.size(), 1U);
  EXPECT_EQ(diff.removed.size(), 1U);
}

}  // namespace
}  // namespace vpndoctor
