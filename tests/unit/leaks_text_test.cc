// SPDX-License-Identifier: Apache-2.0
// The text of the leaks command: golden files of typical machines (UPDATE_GOLDEN=1 rewrites them), and what must hold.
#include <gtest/gtest.h>

#include <algorithm>

#include "golden.h"
#include "sample_leaks_reports.h"
#include "vpndoctor/render.h"

namespace vpndoctor::test {
namespace {

using testing_support::expect_golden;

std::string quiet(const Report& report) { return render_text(report, {.quiet = true}); }

LeaksReport& leaks_of(Report& report) { return std::get<LeaksReport>(report.data); }

TEST(LeaksText, NoVpn) { expect_golden("leaks_no_vpn", render_text(leaks_no_vpn_report())); }
TEST(LeaksText, Full) { expect_golden("leaks_full", render_text(leaks_full_report())); }
TEST(LeaksText, FullVerbose) {
  expect_golden("leaks_full_verbose", render_text(leaks_full_report(), {.verbose = true}));
}
TEST(LeaksText, Split) { expect_golden("leaks_split", render_text(leaks_split_report())); }
TEST(LeaksText, Crashed) { expect_golden("leaks_crashed", render_text(leaks_crashed_report())); }
TEST(LeaksText, Several) { expect_golden("leaks_several", render_text(leaks_several_report())); }
TEST(LeaksText, Macos) { expect_golden("leaks_macos", render_text(leaks_macos_report())); }
TEST(LeaksText, Captured) { expect_golden("leaks_captured", render_text(leaks_captured_report())); }
TEST(LeaksText, NoControl) { expect_golden("leaks_no_control", render_text(leaks_no_control_report())); }
TEST(LeaksText, Bypass) { expect_golden("leaks_bypass", render_text(leaks_bypass_report())); }
TEST(LeaksText, Unknown) { expect_golden("leaks_unknown", render_text(leaks_unknown_report())); }

TEST(LeaksText, WhereAVpnMightHideNoneIsSeen) {
  Report report = leaks_no_vpn_report();
  EXPECT_NE(quiet(report).find("There is no VPN here"), std::string::npos) << quiet(report);
  Snapshot snapshot = *leaks_of(report).snapshot;
  snapshot.xfrm = Observed<Xfrm>::missing("only root may read it");
  leaks_of(report).snapshot = std::make_shared<const Snapshot>(std::move(snapshot));
  EXPECT_NE(quiet(report).find("No VPN is seen here"), std::string::npos) << quiet(report);
}

TEST(LeaksText, WhatThePacketFilterStopsIsNotSaidToLeave) {
  Report report = leaks_no_vpn_report();
  ASSERT_NE(quiet(report).find("all traffic leaves by "), std::string::npos) << quiet(report);
  leaks_of(report).stopped = {{Family::kInet, Family::kInet6}, "the policy of chain out of table inet x is drop"};
  EXPECT_NE(quiet(report).find("the packet filter stops all traffic, the policy of chain out"), std::string::npos);
  EXPECT_EQ(quiet(report).find("leaves by"), std::string::npos) << quiet(report);
}

TEST(LeaksText, WhatWasNotSeenOfATunnelIsSaidOnce) {
  Report report = leaks_full_report();
  Snapshot snapshot = *leaks_of(report).snapshot;
  ASSERT_FALSE(snapshot.tunnels->empty());
  snapshot.tunnels->front().not_seen = "its other end hides";
  leaks_of(report).tunnels = judge_tunnels(snapshot);
  leaks_of(report).snapshot = std::make_shared<const Snapshot>(std::move(snapshot));
  const std::string text = render_text(report, {.verbose = true});
  const std::size_t at = text.find("its other end hides");
  ASSERT_NE(at, std::string::npos) << text;
  EXPECT_EQ(text.find("its other end hides", at + 1), std::string::npos) << text;
}

TEST(LeaksText, ACaptureWithoutAControlIsNotCalledOk) {
  EXPECT_TRUE(quiet(leaks_full_report()).starts_with("OK: "));
  EXPECT_TRUE(quiet(leaks_no_control_report()).starts_with("UNDETERMINED: "));
}

TEST(LeaksText, TheHeadlineNamesTheLeakWhereNoFindingDoes) {
  Report report = leaks_captured_report();
  report.findings.clear();
  EXPECT_NE(quiet(report).find("203.0.113.53:53"), std::string::npos) << quiet(report);
  EXPECT_TRUE(quiet(report).starts_with("PROBLEM: 3 flows left outside the tunnel")) << quiet(report);
}

TEST(LeaksText, TheHeadlineNamesADeadTunnelWhereNoFindingDoes) {
  Report report = leaks_crashed_report();
  report.findings.clear();
  EXPECT_NE(quiet(report).find("tun0 is held by no program"), std::string::npos) << quiet(report);
}

TEST(LeaksText, TheHeadlineCountsWhatIsOfTheFirstFindingsKind) {
  Report report = leaks_crashed_report();
  ASSERT_FALSE(report.findings.empty());
  const Finding first = report.findings.front();
  report.findings.assign(3, first);
  EXPECT_EQ(quiet(report), "PROBLEM: " + first.title + "\n");
  report.findings.assign(300, first);
  EXPECT_EQ(quiet(report), "PROBLEM: " + first.title + "; so it is with 299 more\n");
}

TEST(LeaksText, TheSystemsOwnAreListedOnAVerbosePageOnly) {
  const Report report = leaks_macos_report();
  EXPECT_NE(render_text(report).find("10 of the system's own"), std::string::npos);
  EXPECT_EQ(render_text(report).find("utun3  "), std::string::npos);
  EXPECT_NE(render_text(report, {.verbose = true}).find("utun3  "), std::string::npos);
}

TEST(LeaksText, ALongListOfTunnelsIsCutAndSaysSo) {
  Report report = leaks_several_report();
  LeaksReport& leaks = leaks_of(report);
  const TunnelReport live = leaks.tunnels[1];
  leaks.tunnels.assign(596, live);
  EXPECT_NE(render_text(report).find("and 576 more; --verbose lists them"), std::string::npos);
  const std::string all = render_text(report, {.verbose = true});
  EXPECT_EQ(all.find("--verbose lists them"), std::string::npos);
  EXPECT_GT(std::ranges::count(all, '\n'), 596);
}

TEST(LeaksText, WhatIsBrokenIsNotBehindTheCut) {
  Report report = leaks_several_report();
  LeaksReport& leaks = leaks_of(report);
  TunnelReport dead = leaks.tunnels[3];
  leaks.tunnels.assign(596, leaks.tunnels[1]);
  dead.interface = "wg-last";
  leaks.tunnels.push_back(dead);
  EXPECT_NE(render_text(report).find("wg-last is dead. "), std::string::npos);
  leaks.tunnels.back().state = TunnelState::kOrphan;
  EXPECT_NE(render_text(report).find("wg-last is an orphan. "), std::string::npos);
}

TEST(LeaksText, OfTooManyPrefixesTheWaysAreTold) {
  Report report = leaks_full_report();
  FamilyCoverage& coverage = leaks_of(report).coverage.inet;
  coverage.is_cut = true;
  coverage.outside_ways.clear();
  for (int i = 0; i < 100; ++i) {
    OutsideWay& way = coverage.outside_ways.emplace_back();
    way.largest.prefix = *IpPrefix::parse("20." + std::to_string(i) + ".0.0/16");
    way.largest.interface = "eth" + std::to_string(i);
    way.prefixes_count = 2000;
    way.share = i / 1000.0;
  }
  const std::string text = render_text(report);
  EXPECT_NE(text.find("20.99.0.0/16 and 1,999 more by eth99"), std::string::npos) << text;
  EXPECT_EQ(text.find("eth5 "), std::string::npos) << "the least are not shown";
  EXPECT_NE(text.find("and 68 more ways out"), std::string::npos) << text;
  EXPECT_NE(render_text(report, {.verbose = true}).find("20.5.0.0/16"), std::string::npos);
}

TEST(LeaksText, ACaptureThatEndedEarlyByItselfIsNotCalledInterrupted) {
  Report report = leaks_captured_report();
  report.incomplete = true;
  CaptureResult& capture = *leaks_of(report).capture;
  EXPECT_NE(render_text(report, {}).find("\nInterrupted or out of time: "), std::string::npos);
  capture.ended_early = "the capture on eth0 ended after 2.0 s: it went down";
  const std::string text = render_text(report, {});
  EXPECT_NE(text.find("\nIncomplete: the capture, or a part of it, ended early."), std::string::npos) << text;
  EXPECT_EQ(text.find("Interrupted"), std::string::npos) << text;
  capture.interrupted = true;
  EXPECT_NE(render_text(report, {}).find("\nInterrupted or out of time: "), std::string::npos);
}

TEST(LeaksText, IsAnsweredByWhatWasAskedFor) {
  Report report = leaks_several_report();
  LeaksReport& leaks = leaks_of(report);
  EXPECT_TRUE(leaks_are_answered(leaks));  // IPv6 is not known, and nothing was expected of it
  leaks.expectation.mode = CoverageMode::kSplit;
  EXPECT_FALSE(leaks_are_answered(leaks));
  leaks.coverage.inet6.mode = CoverageMode::kNone;
  EXPECT_TRUE(leaks_are_answered(leaks));
  leaks.capture = CaptureResult{};
  EXPECT_FALSE(leaks_are_answered(leaks));
  leaks.capture->leaks.emplace_back();
  EXPECT_TRUE(leaks_are_answered(leaks));
  leaks.capture->leaks.clear();
  leaks.capture->control_seen = true;
  EXPECT_TRUE(leaks_are_answered(leaks));
  EXPECT_FALSE(leaks_are_answered(leaks_of(report = leaks_unknown_report())));
}

TEST(LeaksText, TwoFamiliesThatAreUnknownForDifferentReasonsAreTwo) {
  Report report = leaks_unknown_report();
  EXPECT_EQ(render_text(report).find("\n  IPv6 "), std::string::npos);
  leaks_of(report).coverage.inet6.why_unknown = "a reason of its own";
  EXPECT_NE(render_text(report).find("\n  IPv6 "), std::string::npos) << render_text(report);
}

TEST(LeaksText, ABaselineThatCannotBeReadIsTold) {
  Report report = leaks_full_report();
  leaks_of(report).why_no_before = "it is of another version";
  EXPECT_NE(render_text(report).find("the baseline: it is of another version"), std::string::npos);
}

TEST(LeaksText, AFileIsJudgedByThisMachineUnlessAStateIsGiven) {
  Report report = leaks_full_report();
  leaks_of(report).capture->file = "night.pcap";
  EXPECT_NE(render_text(report).find("this machine's, now"), std::string::npos) << render_text(report);
  leaks_of(report).state_name = "saved.json";
  EXPECT_EQ(render_text(report).find("this machine's, now"), std::string::npos) << render_text(report);
}

TEST(LeaksText, AHandshakeIsAsOldAsItWasAtTheLastLook) {
  Report report = leaks_full_report();
  Snapshot snapshot = *leaks_of(report).snapshot;
  snapshot.activity->ended_at += std::chrono::seconds(6);
  leaks_of(report).snapshot = std::make_shared<const Snapshot>(std::move(snapshot));
  EXPECT_NE(render_text(report, {.verbose = true}).find("last handshake 48 s ago"), std::string::npos);
}

TEST(LeaksText, ManySignsOfOtherVpnsAreCut) {
  Report report = leaks_several_report();
  Snapshot snapshot = *leaks_of(report).snapshot;
  snapshot.vpn_signs->assign(11, snapshot.vpn_signs->front());
  leaks_of(report).snapshot = std::make_shared<const Snapshot>(std::move(snapshot));
  EXPECT_NE(render_text(report).find("and 3 more; --verbose lists them"), std::string::npos);
  EXPECT_EQ(render_text(report, {.verbose = true}).find("--verbose lists them"), std::string::npos);
}

}  // namespace
}  // namespace vpndoctor::test
