// SPDX-License-Identifier: Apache-2.0
// Owners are recognised by the programs' own marks, tables and names, and by nothing that only looks like them.
#include "vpndoctor/route_owner.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "machine.h"

namespace vpndoctor {
namespace {

using testing_support::Machine;

Rule marked_rule(std::uint32_t priority, std::uint32_t mark, std::uint32_t table, bool inverted = true) {
  Rule rule;
  rule.priority = priority;
  rule.inverted = inverted;
  rule.mark = mark;
  rule.mark_mask = 0xffffffff;
  rule.table = table;
  return rule;
}

Rule suppressed_main(std::uint32_t priority) {
  Rule rule;
  rule.priority = priority;
  rule.table = kTableMain;
  rule.suppress_prefix_length = 0;
  return rule;
}

Machine wg_quick_machine() {
  Machine machine = Machine::ordinary();
  machine.link("wg0", "wireguard", kLinkUp | kLinkRunning | kLinkPointToPoint | kLinkNoArp);
  machine.rule(suppressed_main(32764)).rule(marked_rule(32765, 0xca6c, 51820));
  machine.route({.destination = "default", .interface = "wg0", .table = 51820});
  machine.tunnel("wg0", "198.51.100.9", 0xca6c);
  return machine;
}

Owner owner_of_destination(const Snapshot& snapshot, const std::string& destination) {
  for (const Route& route : snapshot.routes->routes) {
    if (route.destination.to_string() == destination && route.table != kTableLocal) return route_owner(snapshot, route);
  }
  ADD_FAILURE() << "no route to " << destination;
  return {};
}

const Rule& rule_at(const Snapshot& snapshot, std::uint32_t priority) {
  return *std::ranges::find(*snapshot.rules, priority, &Rule::priority);
}

TEST(RuleOwner, WgQuickIsATableThatIsItsOwnMark) {
  const Snapshot snapshot = wg_quick_machine().snapshot();
  const Owner owner = rule_owner(snapshot, rule_at(snapshot, 32765));
  EXPECT_EQ(owner.name, "wg-quick");
  EXPECT_TRUE(owner.is_vpn);
  EXPECT_NE(owner.evidence.find("51820"), std::string::npos);
}

TEST(RuleOwner, TheRuleThatHidesMainsDefaultBelongsToTheNextVpnRule) {
  const Snapshot snapshot = wg_quick_machine().snapshot();
  EXPECT_EQ(rule_owner(snapshot, rule_at(snapshot, 32764)).name, "wg-quick");
  const Snapshot alone = Machine::ordinary().rule(suppressed_main(32764)).snapshot();
  EXPECT_FALSE(rule_owner(alone, rule_at(alone, 32764)).is_known());
}

TEST(RuleOwner, AMarkThatIsNotTheTableIsNobodys) {
  const Snapshot snapshot = Machine::ordinary().rule(marked_rule(100, 0xca6c, 51821)).snapshot();
  EXPECT_FALSE(rule_owner(snapshot, rule_at(snapshot, 100)).is_known());
}

TEST(RuleOwner, ClientsAreKnownByTheirMarksAndTables) {
  struct Case {
    const char* name;
    Rule rule;
  };
  Rule tailscale = marked_rule(5210, 0x80000, kTableMain, false);
  tailscale.mark_mask = 0xff0000;
  Rule nord = suppressed_main(32764);
  nord.suppress_interface_group = 57841;
  const Case cases[] = {{"Tailscale", tailscale},
                        {"Tailscale", marked_rule(5270, 0, 52, false)},
                        {"Mullvad", marked_rule(200, 0x6d6f6c65, 0x6d6f6c65)},
                        {"NetBird", marked_rule(110, 0x1bd00, 7120)},
                        {"NordVPN", marked_rule(300, 0xe1f1, 205)},
                        {"NordVPN", nord},
                        {"Cloudflare WARP", marked_rule(5209, 0x100cf, 65743)},
                        {"sing-box", marked_rule(9001, 0, 2022, false)}};
  for (const auto& [name, rule] : cases) {
    const Snapshot snapshot = Machine::ordinary().rule(rule).snapshot();
    const Owner owner = rule_owner(snapshot, rule_at(snapshot, rule.priority));
    EXPECT_EQ(owner.name, name);
    EXPECT_TRUE(owner.is_vpn);
    EXPECT_FALSE(owner.evidence.empty());
  }
}

TEST(RuleOwner, APriorityIsASignOnlyBesideTheClientsTable) {
  Rule nop;
  nop.priority = 9002;
  nop.action = RuleAction::kNop;
  const Snapshot alone = Machine::ordinary().rule(nop).snapshot();
  EXPECT_FALSE(rule_owner(alone, rule_at(alone, 9002)).is_known());
  const Snapshot beside = Machine::ordinary().rule(nop).rule(marked_rule(9000, 0, 2022, false)).snapshot();
  EXPECT_EQ(rule_owner(beside, rule_at(beside, 9002)).name, "sing-box");
}

TEST(RuleOwner, TheKernelsOwnRulesAreTheKernels) {
  const Snapshot snapshot = Machine::ordinary().snapshot();
  for (const Rule& rule : *snapshot.rules) EXPECT_EQ(rule_owner(snapshot, rule).name, "kernel");
}

TEST(RouteOwner, ProtocolsThatOneMechanismUsesNameIt) {
  Machine machine = Machine::ordinary();
  machine.route({.destination = "10.1.0.0/16", .interface = "eth0", .gateway = "192.0.2.1", .protocol = kProtocolDhcp});
  machine.route({.destination = "10.2.0.0/16", .interface = "eth0", .gateway = "192.0.2.1", .protocol = 186});
  machine.route({.destination = "10.3.0.0/16", .interface = "eth0", .gateway = "192.0.2.1", .protocol = 12});
  machine.route({.destination = "10.4.0.0/16", .interface = "eth0", .gateway = "192.0.2.1", .protocol = kProtocolBoot});
  machine.route(
      {.destination = "10.5.0.0/16", .interface = "eth0", .gateway = "192.0.2.1", .protocol = kProtocolStatic});
  const Snapshot snapshot = machine.snapshot();
  EXPECT_EQ(owner_of_destination(snapshot, "192.0.2.0/24").name, "kernel");
  EXPECT_EQ(owner_of_destination(snapshot, "10.1.0.0/16").name, "DHCP");
  EXPECT_EQ(owner_of_destination(snapshot, "10.2.0.0/16").name, "FRR");
  EXPECT_EQ(owner_of_destination(snapshot, "10.3.0.0/16").name, "BIRD");
  EXPECT_FALSE(owner_of_destination(snapshot, "10.4.0.0/16").is_known());
  EXPECT_EQ(owner_of_destination(snapshot, "10.5.0.0/16").name, "static configuration");
}

TEST(RouteOwner, ARouteInAClientsTableIsTheClients) {
  const Snapshot snapshot = wg_quick_machine().snapshot();
  const Route& last = snapshot.routes->routes.back();
  ASSERT_EQ(last.table, 51820U);
  EXPECT_EQ(route_owner(snapshot, last).name, "wg-quick");
}

TEST(RouteOwner, AHostRouteToATunnelsOtherEndIsTheTunnels) {
  Machine machine = wg_quick_machine();
  machine.route({.destination = "198.51.100.9/32", .interface = "eth0", .gateway = "192.0.2.1"});
  machine.route({.destination = "198.51.100.8/32", .interface = "eth0", .gateway = "192.0.2.1"});
  const Snapshot snapshot = machine.snapshot();
  EXPECT_EQ(owner_of_destination(snapshot, "198.51.100.9/32").name, "wg-quick");
  EXPECT_FALSE(owner_of_destination(snapshot, "198.51.100.8/32").is_known());
}

TEST(LinkOwner, NamesCountOnlyWithTheirKindAndShape) {
  struct Case {
    const char* name;
    const char* kind;
    const char* owner;
  };
  const Case cases[] = {{"docker0", "bridge", "Docker"},
                        {"docker0", "dummy", ""},
                        {"br-0123456789ab", "bridge", "Docker"},
                        {"br-lan", "bridge", ""},
                        {"br-0123456789abc", "bridge", ""},
                        {"podman0", "bridge", "Podman"},
                        {"virbr0", "bridge", "libvirt"},
                        {"tailscale0", "tun", "Tailscale"},
                        {"tailscale", "tun", ""},
                        {"wg0-mullvad", "wireguard", "Mullvad"},
                        {"wg0", "wireguard", "WireGuard"},
                        {"eth0", "", ""}};
  for (const auto& [name, kind, owner] : cases) {
    const Snapshot snapshot = Machine().link(name, kind).snapshot();
    EXPECT_EQ(link_owner(snapshot, snapshot.links->back()).name, owner) << name << ' ' << kind;
  }
}

TEST(LinkOwner, TheHolderOfATunDeviceIsItsOwner) {
  Snapshot snapshot = Machine().tun("tun0").tunnel("tun0", "").snapshot();
  EXPECT_FALSE(link_owner(snapshot, snapshot.links->back()).is_known());
  snapshot.tunnels->back().holder_name = "openvpn";
  EXPECT_EQ(link_owner(snapshot, snapshot.links->back()).name, "OpenVPN");
}

TEST(LinkOwner, AVethBelongsToItsBridgesOwner) {
  Snapshot snapshot = Machine().link("docker0", "bridge").link("veth12ab", "veth").snapshot();
  EXPECT_FALSE(link_owner(snapshot, snapshot.links->back()).is_known());
  snapshot.links->back().master = "docker0";
  EXPECT_EQ(link_owner(snapshot, snapshot.links->back()).name, "Docker");
}

TEST(TableOwner, IsKnownByNumberByRuleAndByVrf) {
  Snapshot snapshot = wg_quick_machine().link("blue", "vrf").snapshot();
  snapshot.links->back().vrf_table = 10;
  EXPECT_EQ(table_owner(snapshot, 51820).name, "wg-quick");
  EXPECT_EQ(table_owner(snapshot, 52).name, "Tailscale");
  EXPECT_EQ(table_owner(snapshot, 10).name, "VRF");
  EXPECT_FALSE(table_owner(snapshot, kTableMain).is_known());
  EXPECT_FALSE(table_owner(snapshot, 99).is_known());
}

TEST(RouteOwner, NothingIsRecognisedWithoutFacts) {
  Snapshot snapshot = wg_quick_machine().snapshot();
  snapshot.links = Observed<std::vector<Link>>::missing("a test");
  snapshot.rules = Observed<std::vector<Rule>>::missing("a test");
  snapshot.tunnels = Observed<std::vector<Tunnel>>::missing("a test");
  EXPECT_FALSE(route_owner(snapshot, snapshot.routes->routes.back()).is_known());
  EXPECT_FALSE(table_owner(snapshot, 51820).is_known());
}

}  // namespace
}  // namespace vpndoctor
