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
  EXPECT_TRUE(plan.is_whole());
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
  EXPECT_EQ(gone.operations[0].why_not, "wg0 is not on this machine");
  const RestorePlan down = plan_restore(home().link("wg0", "", false).snapshot(), target);
  ASSERT_EQ(down.operations.size(), 1U);
  EXPECT_EQ(down.operations[0].why_not, "the interface wg0 is down");
  EXPECT_FALSE(down.is_whole());
  Snapshot unplugged = home().link("wg0", "").snapshot();
  unplugged.links->back().flags = kLinkUp;
  EXPECT_EQ(plan_restore(unplugged, target).operations.at(0).why_not, "the interface wg0 has no carrier");
  EXPECT_EQ(plan_restore(unplugged, target, {.is_return = true}).pending(), 1U) << "a moment ago it was like that";
}

TEST(RestorePlan, AnInterfaceThatIsGoneIsSaidBeforeItsAddress) {
  Snapshot target = home().link("eth9", "10.0.0.2 10.0.0.0/8").route("10.9.0.0/16", {"10.0.0.1", "eth9"}).snapshot();
  target.routes->attribute_sets[target.routes->routes.back().attributes].preferred_source = address("10.0.0.2");
  const RestorePlan plan = plan_restore(Machine().link("eth0", "").snapshot(), target);
  for (const RestoreOperation& each : plan.operations) {
    if (joined(each.argv).find("eth9") == std::string::npos) continue;
    EXPECT_EQ(each.why_not, "eth9 is not on this machine");
  }
}

Snapshot with_neighbour(Snapshot snapshot, const std::string& of, const std::string& hardware,
                        std::uint16_t state = kNeighbourStale) {
  std::vector<Neighbour> all = snapshot.neighbours ? *snapshot.neighbours : std::vector<Neighbour>{};
  all.push_back({.interface = "eth0", .address = address(of), .hardware_address = hardware, .state = state});
  snapshot.neighbours = {all, "test"};
  return snapshot;
}

TEST(RestorePlan, AGatewayThatIsAnotherMachineMeansAnotherNetworkOfTheSamePrefix) {
  const Snapshot target = with_neighbour(
      home().route("0.0.0.0/0", {"192.168.1.1"}).route("10.1.0.0/16", {"192.168.1.7"}).snapshot(), "192.168.1.1", "a");
  const Snapshot bare = home().route("10.2.0.0/16", {"192.168.1.9"}).snapshot();
  EXPECT_EQ(plan_restore(with_neighbour(bare, "192.168.1.1", "a"), target).pending(), 3U);
  EXPECT_EQ(plan_restore(with_neighbour(bare, "192.168.1.1", "b", kNeighbourFailed), target).pending(), 3U);
  const RestorePlan elsewhere = plan_restore(with_neighbour(bare, "192.168.1.1", "b"), target);
  EXPECT_EQ(elsewhere.pending(), 0U);
  for (const RestoreOperation& each : elsewhere.operations) {
    EXPECT_EQ(each.why_not, "192.168.1.1 is another machine than when the state was saved: eth0 is on another network");
  }
  const RestorePlan forced = plan_restore(with_neighbour(bare, "192.168.1.1", "b"), target, {.force = true});
  EXPECT_EQ(forced.pending(), 3U);
  EXPECT_EQ(forced.notes.size(), 1U) << "what was passed over is said";
}

