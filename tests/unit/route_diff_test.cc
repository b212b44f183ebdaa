// SPDX-License-Identifier: Apache-2.0
// What counts as a difference between two states, and how it is worded.
#include "vpndoctor/route_diff.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "vpndoctor/route_table_builder.h"

namespace vpndoctor {
namespace {

IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }
IpPrefix prefix(std::string_view text) { return *IpPrefix::parse(text); }

NextHop leg(std::string interface, std::string_view gateway = {}) {
  NextHop hop;
  hop.interface = std::move(interface);
  if (!gateway.empty()) hop.gateway = ip(gateway);
  return hop;
}

/// A route by itself, to put into a table.
struct Entry {
  Route route;
  NextHopSet next_hops;
  RouteAttributes attributes;
};

Entry entry(std::string_view destination, std::vector<NextHop> hops, std::uint32_t metric = 0) {
  Entry made;
  made.route.destination = prefix(destination);
  made.route.metric = metric;
  made.next_hops.hops = std::move(hops);
  return made;
}

RouteTable table_of(const std::vector<Entry>& entries) {
  RouteTableBuilder builder;
  for (const Entry& each : entries) {
    Route route = each.route;
    route.next_hops = builder.intern(each.next_hops);
    route.attributes = builder.intern(each.attributes);
    builder.add(route);
  }
  return builder.take();
}

Link link(std::string name, std::string kind = {}) {
  Link made;
  made.name = std::move(name);
  made.kind = std::move(kind);
  made.flags = kLinkUp | kLinkRunning | kLinkLowerUp;
  made.mtu_bytes = 1500;
  return made;
}

Address address(std::string interface, std::string_view text, unsigned length) {
  Address made;
  made.interface = std::move(interface);
  made.address = ip(text);
  made.prefix_length = static_cast<std::uint8_t>(length);
  return made;
}

Rule rule(std::uint32_t priority, std::uint32_t to_table) {
  Rule made;
  made.priority = priority;
  made.table = to_table;
  return made;
}

Snapshot snapshot(const std::vector<Entry>& entries) {
  Snapshot made;
  made.links = {{link("lo"), link("eth0"), link("eth1")}, "test"};
  made.addresses = {{address("eth0", "192.0.2.2", 24)}, "test"};
  Rule inet6 = rule(32766, kTableMain);
  inet6.family = Family::kInet6;
  made.rules = {{rule(0, kTableLocal), rule(32766, kTableMain), rule(32767, kTableDefault), inet6}, "test"};
  made.routes = {table_of(entries), "test"};
  return made;
}

std::vector<Entry> home() {
  return {entry("0.0.0.0/0", {leg("eth0", "192.0.2.1")}, 100), entry("10.0.0.0/8", {leg("eth0", "192.0.2.9")})};
}

std::vector<std::string> sentences(const Snapshot& before, const Snapshot& after) {
  std::vector<std::string> texts;
  for (const DiffSentence& sentence : diff_snapshots(before, after).summary) texts.push_back(sentence.text);
  return texts;
}

FacetDiff routes_diff(const std::vector<Entry>& before, const std::vector<Entry>& after) {
  return diff_snapshots(snapshot(before), snapshot(after)).routes;
}

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

TEST(RouteDiff, RulesAreComparedAsAMultiset) {
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

TEST(DiffSummary, TheDefaultMoved) {
  auto after = home();
  after[0] = entry("0.0.0.0/0", {leg("tun0", "10.8.0.1")}, 50);
  EXPECT_EQ(sentences(snapshot(home()), snapshot(after)).at(0), "default moved from eth0 to tun0");
}

TEST(DiffSummary, TwoHalvesAreADefault) {
  auto after = home();
  after.push_back(entry("0.0.0.0/1", {leg("tun0", "10.8.0.1")}));
  after.push_back(entry("128.0.0.0/1", {leg("tun0", "10.8.0.1")}));
  const auto diff = diff_snapshots(snapshot(home()), snapshot(after));
  ASSERT_EQ(diff.summary.size(), 1U);
  EXPECT_EQ(diff.summary[0].text, "default moved from eth0 to tun0");
  EXPECT_EQ(diff.summary[0].count, 2U);
  after.pop_back();
  EXPECT_EQ(sentences(snapshot(home()), snapshot(after)).at(0), "1 prefix added through tun0");
}

TEST(DiffSummary, TheQuartersOfGlobalIpv6AreADefaultToo) {
  std::vector<Entry> before = {entry("::/0", {leg("eth0", "fe80::1")}, 1024)};
  auto after = before;
  for (const char* part : {"::/3", "2000::/4", "3000::/4"}) after.push_back(entry(part, {leg("tun0")}, 200));
  EXPECT_EQ(sentences(snapshot(before), snapshot(after)).at(0), "IPv6 default moved from eth0 to tun0");
}

TEST(DiffSummary, ADefaultInATableOfItsOwnIsFoundThroughItsRule) {
  auto entries = home();
  entries.push_back(entry("0.0.0.0/0", {leg("wg0")}));
  entries.back().route.table = 51820;
  Snapshot after = snapshot(entries);
  Rule unmarked = rule(32765, 51820);
  unmarked.inverted = true;
  unmarked.mark = 51820;
  unmarked.mark_mask = 0xffffffff;
  Rule suppressed = rule(32764, kTableMain);
  suppressed.suppress_prefix_length = 0;
  after.rules->insert(after.rules->begin(), {suppressed, unmarked});
  const auto texts = sentences(snapshot(home()), after);
  EXPECT_EQ(texts.at(0), "default moved from eth0 to wg0");
  after.rules->at(1).inverted = false;
  EXPECT_NE(sentences(snapshot(home()), after).at(0), "default moved from eth0 to wg0");
}

TEST(DiffSummary, TheDefaultAppearedVanishedOrChangedItsGateway) {
  const std::vector<Entry> without = {home()[1]};
  EXPECT_EQ(sentences(snapshot(without), snapshot(home())).at(0), "default appeared: eth0");
  EXPECT_EQ(sentences(snapshot(home()), snapshot(without)).at(0), "default vanished: it was eth0");
  auto other = home();
  other[0].next_hops.hops[0].gateway = ip("192.0.2.77");
  EXPECT_EQ(sentences(snapshot(home()), snapshot(other)).at(0),
            "default through eth0 moved from gateway 192.0.2.1 to 192.0.2.77");
}

TEST(DiffSummary, PrefixesAreCountedByWhatTheyGoThrough) {
  auto after = home();
  for (int i = 0; i < 812; ++i) {
    after.push_back(entry(fmt::format("10.{}.{}.0/24", 16 + i / 256, i % 256), {leg("tun0", "10.8.0.1")}));
  }
  const auto diff = diff_snapshots(snapshot(home()), snapshot(after));
  ASSERT_EQ(diff.summary.size(), 1U);
  EXPECT_EQ(diff.summary[0].text, "812 prefixes added through tun0");
  EXPECT_EQ(diff.summary[0].count, 812U);
  EXPECT_EQ(sentences(snapshot(after), snapshot(home())).at(0), "812 prefixes removed that went through tun0");
}

TEST(DiffSummary, TheMostImportantComesFirst) {
  Snapshot after = snapshot({entry("0.0.0.0/0", {leg("tun0")}, 50), home()[1], entry("10.1.0.0/16", {leg("tun0")})});
  Link tunnel = link("tun0", "tun");
  tunnel.tun_type = 1;
  tunnel.hardware_type = 0xfffe;
  after.links->push_back(tunnel);
  after.links->at(1).mtu_bytes = 1400;
  after.links->at(2).flags = kLinkUp;
  after.rules->push_back(rule(1000, 100));
  after.addresses->push_back(address("tun0", "10.8.0.2", 24));
  const std::vector<std::string> wanted = {"default moved from eth0 to tun0",
                                           "tunnel interface tun0 appeared",
                                           "eth1 lost its carrier",
                                           "1 prefix added through tun0",
                                           "1 rule added",
                                           "address 10.8.0.2/24 added to tun0",
                                           "eth0 changed its MTU from 1500 to 1400"};
  EXPECT_EQ(sentences(snapshot(home()), after), wanted);
}

/// Random tables with few keys, so that the same key comes often.
class RandomTable {
 public:
  explicit RandomTable(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_); }

  Entry route() {
    static constexpr const char* kDestinations[] = {"0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "::/0", "2001:db8::/32"};
    Entry made = entry(kDestinations[below(5)], hops(), static_cast<std::uint32_t>(below(3)));
    made.route.table = below(3) == 0 ? 100U : std::uint32_t{kTableMain};
    made.route.protocol = static_cast<std::uint8_t>(3 + below(2));
    return made;
  }

  std::vector<Entry> routes(std::size_t count) {
    std::vector<Entry> made;
    for (std::size_t i = 0; i < count; ++i) made.push_back(route());
    return made;
  }

  /// Another order of keys and legs; routes of one key keep theirs.
  std::vector<Entry> reordered(std::vector<Entry> routes) {
    for (Entry& each : routes) std::shuffle(each.next_hops.hops.begin(), each.next_hops.hops.end(), random_);
    const unsigned salt = static_cast<unsigned>(below(1000));
    const auto place = [salt](const Entry& each) {
      const std::string key =
          fmt::format("{}{} {} {}", salt, each.route.destination, each.route.table, each.route.metric);
      return std::hash<std::string>{}(key);
    };
    std::stable_sort(routes.begin(), routes.end(),
                     [&](const Entry& one, const Entry& other) { return place(one) < place(other); });
    return routes;
  }

 private:
  std::vector<NextHop> hops() {
    std::vector<NextHop> made;
    for (std::size_t i = 0, count = 1 + below(3); i < count; ++i) {
      made.push_back(leg(fmt::format("eth{}", below(2)), fmt::format("192.0.2.{}", 1 + below(4))));
    }
    return made;
  }

  std::mt19937 random_;
};

TEST(RouteDiff, AnotherOrderOfKeysAndLegsIsNoDifference) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    RandomTable random(seed);
    const auto routes = random.routes(1 + random.below(40));
    EXPECT_TRUE(routes_diff(routes, random.reordered(routes)).is_empty()) << seed;
  }
}

