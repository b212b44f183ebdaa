// SPDX-License-Identifier: Apache-2.0
// What a plan does and leaves alone: a machine that moved, interfaces that came and went, routes without a stand-in,
// tables that would be empty, facets that are missing, a Mac.
#include "vpndoctor/restore_plan.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "vpndoctor/route_table_builder.h"
#include "vpndoctor/route_words.h"

namespace vpndoctor {
namespace {

IpAddress address(std::string_view text) { return IpAddress::parse(text).value(); }
IpPrefix prefix(std::string_view text) { return IpPrefix::parse(text).value(); }

struct Way {
  std::string gateway;  ///< empty: on the link
  std::string interface = "eth0";
  std::uint32_t metric = 0;
  std::uint32_t table = kTableMain;
  std::string macos_flags = {};
};

/// A state of a machine, put together in few words.
class Machine {
 public:
  Machine& link(const std::string& name, const std::string& own, bool is_up = true, const std::string& kind = {}) {
    Link link;
    link.name = name;
    link.kind = kind;
    link.flags = is_up ? kLinkUp | kLinkRunning : 0;
    links_.push_back(link);
    if (own.empty()) return *this;
    const IpPrefix on_link = prefix(own.substr(own.find(' ') + 1));
    Address each;
    each.interface = name;
    each.address = address(own.substr(0, own.find(' ')));
    each.prefix_length = on_link.length;
    addresses_.push_back(each);
    return *this;
  }
  Machine& route(std::string_view destination, const Way& way) {
    NextHop hop;
    if (!way.gateway.empty()) hop.gateway = address(way.gateway);
    hop.interface = way.interface;
    RouteAttributes attributes;
    attributes.macos_flags = way.macos_flags;
    Route route;
    route.destination = prefix(destination);
    route.protocol = kProtocolStatic;
    route.scope = way.gateway.empty() ? kScopeLink : kScopeUniverse;
    route.metric = way.metric;
    route.table = way.table;
    route.next_hops = routes_.intern(NextHopSet{{hop}, {}});
    route.attributes = routes_.intern(attributes);
    routes_.add(route);
    return *this;
  }
  Machine& kernel_route(std::string_view destination, const std::string& interface) {
    Route route;
    route.destination = prefix(destination);
    route.protocol = kProtocolKernel;
    route.scope = kScopeLink;
    NextHop hop;
    hop.interface = interface;
    route.next_hops = routes_.intern(NextHopSet{{hop}, {}});
    route.attributes = routes_.intern(RouteAttributes{});
    routes_.add(route);
    return *this;
  }
  Machine& rule(std::uint32_t priority, std::uint32_t table, std::uint32_t mark = 0) {
    Rule rule;
    rule.priority = priority;
    rule.table = table;
    rule.mark = mark;
    rule.mark_mask = mark == 0 ? 0 : 0xffffffff;
    rules_.push_back(rule);
    return *this;
  }
  Snapshot snapshot() {
    Snapshot snapshot;
    snapshot.links = {links_, "test"};
    snapshot.addresses = {addresses_, "test"};
    snapshot.routes = {routes_.take(), "test"};
    snapshot.rules = {rules_, "test"};
    return snapshot;
  }

