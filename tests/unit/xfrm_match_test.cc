// SPDX-License-Identifier: Apache-2.0
// IPsec policies and what a flow does not tell: an answer that would rest on it is unknown, and only then.
#include "vpndoctor/xfrm_match.h"

#include <gtest/gtest.h>

namespace vpndoctor {
namespace {

Flow flow_to(const char* destination) {
  Flow flow;
  flow.destination = *IpAddress::parse(destination);
  return flow;
}

XfrmPolicy policy_for(const char* source, const char* destination) {
  XfrmPolicy policy;
  policy.source = *IpPrefix::parse(source);
  policy.destination = *IpPrefix::parse(destination);
  policy.family = policy.destination.family();
  return policy;
}

XfrmPolicy blocking(XfrmPolicy policy, std::uint32_t priority) {
  policy.blocks = true;
  policy.priority = priority;
  return policy;
}

XfrmFate fate(const Xfrm& xfrm, const Flow& flow) { return find_xfrm_fate(xfrm, flow, "eth0").fate; }

TEST(XfrmMatch, WithoutPoliciesAllIsClear) {
  EXPECT_EQ(fate(Xfrm(), flow_to("192.0.2.1")), XfrmFate::kClear);
  EXPECT_EQ(find_xfrm_fate(Xfrm(), flow_to("2001:db8::1"), "eth0").policy, nullptr);
}

TEST(XfrmMatch, TheSourceMattersOnlyWhereItDecides) {
  Xfrm xfrm;
  xfrm.policies = {blocking(policy_for("10.0.0.0/8", "192.0.2.0/24"), 1)};
  const XfrmAnswer open = find_xfrm_fate(xfrm, flow_to("192.0.2.1"), "eth0");
  EXPECT_EQ(open.fate, XfrmFate::kUnknown);
  EXPECT_FALSE(open.why.empty());
  Flow flow = flow_to("192.0.2.1");
  flow.source = IpAddress::parse("10.1.1.1");
  EXPECT_EQ(fate(xfrm, flow), XfrmFate::kBlocked);
  flow.source = IpAddress::parse("11.1.1.1");
  EXPECT_EQ(fate(xfrm, flow), XfrmFate::kClear);
  xfrm.policies.push_back(blocking(policy_for("0.0.0.0/0", "192.0.2.0/24"), 2));
  EXPECT_EQ(fate(xfrm, flow_to("192.0.2.1")), XfrmFate::kBlocked);  // one way or the other
  EXPECT_EQ(fate(xfrm, flow_to("192.0.3.1")), XfrmFate::kClear);
}

TEST(XfrmMatch, TypesOfMessagesAreNotKnown) {
  Xfrm xfrm;
  XfrmPolicy policy = blocking(policy_for("0.0.0.0/0", "192.0.2.0/24"), 1);
  policy.ip_protocol = 1;
  policy.source_ports = NumberRange{8, 8};
  xfrm.policies = {policy};
  Flow flow = flow_to("192.0.2.1");
  EXPECT_EQ(fate(xfrm, flow), XfrmFate::kClear);  // another protocol
  flow.ip_protocol = 1;
  EXPECT_EQ(fate(xfrm, flow), XfrmFate::kUnknown);
}

TEST(XfrmMatch, AMaskOfPortsIsAskedBitByBit) {
  Xfrm xfrm;
  XfrmPolicy policy = blocking(policy_for("0.0.0.0/0", "192.0.2.0/24"), 1);
  policy.destination_ports = NumberRange{0x1001, 0xff01};
  policy.destination_port_mask = 0x10ff;
  xfrm.policies = {policy};
  Flow flow = flow_to("192.0.2.1");
  flow.ip_protocol = 17;
  flow.destination_port = 0x3001;
  EXPECT_EQ(fate(xfrm, flow), XfrmFate::kBlocked);
  flow.destination_port = 0x2001;
  EXPECT_EQ(fate(xfrm, flow), XfrmFate::kClear);
  flow.destination_port = 0x3002;
  EXPECT_EQ(fate(xfrm, flow), XfrmFate::kClear);
  xfrm.policies[0].destination_port_mask.reset();
  EXPECT_EQ(fate(xfrm, flow), XfrmFate::kBlocked);
}

TEST(XfrmMatch, AnOptionalTemplateDependsOnItsStates) {
  Xfrm xfrm;
  XfrmPolicy policy = policy_for("0.0.0.0/0", "192.0.2.0/24");
  policy.templates = {{.ip_protocol = 50, .is_optional = true}};
  xfrm.policies = {policy};
  EXPECT_EQ(fate(xfrm, flow_to("192.0.2.1")), XfrmFate::kClear);
  XfrmState state;
  state.ip_protocol = 51;
  xfrm.states = {state};
  EXPECT_EQ(fate(xfrm, flow_to("192.0.2.1")), XfrmFate::kClear);
  xfrm.states[0].ip_protocol = 50;
  EXPECT_EQ(fate(xfrm, flow_to("192.0.2.1")), XfrmFate::kUnknown);
  xfrm.policies[0].templates.push_back({.ip_protocol = 50});
  EXPECT_EQ(fate(xfrm, flow_to("192.0.2.1")), XfrmFate::kTaken);
}

TEST(XfrmMatch, AForwardedPacketsInterfaceIsThatOfItsRoute) {
  Xfrm xfrm;
  XfrmPolicy policy = blocking(policy_for("::/0", "2001:db8::/32"), 1);
  policy.interface = "eth0";
  xfrm.policies = {policy};
  Flow flow = flow_to("2001:db8::1");
  EXPECT_EQ(fate(xfrm, flow), XfrmFate::kClear);
  flow.input_interface = "br0";
  EXPECT_EQ(fate(xfrm, flow), XfrmFate::kBlocked);
}

}  // namespace
}  // namespace vpndoctor