TEST(RestorePlan, ADefaultThatWorksMakesWayOnlyForAGatewayThatIsKnown) {
  const Snapshot target = home().route("0.0.0.0/0", {"192.168.1.1"}).snapshot();
  const Snapshot office = home().route("0.0.0.0/0", {"192.168.1.254"}).snapshot();
  EXPECT_EQ(plan_restore(office, target).pending(), 1U) << "today's gateway is not known to answer";
  const Snapshot working = with_neighbour(office, "192.168.1.254", "c", kNeighbourReachable);
  const RestorePlan refused = plan_restore(working, target);
  EXPECT_EQ(refused.pending(), 0U);
  EXPECT_EQ(refused.operations.at(0).why_not,
            "today's gateway 192.168.1.254 answers; 192.168.1.1 has not been seen here");
  const Snapshot both = with_neighbour(working, "192.168.1.1", "a");
  EXPECT_EQ(plan_restore(both, target).pending(), 0U);
  EXPECT_EQ(plan_restore(both, with_neighbour(target, "192.168.1.1", "a")).pending(), 1U);
  EXPECT_EQ(plan_restore(working, target, {.force = true}).pending(), 1U);
  const auto with_vpn = [](const std::string& gateway, const std::string& interface) {
    Machine machine = home();
    machine.link("wg0", "10.8.0.2 10.8.0.0/24", true, "wireguard").kernel_route("10.8.0.0/24", "wg0");
    return machine.route("0.0.0.0/0", {gateway, interface}).snapshot();
  };
  const Snapshot trampled = with_neighbour(with_vpn("192.168.1.254", "eth0"), "192.168.1.254", "c");
  EXPECT_EQ(plan_restore(trampled, with_vpn("10.8.0.1", "wg0")).pending(), 1U) << "a VPN's own route comes back on top";
}

TEST(RestorePlan, AnUnknownGatewayDeletesNoDefaultOfAnotherInterface) {
  const Snapshot now = with_neighbour(home()
                                          .link("wlan0", "10.0.0.5 10.0.0.0/24")
                                          .route("0.0.0.0/0", {"192.168.1.254", "eth0", 5})
                                          .route("0.0.0.0/0", {"10.0.0.1", "wlan0", 9})
                                          .snapshot(),
                                      "192.168.1.254", "c");
  const Snapshot target = home()
                              .link("wlan0", "10.0.0.5 10.0.0.0/24")
                              .route("0.0.0.0/0", {"192.168.1.1", "eth0", 7})
                              .route("0.0.0.0/0", {"10.0.0.1", "wlan0", 9})
                              .snapshot();
  EXPECT_EQ(plan_restore(now, target).pending(), 0U);
}

TEST(RestorePlan, AGatewayThatIsNoOtherMachineIsNotApplicable) {
  Machine machine = home();
  Snapshot now = machine.snapshot();
  const auto local = [&](const std::string& destination, RouteType type) {
    Route route = now.routes->routes.front();
    route.destination = prefix(destination);
    route.table = kTableLocal;
    route.type = type;
    now.routes->routes.push_back(route);
  };
  local("192.168.1.5/32", RouteType::kLocal);
  local("192.168.1.255/32", RouteType::kBroadcast);
  const auto why_not = [&](const std::string& gateway) {
    Snapshot target = home().route("10.0.0.0/8", {gateway}).route("0.0.0.0/0", {"192.168.1.1"}).snapshot();
    const auto local_routes = std::vector(now.routes->routes.end() - 2, now.routes->routes.end());
    target.routes->routes.insert(target.routes->routes.end(), local_routes.begin(), local_routes.end());
    const RestorePlan plan = plan_restore(now, target);
    EXPECT_EQ(plan.pending(), 1U) << "the others are restored all the same";
    return plan.operations.back().why_not;
  };
  EXPECT_EQ(why_not("192.168.1.5"), "the gateway 192.168.1.5 is this machine's own address");
  EXPECT_EQ(why_not("192.168.1.255"), "the gateway 192.168.1.255 is no single machine's address");
  EXPECT_EQ(why_not("224.0.0.1"), "the gateway 224.0.0.1 is no address of a machine on a network");
  EXPECT_EQ(why_not("127.0.0.1"), "the gateway 127.0.0.1 is no address of a machine on a network");
}

