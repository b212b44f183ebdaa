// SPDX-License-Identifier: Apache-2.0
// What probes past the tunnel prove, and what they do not.
#include "vpndoctor/bypass_test.h"

#include <gtest/gtest.h>

namespace vpndoctor {
namespace {

BypassProbe probe(BypassOutcome outcome, const char* answered_by = nullptr) {
  BypassProbe probe;
  probe.interface = "eth0";
  probe.ttl = 1;
  probe.protocol = "udp";
  probe.outcome = outcome;
  if (answered_by != nullptr) probe.answered_by = IpAddress::parse(answered_by);
  if (outcome == BypassOutcome::kRefused) probe.error = "refused by this machine's packet filter";
  if (outcome == BypassOutcome::kNoWay) probe.error = "No route to host";
  return probe;
}

BypassTest test_of(std::vector<BypassProbe> probes) {
  BypassTest test;
  test.host = "vpn.example.org";
  test.target = *IpAddress::parse("203.0.113.10");
  test.interfaces = {"eth0", "wlan0"};
  test.probes = std::move(probes);
  return test;
}

TEST(BypassTest, OneAnswerProvesIt) {
  const BypassTest test = test_of(
      {probe(BypassOutcome::kSilence), probe(BypassOutcome::kRefused), probe(BypassOutcome::kAnswer, "192.0.2.1")});
  EXPECT_EQ(can_bypass(test), true);
  const auto findings = judge_bypass_test(test, {});
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].code, "LEK040");
  EXPECT_EQ(findings[0].severity, Severity::kNotice);
  EXPECT_EQ(findings[0].subject.id, "eth0");
  EXPECT_EQ(findings[0].evidence.size(), 1U);
}

TEST(BypassTest, RefusedByThisMachineEveryTimeIsNo) {
  const BypassTest test = test_of({probe(BypassOutcome::kRefused), probe(BypassOutcome::kRefused)});
  EXPECT_EQ(can_bypass(test), false);
  EXPECT_TRUE(judge_bypass_test(test, {}).empty());
}

TEST(BypassTest, SilenceAndNoWayAndNothingTriedAreNotKnown) {
  EXPECT_EQ(can_bypass(test_of({probe(BypassOutcome::kSilence), probe(BypassOutcome::kRefused)})), std::nullopt);
  EXPECT_EQ(can_bypass(test_of({probe(BypassOutcome::kNoWay)})), std::nullopt);
  EXPECT_EQ(can_bypass(test_of({})), std::nullopt);
  EXPECT_TRUE(judge_bypass_test(test_of({probe(BypassOutcome::kSilence)}), {}).empty());
}

}  // namespace
}  // namespace vpndoctor