TEST(RouteDiff, NamesExactlyTheEntryThatWasAddedOrRemoved) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    RandomTable random(seed);
    const auto before = random.routes(1 + random.below(40));
    auto after = before;
    const std::size_t place = random.below(after.size() + 1);
    Entry fresh = random.route();
    fresh.route.protocol = 99;
    after.insert(after.begin() + static_cast<std::ptrdiff_t>(place), fresh);
    const FacetDiff forward = routes_diff(before, after);
    EXPECT_EQ(forward.added, std::vector{static_cast<std::uint32_t>(place)}) << seed;
    EXPECT_TRUE(forward.removed.empty() && forward.changed.empty()) << seed;
    const FacetDiff backward = routes_diff(after, before);
    EXPECT_EQ(backward.removed, forward.added) << seed;
    EXPECT_TRUE(backward.added.empty() && backward.changed.empty()) << seed;
  }
}

TEST(RouteDiff, ApplyingTheDifferenceGivesTheOtherTable) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    RandomTable random(seed);
    const auto before = random.routes(random.below(40));
    const auto after = random.routes(random.below(40));
    const FacetDiff diff = routes_diff(before, after);
    EXPECT_EQ(before.size() - diff.removed.size(), after.size() - diff.added.size()) << seed;
    std::vector<Entry> kept;
    std::vector<Entry> common;
    for (std::uint32_t i = 0; i < before.size(); ++i) {
      const auto changed = std::find_if(diff.changed.begin(), diff.changed.end(),
                                        [i](const FacetDiff::Changed& each) { return each.before == i; });
      if (changed != diff.changed.end())
        kept.push_back(after[changed->after]);
      else if (!std::binary_search(diff.removed.begin(), diff.removed.end(), i))
        kept.push_back(before[i]);
    }
    for (std::uint32_t i = 0; i < after.size(); ++i) {
      if (!std::binary_search(diff.added.begin(), diff.added.end(), i)) common.push_back(after[i]);
    }
    EXPECT_TRUE(routes_diff(kept, common).is_empty()) << seed;
    EXPECT_EQ(routes_diff(after, before).changed.size(), diff.changed.size()) << seed;
  }
}

TEST(RouteDiff, SameRouteAgreesWithTheDiff) {
  RandomTable random(7);
  for (int i = 0; i < 2000; ++i) {
    const std::vector<Entry> one = {random.route()};
    const std::vector<Entry> other = random.reordered({random.below(2) == 0 ? one[0] : random.route()});
    const RouteTable left = table_of(one);
    const RouteTable right = table_of(other);
    EXPECT_EQ(same_route(left, left.routes[0], right, right.routes[0]), routes_diff(one, other).is_empty());
  }
}

}  // namespace
}  // namespace vpndoctor
