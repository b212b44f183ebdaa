// SPDX-License-Identifier: Apache-2.0
// How the difference between two states is summed up in words.
#include <gtest/gtest.h>

#include "unit/diff_states.h"

namespace vpndoctor {
namespace {

using namespace diff_testing;

std::vector<std::string> sentences(const Snapshot& before, const Snapshot& after) {
  std::vector<std::string> texts;
  for (const DiffSentence& sentence : diff_snapshots(before, after).summary) texts.push_back(sentence.text);
  return texts;
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

/// A machine whose default goes through wg0 by wg-quick's rules, which stand first.
Snapshot behind_wg_quick() {
  auto entries = home();
  entries.push_back(entry("0.0.0.0/0", {leg("wg0")}));
  entries.back().route.table = 51820;
  Snapshot made = snapshot(entries);
  Rule unmarked = rule(32765, 51820);
  unmarked.inverted = true;
  unmarked.mark = 51820;
  unmarked.mark_mask = 0xffffffff;
  Rule suppressed = rule(32764, kTableMain);
  suppressed.suppress_prefix_length = 0;
  made.rules->insert(made.rules->begin(), {suppressed, unmarked});
  return made;
}

TEST(DiffSummary, ADefaultInATableOfItsOwnIsFoundThroughItsRule) {
  Snapshot after = behind_wg_quick();
  EXPECT_EQ(sentences(snapshot(home()), after).at(0), "default moved from eth0 to wg0");
  after.rules->at(1).inverted = false;
  EXPECT_NE(sentences(snapshot(home()), after).at(0), "default moved from eth0 to wg0");
}

TEST(DiffSummary, RulesAloneMoveTheDefault) {
  Snapshot after = behind_wg_quick();
  after.rules->erase(after.rules->begin(), after.rules->begin() + 2);
  EXPECT_EQ(sentences(behind_wg_quick(), after),
            (std::vector<std::string>{"default moved from wg0 to eth0", "2 rules removed (wg-quick)"}));
  Snapshot refused = snapshot(home());
  Rule unreachable = rule(30000, kTableUnspecified);
  unreachable.action = RuleAction::kUnreachable;
  refused.rules->insert(refused.rules->begin() + 1, unreachable);
  EXPECT_EQ(sentences(snapshot(home()), refused),
            (std::vector<std::string>{"default moved from eth0 to unreachable", "1 rule added"}));
}

TEST(DiffSummary, WithoutRulesOnOneSideTheDefaultIsNotToldAbout) {
  Snapshot after = behind_wg_quick();
  after.rules = Observed<std::vector<Rule>>::missing("a test took them");
  after.routes->routes.at(1).metric = 7;
  EXPECT_EQ(sentences(behind_wg_quick(), after),
            (std::vector<std::string>{"10.0.0.0/8 through eth0 changed its metric from 0 to 7"}));
}

TEST(DiffSummary, APrefixOfSeveralRoutesCountsForEachInterface) {
  auto after = home();
  after.push_back(entry("10.1.0.0/16", {leg("eth0", "192.0.2.1")}));
  after.push_back(entry("10.2.0.0/16", {leg("eth1")}));
  after.push_back(entry("10.3.0.0/16", {leg("eth1")}));
  after.push_back(entry("10.3.0.0/16", {leg("eth0", "192.0.2.1")}, 2));
  after.push_back(entry("10.3.0.0/16", {leg("eth0", "192.0.2.1")}, 3));
  EXPECT_EQ(sentences(snapshot(home()), snapshot(after)),
            (std::vector<std::string>{"2 prefixes added through eth0", "2 prefixes added through eth1"}));
}

TEST(DiffSummary, ANewMetricIsNoPrefixThatCameAndWent) {
  auto after = home();
  after[0].route.metric = 200;
  EXPECT_EQ(sentences(snapshot(home()), snapshot(after)),
            (std::vector<std::string>{"default through eth0 changed its metric from 100 to 200"}));
  after = home();
  after[1].route.metric = 5;
  after[1].next_hops.hops[0].gateway = ip("192.0.2.77");
  EXPECT_EQ(sentences(snapshot(home()), snapshot(after)).size(), 2U) << "another gateway is another route";
}

TEST(DiffSummary, RoutesOfOneKeyThatSwappedChangedTheirOrder) {
  const std::vector<Entry> before = {entry("10.0.0.0/8", {leg("eth0")}), entry("10.0.0.0/8", {leg("eth1")})};
  const SnapshotDiff diff = diff_snapshots(snapshot(before), snapshot({before[1], before[0]}));
  ASSERT_EQ(diff.summary.size(), 1U);
  EXPECT_EQ(diff.summary[0].text, "1 route changed its order");
  EXPECT_EQ(diff.routes.reordered.size(), 1U);
  EXPECT_EQ(diff.routes.added.size(), 1U);
}

TEST(DiffSummary, LargeNumbersAreGrouped) {
  auto after = home();
  for (int i = 0; i < 1200; ++i)
    after.push_back(entry(fmt::format("10.{}.{}.0/24", 16 + i / 256, i % 256), {leg("tun0")}));
  EXPECT_EQ(sentences(snapshot(home()), snapshot(after)).at(0), "1,200 prefixes added through tun0");
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

}  // namespace
}  // namespace vpndoctor