 private:
  std::vector<Link> links_;
  std::vector<Address> addresses_;
  RouteTableBuilder routes_;
  std::vector<Rule> rules_;
};

Machine home() {
  return std::move(Machine().link("eth0", "192.168.1.5 192.168.1.0/24").kernel_route("192.168.1.0/24", "eth0"));
}
Machine office() { return std::move(Machine().link("eth0", "10.20.0.5 10.20.0.0/16")); }

std::vector<std::string> commands(const RestorePlan& plan, bool applicable = true) {
  std::vector<std::string> texts;
  for (const RestoreOperation& each : plan.operations) {
    if (each.applicable == applicable) texts.push_back(joined(each.argv));
  }
  return texts;
}

using Texts = std::vector<std::string>;

TEST(RestorePlan, EqualStatesNeedNothing) {
  const Snapshot state = home().route("0.0.0.0/0", {"192.168.1.1"}).rule(100, 7).snapshot();
  const RestorePlan plan = plan_restore(state, state);
  EXPECT_TRUE(plan.operations.empty());
  EXPECT_EQ(plan.pending(), 0U);
}

TEST(RestorePlan, ADefaultRouteOfTheSameKeyIsReplaced) {
  const Snapshot now = home()
                           .link("tun0", "10.8.0.2 10.8.0.0/24", true, "wireguard")
                           .route("0.0.0.0/0", {"10.8.0.1", "tun0"})
                           .snapshot();
  const Snapshot target = home().route("0.0.0.0/0", {"192.168.1.1"}).snapshot();
  const RestorePlan plan = plan_restore(now, target);
  EXPECT_EQ(commands(plan), Texts{"ip -4 route replace default via 192.168.1.1 dev eth0 proto static"});
  ASSERT_EQ(plan.operations.size(), 1U);
  EXPECT_TRUE(plan.operations.front().replaced.has_value());
}

TEST(RestorePlan, NothingOfHomeIsAppliedAtTheOffice) {
  const Snapshot now = office().route("0.0.0.0/0", {"10.20.0.1", "eth0", 50}).snapshot();
  const Snapshot target = home().route("0.0.0.0/0", {"192.168.1.1", "eth0", 100}).snapshot();
  const RestorePlan plan = plan_restore(now, target);
  EXPECT_EQ(plan.pending(), 0U);
  ASSERT_EQ(plan.operations.size(), 2U);
  EXPECT_NE(plan.operations[0].why_not.find("moved to another network"), std::string::npos);
}

TEST(RestorePlan, AnOfficeWhoseNetworkContainsThatOfHomeIsAnotherPlace) {
  const Snapshot now = Machine().link("eth0", "192.168.7.7 192.168.0.0/16").snapshot();
  const Snapshot target = home().route("0.0.0.0/0", {"192.168.1.1"}).snapshot();
  EXPECT_EQ(plan_restore(now, target).pending(), 0U);
}

TEST(RestorePlan, ARouteThroughAnInterfaceThatIsGoneOrDownIsNotApplicable) {
  const Snapshot target = home().link("wg0", "").route("10.0.0.0/8", {"", "wg0"}).snapshot();
  const RestorePlan gone = plan_restore(home().snapshot(), target);
  ASSERT_EQ(gone.operations.size(), 1U);
  EXPECT_EQ(gone.operations[0].why_not, "the interface wg0 does not exist now");
  const RestorePlan down = plan_restore(home().link("wg0", "", false).snapshot(), target);
  ASSERT_EQ(down.operations.size(), 1U);
  EXPECT_EQ(down.operations[0].why_not, "the interface wg0 is down");
}

TEST(RestorePlan, AGatewayMustBeOnLinkThroughTodaysRoutesOrThePlansOwn) {
  const Snapshot bare = home().snapshot();
  const Snapshot alone = home().route("0.0.0.0/0", {"172.16.0.1"}).snapshot();
  EXPECT_EQ(plan_restore(bare, alone).pending(), 0U);
  const Snapshot carried = home().route("0.0.0.0/0", {"172.16.0.1"}).route("172.16.0.1/32", {}).snapshot();
  EXPECT_EQ(commands(plan_restore(bare, carried)),
            (Texts{"ip -4 route add 172.16.0.1 dev eth0 proto static scope link",
                   "ip -4 route add default via 172.16.0.1 dev eth0 proto static"}));
}

TEST(RestorePlan, TheLastRouteToADestinationStaysWhenItsOwnCannotBeRestored) {
  const Snapshot now = home().link("tun0", "", true, "wireguard").route("0.0.0.0/0", {"", "tun0", 5}).snapshot();
  const Snapshot target = home().link("ppp9", "").route("0.0.0.0/0", {"", "ppp9"}).snapshot();
  const RestorePlan plan = plan_restore(now, target);
  EXPECT_EQ(plan.pending(), 0U);
  EXPECT_EQ(commands(plan, false).size(), 2U);
}

TEST(RestorePlan, ANewInterfaceThatIsNoTunnelKeepsItsRoutes) {
  const Snapshot now =
      home().link("usb0", "172.20.0.5 172.20.0.0/24").route("0.0.0.0/0", {"172.20.0.1", "usb0"}).snapshot();
  EXPECT_EQ(plan_restore(now, home().snapshot()).pending(), 0U);
  const Snapshot tunnel = home().link("wg0", "", true, "wireguard").route("0.0.0.0/1", {"", "wg0"}).snapshot();
  EXPECT_EQ(plan_restore(tunnel, home().snapshot()).pending(), 1U);
}

TEST(RestorePlan, TablesAreFilledBeforeRulesLeadThereAndEmptiedAfter) {
  const Snapshot with = home()
                            .link("wg0", "", true, "wireguard")
                            .route("0.0.0.0/0", {"", "wg0", 0, 51820})
                            .rule(32765, 51820)
                            .rule(32764, kTableMain, 9)
                            .snapshot();
  const Snapshot without = home().link("wg0", "", true, "wireguard").snapshot();
  const auto objects = [](const RestorePlan& plan) {
    Texts names;
    for (const RestoreOperation& each : plan.operations) names.emplace_back(each.object_name());
    return names;
  };
  EXPECT_EQ(objects(plan_restore(without, with)), (Texts{"route", "rule", "rule"}));
  EXPECT_EQ(objects(plan_restore(with, without)), (Texts{"rule", "rule", "route"}));
  const RestorePlan back = plan_restore(with, without);
  EXPECT_EQ(std::get<Rule>(back.operations[0].object).priority, 32765U);
}

TEST(RestorePlan, ARuleToATableThatStaysEmptyIsNotAdded) {
  const Snapshot target = home().link("wg0", "").route("0.0.0.0/0", {"", "wg0", 0, 51820}).rule(100, 51820).snapshot();
  const RestorePlan plan = plan_restore(home().snapshot(), target);
  EXPECT_EQ(plan.pending(), 0U);
  EXPECT_EQ(commands(plan, false).size(), 2U);
}

TEST(RestorePlan, CopiesOfARuleGo) {
  const Snapshot now = home().rule(100, 7).rule(100, 7).rule(99, 7).snapshot();
  EXPECT_EQ(plan_restore(now, home().rule(100, 7).snapshot()).pending(), 2U);
}

TEST(RestorePlan, WhatIsNotKnownIsNotPlanned) {
  Snapshot target = home().route("0.0.0.0/0", {"192.168.1.1"}).snapshot();
  target.routes = Observed<RouteTable>::missing("the file has none");
  const RestorePlan none = plan_restore(home().snapshot(), target);
  EXPECT_TRUE(none.operations.empty());
  EXPECT_EQ(none.notes.size(), 1U);
  Snapshot cut = home().snapshot();
  cut.routes.add_limit("it was cut");
  const Snapshot now = home().route("10.0.0.0/8", {"192.168.1.1"}).snapshot();
  EXPECT_EQ(plan_restore(now, cut).pending(), 0U);
}

TEST(RestorePlan, EveryOperationKnowsItsUndoing) {
  const Snapshot now = home().route("10.0.0.0/8", {"192.168.1.1"}).snapshot();
  const Snapshot target = home().route("0.0.0.0/0", {"192.168.1.1"}).snapshot();
  for (const RestoreOperation& each : plan_restore(now, target).operations) {
    ASSERT_EQ(each.undo.size(), 1U);
    EXPECT_NE(each.undo.front().action, each.action);
  }
}

TEST(RestorePlan, AMacIsToldInTheWordsOfRoute) {
  Snapshot now = home()
                     .route("0.0.0.0/0", {"10.8.0.1", "utun3", 0, kTableMain, "UGScg"})
                     .route("10.9.0.0/16", {"", "utun3", 0, kTableMain, "USc"})
                     .route("192.168.1.0/24", {"", "eth0", 0, kTableMain, "UCS"})
                     .snapshot();
  Snapshot target = home()
                        .route("0.0.0.0/0", {"192.168.1.1", "eth0", 0, kTableMain, "UGScg"})
                        .route("0.0.0.0/0", {"192.168.1.1", "eth0", 0, kTableMain, "UGScIg"})
                        .snapshot();
  now.platform = target.platform = Platform::kMacos;
  EXPECT_EQ(commands(plan_restore(now, target)),
            (Texts{"route -n change -inet default 192.168.1.1", "route -n add -inet default 192.168.1.1 -ifscope eth0",
                   "route -n delete -inet -net 10.9.0.0/16 -interface utun3"}));
}

}  // namespace
}  // namespace vpndoctor
