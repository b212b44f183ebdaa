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

TEST(BypassTest, WhatNoTunnelTakesLeavesNothingToPassBy) {
  const auto why = [](PacketWay way, std::string_view interface, const char* unknown = "") {
    return why_no_bypass_test({.way = way, .interface = interface, .why = unknown, .route = nullptr},
                              "vpn.example.org");
  };
  EXPECT_EQ(why(PacketWay::kTunnel, "tun0"), "");
  EXPECT_EQ(why(PacketWay::kNowhere, "", "no route"), "") << "a socket that is bound may have one";
  EXPECT_EQ(why(PacketWay::kOutside, "eth0"), "packets to vpn.example.org leave by eth0 anyway, not by a tunnel");
  EXPECT_EQ(why(PacketWay::kTunnel, ""),
            "an IPsec policy takes packets to vpn.example.org, also of a socket that is bound: not tested");
  EXPECT_EQ(why(PacketWay::kHere, ""), "vpn.example.org is this machine itself");
  EXPECT_EQ(why(PacketWay::kUnknown, "", "the routes are not known"),
            "whether packets to vpn.example.org go into a tunnel is not known: the routes are not known");
}

TEST(BypassTest, SilenceAndNoWayAndNothingTriedAreNotKnown) {
  EXPECT_EQ(can_bypass(test_of({probe(BypassOutcome::kSilence), probe(BypassOutcome::kRefused)})), std::nullopt);
  EXPECT_EQ(can_bypass(test_of({probe(BypassOutcome::kNoWay)})), std::nullopt);
  EXPECT_EQ(can_bypass(test_of({})), std::nullopt);
  EXPECT_TRUE(judge_bypass_test(test_of({probe(BypassOutcome::kSilence)}), {}).empty());
}

}  // namespace
}  // namespace vpndoctor
