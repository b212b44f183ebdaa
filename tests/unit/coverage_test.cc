// SPDX-License-Identifier: Apache-2.0
// Coverage of machines built by hand: the modes, the classes, the share, what makes it unknown.
#include "vpndoctor/coverage.h"

#include <gtest/gtest.h>

#include <map>

#include "machine.h"

namespace vpndoctor {
namespace {

using testing_support::Machine;

Coverage coverage_of(const Snapshot& snapshot, std::uint32_t uid = 0) {
  return find_coverage(snapshot, Fib(snapshot), uid);
}

/// The rows outside as text: "192.0.2.0/24 lan eth0".
std::map<std::string, std::string> outside(const FamilyCoverage& coverage) {
  std::map<std::string, std::string> rows;
  for (const OutsidePrefix& each : coverage.outside) {
    rows[each.prefix.to_string()] = std::string(address_class_name(each.address_class)) + " " + each.interface;
  }
  return rows;
}

Machine with_halves() {
  Machine machine = Machine::ordinary();
  machine.tun("tun0").address("tun0", "10.8.0.2/24").tunnel("tun0", "198.51.100.9");
  machine.route({.destination = "0.0.0.0/1", .interface = "tun0"})
      .route({.destination = "128.0.0.0/1", .interface = "tun0"});
  machine.route({.destination = "198.51.100.9/32", .interface = "eth0", .gateway = "192.0.2.1"});
  return machine;
}

Rule rule(std::uint32_t priority, std::uint32_t table, Family family = Family::kInet) {
  Rule rule;
  rule.family = family;
  rule.priority = priority;
  rule.table = table;
  return rule;
}

/// As wg-quick does it: everything but marked packets to table 51820, main only for what is no default.
Machine with_wg_quick() {
  Machine machine = Machine::ordinary();
  machine.link("wg0", "wireguard", kLinkUp | kLinkRunning | kLinkLowerUp | kLinkPointToPoint | kLinkNoArp);
  machine.address("wg0", "10.9.0.2/32").tunnel("wg0", "198.51.100.9", 0xca6c);
  machine.route({.destination = "default", .interface = "wg0", .table = 51820});
  machine.route({.destination = "::/0", .interface = "wg0", .table = 51820});
  for (const Family family : {Family::kInet, Family::kInet6}) {
    Rule tunnel = rule(32765, 51820, family);
    tunnel.mark = 0xca6c;
    tunnel.mark_mask = UINT32_MAX;
    tunnel.inverted = true;
    Rule specific = rule(32764, kTableMain, family);
    specific.suppress_prefix_length = 0;
    machine.rule(specific).rule(tunnel);
  }
  return machine;
}

TEST(Coverage, TwoHalvesAreAFullTunnelBesideAFamilyWithoutOne) {
  const Coverage coverage = coverage_of(with_halves().snapshot());
  EXPECT_EQ(coverage.inet.mode, CoverageMode::kFull);
  EXPECT_EQ(coverage.inet.tunnels, std::vector<std::string>{"tun0"});
  const std::map<std::string, std::string> expected{{"192.0.2.0/24", "lan eth0"},
                                                    {"198.51.100.9/32", "vpn_server eth0"}};
  EXPECT_EQ(outside(coverage.inet), expected);
  // All but loopback, the LAN, the server, the tunnel's own address and 0.0.0.0, which is this machine.
  const double addresses = 4294967296.0 - 16777216 - 256 - 3;
  EXPECT_EQ(coverage.inet.tunnel_share, addresses / 4294967296.0);
  EXPECT_EQ(coverage.inet6.mode, CoverageMode::kNone);
  EXPECT_EQ(coverage.inet6.tunnel_share, 0);
}

TEST(Coverage, AnOutsidePrefixSaysHowItIsReached) {
  const Coverage coverage = coverage_of(with_halves().snapshot());
  const OutsidePrefix& server = coverage.inet.outside.back();
  EXPECT_EQ(server.gateway, IpAddress::parse("192.0.2.1"));
  EXPECT_EQ(server.protocol, kProtocolBoot);
  EXPECT_EQ(coverage.inet.outside.front().gateway, std::nullopt);
}

TEST(Coverage, PolicyRoutingIsAFullTunnelWithMarkedPacketsAsAnException) {
  const Coverage coverage = coverage_of(with_wg_quick().snapshot());
  EXPECT_EQ(coverage.inet.mode, CoverageMode::kFull);
  EXPECT_EQ(coverage.inet6.mode, CoverageMode::kFull);
  const std::map<std::string, std::string> expected{{"192.0.2.0/24", "lan eth0"}};
  EXPECT_EQ(outside(coverage.inet), expected) << "marked packets need no route to the server";
  ASSERT_EQ(coverage.inet.exceptions.size(), 1U);
  EXPECT_EQ(coverage.inet.exceptions[0], "packets with the mark 0xca6c leave by eth0 (rule 32765)");
}

TEST(Coverage, TablesOfAClientThatOneUserIsSentToAreSplitByTheUser) {
  Machine machine = Machine::ordinary();
  machine.tun("tun0")
      .address("tun0", "10.8.0.2/24")
      .route({.destination = "default", .interface = "tun0", .table = 77});
  Rule users = rule(100, 77);
  users.uids = NumberRange{1000, 1999};
  const Snapshot snapshot = machine.rule(users).snapshot();
  EXPECT_EQ(coverage_of(snapshot, 1500).inet.mode, CoverageMode::kFull);
  const Coverage other = coverage_of(snapshot, 0);
  EXPECT_EQ(other.inet.mode, CoverageMode::kSplit) << "the tunnel's own network alone";
  EXPECT_EQ(other.inet.exceptions,
            std::vector<std::string>{"packets of users 1000 to 1999 go through tun0 (rule 100)"});
}

TEST(Coverage, APartIsASplitTunnelAndNothingIsNone) {
  Machine machine = Machine::ordinary();
  EXPECT_EQ(coverage_of(Machine::ordinary().snapshot()).inet.mode, CoverageMode::kNone);
  machine.tun("tun0").address("tun0", "10.8.0.2/24").route({.destination = "10.0.0.0/8", .interface = "tun0"});
  const Coverage coverage = coverage_of(machine.snapshot());
  EXPECT_EQ(coverage.inet.mode, CoverageMode::kSplit);
  EXPECT_EQ(coverage.inet6.mode, CoverageMode::kNone);
}

TEST(Coverage, PublicSpaceAloneMakesAFullTunnel) {
  Machine machine;
  machine.link("eth0").address("eth0", "192.168.1.2/24").tun("tun0");
  machine.route({.destination = "default", .interface = "eth0", .gateway = "192.168.1.1", .metric = 100});
  for (const char* prefix :
       {"1.0.0.0/8",      "2.0.0.0/7",      "4.0.0.0/6",      "8.0.0.0/7",      "11.0.0.0/8",     "12.0.0.0/6",
        "16.0.0.0/4",     "32.0.0.0/3",     "64.0.0.0/2",     "128.0.0.0/3",    "160.0.0.0/5",    "168.0.0.0/6",
        "172.0.0.0/12",   "172.32.0.0/11",  "172.64.0.0/10",  "172.128.0.0/9",  "173.0.0.0/8",    "174.0.0.0/7",
        "176.0.0.0/4",    "192.0.0.0/9",    "192.128.0.0/11", "192.160.0.0/13", "192.169.0.0/16", "192.170.0.0/15",
        "192.172.0.0/14", "192.176.0.0/12", "192.192.0.0/10", "193.0.0.0/8",    "194.0.0.0/7",    "196.0.0.0/6",
        "200.0.0.0/5",    "208.0.0.0/4"}) {
    machine.route({.destination = prefix, .interface = "tun0"});
  }
  Snapshot snapshot = machine.snapshot();
  const Coverage full = coverage_of(snapshot);
  EXPECT_EQ(full.inet.mode, CoverageMode::kFull) << "10/8, 172.16/12, multicast and reserved space are outside";
  EXPECT_EQ(outside(full.inet).at("10.0.0.0/8"), "private eth0");
  EXPECT_EQ(outside(full.inet).at("224.0.0.0/4"), "multicast eth0");
  std::erase_if(snapshot.routes->routes,
                [](const Route& route) { return route.destination.to_string() == "208.0.0.0/4"; });
  const Coverage split = coverage_of(snapshot);
  EXPECT_EQ(split.inet.mode, CoverageMode::kSplit);
  EXPECT_EQ(outside(split.inet).at("208.0.0.0/4"), "public eth0");
}

TEST(Coverage, RefusedAndUnroutedSpaceIsNotOutside) {
  Machine machine;
  machine.link("eth0").address("eth0", "192.0.2.2/24").tun("tun0").address("tun0", "10.8.0.2/24");
  machine.route({.destination = "0.0.0.0/1", .interface = "tun0"});
  machine.route({.destination = "default", .type = RouteType::kUnreachable});
  const Coverage coverage = coverage_of(machine.snapshot());
  EXPECT_EQ(coverage.inet.mode, CoverageMode::kFull);
  const std::map<std::string, std::string> expected{{"192.0.2.0/24", "lan eth0"}};
  EXPECT_EQ(outside(coverage.inet), expected);
}

TEST(Coverage, SeveralTunnelsTakeAllTogether) {
  Machine machine = Machine::ordinary();
  machine.tun("tun0").tun("tun1");
  machine.route({.destination = "0.0.0.0/1", .interface = "tun0"})
      .route({.destination = "128.0.0.0/1", .interface = "tun1"});
  const Coverage coverage = coverage_of(machine.snapshot());
  EXPECT_EQ(coverage.inet.mode, CoverageMode::kFull);
  EXPECT_EQ(coverage.inet.tunnels, (std::vector<std::string>{"tun0", "tun1"}));
}

TEST(Coverage, ATranslatorOfMobileNetworksIsNoTunnel) {
  Machine machine;
  machine.link("eth0").address("eth0", "2001:db8:1::2/64").tun("clat").address("clat", "192.0.0.4/32");
  machine.route({.destination = "default", .interface = "clat"});
  EXPECT_EQ(coverage_of(machine.snapshot()).inet.mode, CoverageMode::kNone);
}

TEST(Coverage, APrefixThatIsPartlyPrivateIsSplitAlongTheClasses) {
  const Coverage coverage = coverage_of(Machine::ordinary().snapshot());
  const auto rows = outside(coverage.inet);
  EXPECT_EQ(rows.at("100.64.0.0/10"), "cgnat eth0");
  EXPECT_EQ(rows.at("172.16.0.0/12"), "private eth0");
  EXPECT_EQ(rows.at("203.0.113.0/24"), "documentation eth0");
  EXPECT_EQ(rows.at("169.254.0.0/16"), "link_local eth0");
  EXPECT_EQ(rows.at("64.0.0.0/3"), "public eth0");
  EXPECT_EQ(outside(coverage.inet6).at("64:ff9b::/96"), "nat64 eth0");
  EXPECT_EQ(rows.at("0.0.0.0/8"), "private eth0") << "0.0.0.0 does not cut it to pieces";
  EXPECT_EQ(rows.at("240.0.0.0/4"), "private eth0");
  EXPECT_FALSE(rows.contains("127.0.0.0/8"));
}

TEST(Coverage, TheServersOwnPublicNetworkIsALocalOne) {
  Machine machine;
  machine.link("eth0").address("eth0", "9.9.9.5/24").address("eth0", "2620:fe:0:1::5/64");
  machine.tun("tun0")
      .route({.destination = "default", .interface = "tun0"})
      .route({.destination = "::/0", .interface = "tun0"});
  Snapshot snapshot = machine.snapshot();
  EXPECT_EQ(coverage_of(snapshot).inet.mode, CoverageMode::kFull);
  EXPECT_EQ(coverage_of(snapshot).inet6.mode, CoverageMode::kFull);
  EXPECT_EQ(classify(snapshot, *IpAddress::parse("9.9.9.200")), AddressClass::kLan);
  EXPECT_EQ(classify(snapshot, *IpAddress::parse("9.9.8.200")), AddressClass::kPublic);
}

TEST(Coverage, ALocalNetworkOfAnEighthOfTheInternetIsNotFullyTunnelled) {
  Machine machine;
  machine.link("eth0").address("eth0", "8.1.2.3/6").tun("tun0").route({.destination = "default", .interface = "tun0"});
  const Coverage coverage = coverage_of(machine.snapshot());
  EXPECT_EQ(coverage.inet.mode, CoverageMode::kSplit);
}

TEST(Coverage, AHashThatDecidesIsOutsideAndSaid) {
  Machine machine = Machine::ordinary();
  machine.tun("tun0");
  Snapshot snapshot = machine.route({.destination = "0.0.0.0/1", .interface = "tun0"}).snapshot();
  NextHopSet both;
  both.hops.resize(2);
  both.hops[0].interface = "eth0";
  both.hops[0].gateway = IpAddress::parse("192.0.2.1");
  both.hops[1].interface = "tun0";
  snapshot.routes->next_hop_sets.push_back(both);
  Route route;
  route.destination = *IpPrefix::parse("128.0.0.0/1");
  route.next_hops = static_cast<std::uint32_t>(snapshot.routes->next_hop_sets.size() - 1);
  snapshot.routes->routes.push_back(route);
  const Coverage coverage = coverage_of(snapshot);
  EXPECT_EQ(coverage.inet.mode, CoverageMode::kSplit);
  EXPECT_TRUE(outside(coverage.inet).contains("128.0.0.0/3"));
  ASSERT_FALSE(coverage.inet.exceptions.empty());
  EXPECT_NE(coverage.inet.exceptions[0].find("a hash of each flow decides"), std::string::npos);
  Flow flow;
  flow.destination = *IpAddress::parse("150.1.1.1");
  EXPECT_EQ(packet_path(snapshot, Fib(snapshot), flow).way, PacketWay::kUnknown);
}

TEST(Coverage, MissingFactsMakeItUnknownOnlyWhereTheyMatter) {
  Snapshot no_rules = with_halves().snapshot();
  no_rules.rules = Observed<std::vector<Rule>>::missing("the capture has none");
  EXPECT_EQ(coverage_of(no_rules).inet.mode, CoverageMode::kUnknown);
  EXPECT_FALSE(coverage_of(no_rules).inet.why_unknown.empty());
  Snapshot no_vpn = Machine::ordinary().snapshot();
  no_vpn.rules = Observed<std::vector<Rule>>::missing("the capture has none");
  EXPECT_EQ(coverage_of(no_vpn).inet.mode, CoverageMode::kNone) << "no rule can lead into a tunnel that is not there";
  Snapshot no_routes = with_halves().snapshot();
  no_routes.routes = Observed<RouteTable>::missing("it was not read");
  EXPECT_EQ(coverage_of(no_routes).inet.why_unknown, "the routes are not known: it was not read");
}

TEST(Coverage, AHostRouteMayBeForAnEndThatIsNotKnown) {
  Snapshot snapshot = with_halves().snapshot();
  snapshot.tunnels->front().endpoints.clear();
  snapshot.tunnels->front().not_seen = "its sockets can only be read by root";
  // Documentation is no space that a full tunnel has to take: the server's address must be a public one.
  for (Route& route : snapshot.routes->routes) {
    if (route.destination.to_string() == "198.51.100.9/32") route.destination = *IpPrefix::parse("9.9.9.9/32");
  }
  const Coverage coverage = coverage_of(snapshot);
  EXPECT_EQ(coverage.inet.mode, CoverageMode::kUnknown);
  EXPECT_EQ(coverage.inet.why_unknown, "the other end of tun0 is not known: its sockets can only be read by root");
}

XfrmPolicy policy(const char* destination) {
  XfrmPolicy policy;
  policy.source = IpPrefix::everything(Family::kInet);
  policy.destination = *IpPrefix::parse(destination);
  policy.templates.push_back({.source = IpAddress::parse("192.0.2.2"),
                              .destination = IpAddress::parse("203.0.113.7"),
                              .ip_protocol = 50,
                              .mode = 1});
  return policy;
}

TEST(Coverage, AnIpsecPolicyTakesWhatTheRoutesSendOut) {
  Snapshot snapshot = Machine::ordinary().snapshot();
  snapshot.xfrm = {{.policies = {policy("10.0.0.0/8")}, .states = {}}, "netlink"};
  const Coverage split = coverage_of(snapshot);
  EXPECT_EQ(split.inet.mode, CoverageMode::kSplit);
  EXPECT_EQ(split.inet.tunnels, std::vector<std::string>{"ipsec"});
  EXPECT_EQ(split.inet.tunnel_share, 1.0 / 256);
  EXPECT_FALSE(outside(split.inet).contains("10.0.0.0/8"));
  EXPECT_EQ(outside(split.inet).at("203.0.113.7/32"), "vpn_server eth0");
  Flow flow;
  flow.destination = *IpAddress::parse("10.1.2.3");
  EXPECT_EQ(packet_path(snapshot, Fib(snapshot), flow).way, PacketWay::kTunnel);
  snapshot.xfrm = {{.policies = {policy("0.0.0.0/0")}, .states = {}}, "netlink"};
  EXPECT_EQ(coverage_of(snapshot).inet.mode, CoverageMode::kFull);
}

TEST(Coverage, ABlockingPolicyIsNotOutsideAndOneOfAPortIsAnException) {
  Snapshot snapshot = Machine::ordinary().snapshot();
  XfrmPolicy block = policy("203.0.113.0/24");
  block.templates.clear();
  block.blocks = true;
  XfrmPolicy ssh = policy("0.0.0.0/0");
  ssh.ip_protocol = 6;
  ssh.destination_ports = NumberRange{22, 22};
  snapshot.xfrm = {{.policies = {ssh, block}, .states = {}}, "netlink"};
  const Coverage coverage = coverage_of(snapshot);
  EXPECT_EQ(coverage.inet.mode, CoverageMode::kNone);
  EXPECT_FALSE(outside(coverage.inet).contains("203.0.113.0/24"));
  EXPECT_EQ(coverage.inet.exceptions,
            std::vector<std::string>{"an IPsec policy decides about packets to 0.0.0.0/0 of protocol 6 to port 22"});
}

TEST(Coverage, HiddenPoliciesMatterOnlyBesideASignOfIpsec) {
  Snapshot snapshot = Machine::ordinary().snapshot();
  snapshot.xfrm = Observed<Xfrm>::missing("CAP_NET_ADMIN is needed");
  EXPECT_EQ(coverage_of(snapshot).inet.mode, CoverageMode::kNone);
  snapshot.vpn_signs = {{}, "/proc"};
  EXPECT_EQ(coverage_of(snapshot).inet.mode, CoverageMode::kNone);
  snapshot.vpn_signs->push_back(
      {.kind = VpnSignKind::kIpsecSocket, .name = "charon", .pid = {}, .text = "listens on UDP port 500"});
  EXPECT_EQ(coverage_of(snapshot).inet.mode, CoverageMode::kUnknown);
  EXPECT_EQ(
      coverage_of(snapshot).inet.why_unknown,
      "IPsec is in use (charon: listens on UDP port 500), and its policies are not known: CAP_NET_ADMIN is needed");
  snapshot.vpn_signs->front().name.clear();
  EXPECT_TRUE(coverage_of(snapshot).inet.why_unknown.starts_with(
      "IPsec is in use (a process that is not known: listens on UDP port 500), "));
}

TEST(Coverage, ClassesOfFixedSpaceDoNotChangeWithALink) {
  Machine machine;
  machine.link("eth0").address("eth0", "169.254.3.4/16").address("eth0", "fe80::2/64");
  const Snapshot snapshot = machine.snapshot();
  EXPECT_EQ(classify(snapshot, *IpAddress::parse("169.254.9.9")), AddressClass::kLinkLocal);
  EXPECT_EQ(classify(snapshot, *IpAddress::parse("fe80::9")), AddressClass::kLinkLocal);
  EXPECT_EQ(classify(snapshot, *IpAddress::parse("127.3.4.5")), AddressClass::kLoopback);
  EXPECT_EQ(classify(snapshot, *IpAddress::parse("ff02::1")), AddressClass::kMulticast);
  EXPECT_EQ(classify(snapshot, *IpAddress::parse("fd00::1")), AddressClass::kPrivate);
  EXPECT_EQ(classify(snapshot, *IpAddress::parse("2620:fe::9")), AddressClass::kPublic);
}

TEST(Coverage, OwnAddressesInARowBelongToTheNetworkAroundThem) {
  Machine machine = with_halves();
  machine.address("eth0", "192.0.2.3/24").address("eth0", "192.0.2.4/24");
  EXPECT_EQ(outside(coverage_of(machine.snapshot()).inet).at("192.0.2.0/24"), "lan eth0");
}

TEST(Coverage, PrefixesByTwoGatewaysAreTwoRows) {
  Machine machine = with_halves();
  machine.route({.destination = "9.0.0.0/9", .interface = "eth0", .gateway = "192.0.2.7"});
  machine.route({.destination = "9.128.0.0/9", .interface = "eth0", .gateway = "192.0.2.8"});
  const auto rows = outside(coverage_of(machine.snapshot()).inet);
  EXPECT_TRUE(rows.contains("9.0.0.0/9") && rows.contains("9.128.0.0/9")) << rows.begin()->first;
}

}  // namespace
}  // namespace vpndoctor