TEST(RestorePlan, AFamilyThatWasNotInUseThenIsLeftAlone) {
  const auto with_inet6 = [](Snapshot snapshot) {
    Rule rule;
    rule.family = Family::kInet6;
    rule.table = kTableLocal;
    snapshot.rules->push_back(rule);
    return snapshot;
  };
  const Snapshot target = home().rule(0, kTableLocal).snapshot();
  const Snapshot now = with_inet6(home().rule(0, kTableLocal).route("2001:db8::/32", {"", "eth0"}).snapshot());
  const RestorePlan plan = plan_restore(now, target);
  EXPECT_TRUE(plan.operations.empty());
  EXPECT_EQ(plan.notes.size(), 1U);
  EXPECT_TRUE(plan.is_whole());
}

TEST(RestorePlan, AStateThatChangedWhileItWasSavedProvesNoAbsence) {
  const Snapshot now = home().route("10.0.0.0/8", {"192.168.1.1"}).rule(99, 7).snapshot();
  Snapshot target = home().route("0.0.0.0/0", {"192.168.1.1"}).rule(1, 7).snapshot();
  target.stable = true;
  EXPECT_EQ(plan_restore(now, target).pending(), 4U);
  target.stable = false;
  const RestorePlan plan = plan_restore(now, target);
  EXPECT_EQ(plan.pending(), 2U);
  EXPECT_EQ(plan.refused(), 2U);
}

constexpr std::uint16_t kNoHardware = 0xfffe;  // ARPHRD_NONE

TEST(RestorePlan, ALiveTunnelIsNoLeftover) {
  const Snapshot target = home().snapshot();
  Snapshot now = home().link("tun7", "", true, "tun").route("10.0.0.0/8", {"", "tun7"}).snapshot();
  now.links->back().hardware_type = kNoHardware;
  Tunnel tunnel;
  tunnel.interface = "tun7";
  tunnel.holder_pid = 7;
  tunnel.holder_name = "openvpn";
  now.tunnels = {{tunnel}, "test"};
  const RestorePlan live = plan_restore(now, target);
  ASSERT_EQ(live.pending(), 1U);
  EXPECT_EQ(live.operations[0].reason.find("left by"), std::string::npos) << live.operations[0].reason;
  EXPECT_EQ(live.notes,
            Texts{"the tunnel tun7 is up, held by openvpn: this takes its routes away; stop the VPN first"});
  ASSERT_EQ(live.managers.size(), 1U);
  EXPECT_EQ(live.managers[0].name, "openvpn");
  now.links->back().flags = kLinkUp;
  now.tunnels = {std::vector<Tunnel>{}, "test"};
  const RestorePlan dead = plan_restore(now, target);
  EXPECT_EQ(dead.pending(), 1U);
  EXPECT_TRUE(dead.managers.empty());
}

Snapshot with_address(Snapshot snapshot, const std::string& own, std::uint32_t flags) {
  Address each;
  each.interface = "tun0";
  each.address = address(own);
  each.prefix_length = 24;
  each.flags = flags | kAddressPermanent;
  snapshot.addresses->push_back(each);
  return snapshot;
}

TEST(RestorePlan, SecondaryAddressesOfADeadTunnelGoBeforeTheirFirstAndKeepIt) {
  Snapshot now = home().link("tun0", "", true, "tun").snapshot();
  now.links->back().flags = kLinkUp;
  now.links->back().hardware_type = kNoHardware;
  now = with_address(with_address(now, "10.8.0.2", 0), "10.8.0.3", kAddressSecondary);
  const Snapshot target = home().link("tun0", "", true, "tun").snapshot();
  EXPECT_EQ(commands(plan_restore(now, target)),
            (Texts{"ip -4 address del 10.8.0.3/24 dev tun0", "ip -4 address del 10.8.0.2/24 dev tun0"}));
  const Snapshot keeps = with_address(target, "10.8.0.3", 0);
  EXPECT_TRUE(commands(plan_restore(now, keeps)).empty()) << "the kernel would take 10.8.0.3 away as well";
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
  EXPECT_EQ(none.unanswered.size(), 1U);
  EXPECT_FALSE(none.is_whole());
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
