// SPDX-License-Identifier: Apache-2.0
// IPsec policies that an IKE daemon left behind, and those that are in use.
#include "unserved_ipsec.h"

#include <gtest/gtest.h>

#include "leak_laptop.h"

namespace vpndoctor {
namespace {

using namespace testing_support;

XfrmPolicy policy_to(const char* destination, const char* server = "203.0.113.7") {
  XfrmPolicy policy;
  policy.source = IpPrefix::everything(Family::kInet);
  policy.destination = *IpPrefix::parse(destination);
  policy.templates.push_back({.destination = IpAddress::parse(server), .ip_protocol = 50, .mode = 1});
  return policy;
}

XfrmState state_to(const char* server, std::uint8_t mode = 1) {
  return {.destination = *IpAddress::parse(server), .spi = 1, .ip_protocol = 50, .mode = mode};
}

Snapshot with_policies(std::vector<XfrmPolicy> policies, std::vector<XfrmState> states = {}) {
  Snapshot snapshot = Machine::ordinary().snapshot();
  snapshot.xfrm = {{.policies = std::move(policies), .states = std::move(states)}, "netlink"};
  snapshot.vpn_signs = {std::vector<VpnSign>(), "/proc"};
  return snapshot;
}

VpnSign charon() {
  return {.kind = VpnSignKind::kIpsecSocket, .name = "charon", .pid = {}, .text = "listens on UDP port 500"};
}

TEST(UnservedIpsec, APolicyWithoutAStateOrADaemonIsAnError) {
  Snapshot snapshot = with_policies({policy_to("0.0.0.0/0")});
  const Finding finding = finding_of(snapshot, "TUN010");
  EXPECT_EQ(finding.severity, kError);
  EXPECT_EQ(finding.confidence, Confidence::kLikely);
  EXPECT_EQ(finding.title, "IPsec policies for 0.0.0.0/0 have no state, and no IKE daemon runs that would make one");
  EXPECT_TRUE(has_command(finding, "ip xfrm policy flush"));
}

TEST(UnservedIpsec, AStateOrADaemonThatMakesOneServes) {
  const auto all = [](const Snapshot& snapshot) { return unserved_ipsec(snapshot).size(); };
  EXPECT_EQ(all(with_policies({policy_to("0.0.0.0/0")}, {state_to("203.0.113.7")})), 0U);
  EXPECT_EQ(all(with_policies({policy_to("0.0.0.0/0")}, {state_to("203.0.113.8")})), 1U) << "of another server";
  EXPECT_EQ(all(with_policies({policy_to("0.0.0.0/0")}, {state_to("203.0.113.7", 0)})), 1U) << "of another mode";
  Snapshot waiting = with_policies({policy_to("0.0.0.0/0")});
  waiting.vpn_signs->push_back(charon());
  EXPECT_EQ(all(waiting), 0U);
}

TEST(UnservedIpsec, OnlyWhatMustBeEncryptedCounts) {
  XfrmPolicy optional = policy_to("10.0.0.0/8");
  optional.templates.front().is_optional = true;
  XfrmPolicy block = policy_to("10.0.0.0/8");
  block.blocks = true;
  XfrmPolicy bypass = policy_to("10.0.0.0/8");
  bypass.templates.clear();
  XfrmPolicy incoming = policy_to("10.0.0.0/8");
  incoming.direction = XfrmDirection::kIn;
  XfrmPolicy of_interface = policy_to("10.0.0.0/8");
  of_interface.interface_id = 7;
  EXPECT_TRUE(unserved_ipsec(with_policies({optional, block, bypass, incoming, of_interface})).empty());
}

TEST(UnservedIpsec, WhatOthersUseIsNotFlushed) {
  Snapshot snapshot =
      with_policies({policy_to("10.0.0.0/8"), policy_to("10.1.0.0/16", "203.0.113.8")}, {state_to("203.0.113.8")});
  const Finding finding = finding_of(snapshot, "TUN010");
  EXPECT_EQ(finding.title, "IPsec policies for 10.0.0.0/8 have no state, and no IKE daemon runs that would make one");
  EXPECT_TRUE(finding.remedy.commands.empty());
}

TEST(UnservedIpsec, WithoutTheSocketsItIsNotDecided) {
  Snapshot snapshot = with_policies({policy_to("10.0.0.0/8")});
  snapshot.vpn_signs = Observed<std::vector<VpnSign>>::missing("it was not looked for");
  EXPECT_TRUE(unserved_ipsec(snapshot).empty());
  EXPECT_EQ(unserved_ipsec_undecided(snapshot),
            "IPsec policies have no state, and whether an IKE daemon runs is not known: it was not looked for");
  snapshot.xfrm->states.push_back(state_to("203.0.113.7"));
  EXPECT_EQ(unserved_ipsec_undecided(snapshot), "");
  Snapshot hidden = with_policies({});
  hidden.xfrm = Observed<Xfrm>::missing("only root may read IPsec policies");
  EXPECT_TRUE(unserved_ipsec(hidden).empty());
  EXPECT_EQ(unserved_ipsec_undecided(hidden), "");
}

}  // namespace
}  // namespace vpndoctor
