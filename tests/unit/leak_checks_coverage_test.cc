// SPDX-License-Identifier: Apache-2.0
// Every code of what the tables let out: a machine that has it, and one that does not.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>

#include "leak_laptop.h"

namespace vpndoctor {
namespace {

using namespace testing_support;

TEST(LeakChecksCoverage, NoVpnAndASplitTunnelHaveNothingToTell) {
  Machine ordinary = Machine::ordinary();
  EXPECT_TRUE(severities(ordinary).empty());
  Machine split = Machine::ordinary();
  split.tun("tun0").address("tun0", "10.8.0.2/24").route({.destination = "10.0.0.0/8", .interface = "tun0"});
  EXPECT_TRUE(severities(split).empty());
}

TEST(LeakChecksCoverage, AHealthyFullTunnelHasNotices) {
  Machine machine = laptop();
  for (const auto& [code, severity] : severities(machine)) EXPECT_EQ(severity, kNotice) << code;
}

TEST(LeakChecksCoverage, Inet6BesideATunnelOfInetIsOpen) {
  Machine machine = laptop();
  Snapshot snapshot = with_inet6(machine).snapshot();
  const Finding finding = finding_of(snapshot, "LEK001");
  EXPECT_EQ(finding.severity, kError);
  EXPECT_NE(finding.title.find("eth0"), std::string::npos);
  EXPECT_TRUE(has_command(finding, "ip -6 route add unreachable default metric 1"));
}

TEST(LeakChecksCoverage, Inet6IsNotOpenWithoutAPublicAddressOrARoute) {
  Machine local = laptop();
  EXPECT_FALSE(severities(with_inet6(local, "fd00:50::5/64")).contains("LEK001"));
  Machine unrouted = laptop();
  unrouted.address("eth0", "2a0e:50::5/64");
  EXPECT_FALSE(severities(unrouted).contains("LEK001"));
  Machine refused = laptop();
  refused.route({.destination = "::/0", .interface = "lo", .metric = 1, .type = RouteType::kUnreachable});
  EXPECT_FALSE(severities(with_inet6(refused)).contains("LEK001")) << "the remedy helps";
  Machine tunnelled = laptop();
  with_inet6(tunnelled).route({.destination = "2000::/3", .interface = "tun0", .metric = 1024});
  EXPECT_FALSE(severities(tunnelled).contains("LEK001"));
}

TEST(LeakChecksCoverage, ARouteOfTheLeaseThatIsMoreSpecificIsTunnelVision) {
  Machine machine = laptop();
  machine.route({.destination = "8.0.0.0/7", .interface = "eth0", .gateway = "192.168.50.7"});
  Snapshot snapshot = machine.snapshot();
  lease(snapshot, "8.0.0.0/7", "192.168.50.7");
  const Finding finding = finding_of(snapshot, "LEK002");
  EXPECT_EQ(finding.severity, kError);
  EXPECT_NE(finding.title.find("8.0.0.0/7"), std::string::npos);
  EXPECT_TRUE(std::ranges::any_of(finding.evidence, [](const Evidence& each) {
    return each.kind == "file" && each.text == "option 121: 8.0.0.0/7 via 192.168.50.7";
  }));
  EXPECT_TRUE(has_command(finding, "ip -4 route del 8.0.0.0/7 via 192.168.50.7"));
  EXPECT_FALSE(severities(judge(snapshot)).contains("LEK003"));
}

TEST(LeakChecksCoverage, ALeaseThatTakesEverythingIsFoundToo) {
  Machine machine = laptop();
  for (const char* quarter : {"0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2", "192.0.0.0/2"}) {
    machine.route({.destination = quarter, .interface = "eth0", .gateway = "192.168.50.7"});
  }
  Snapshot snapshot = machine.snapshot();
  for (const char* quarter : {"0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2", "192.0.0.0/2"}) {
    lease(snapshot, quarter, "192.168.50.7");
  }
  EXPECT_EQ(finding_of(snapshot, "LEK002").severity, kError);
}

TEST(LeakChecksCoverage, ALeaseMayTakeTheTunnelsOwnPrefixesByTheirMetric) {
  Machine machine;
  machine.link("eth0").address("eth0", "192.168.50.5/24").tun("tun0").address("tun0", "10.8.0.2/24");
  machine.route({.destination = "default", .interface = "eth0", .gateway = "192.168.50.1"});
  machine.tunnel("tun0", "9.9.9.1");
  for (const char* half : {"0.0.0.0/1", "128.0.0.0/1"}) {
    machine.route({.destination = half, .interface = "tun0", .gateway = "10.8.0.1", .metric = 50});
    machine.route({.destination = half, .interface = "eth0", .gateway = "192.168.50.7"});
  }
  Snapshot snapshot = machine.snapshot();
  EXPECT_FALSE(severities(judge(snapshot)).contains("LEK002"));
  for (const char* half : {"0.0.0.0/1", "128.0.0.0/1"}) lease(snapshot, half, "192.168.50.7");
  EXPECT_EQ(finding_of(snapshot, "LEK002").severity, kError);
}

TEST(LeakChecksCoverage, ARouteThatLongerOnesCoverHidesThemNot) {
  Machine machine = laptop();
  constexpr std::array kAll = {"0.0.0.0/2", "64.0.0.0/2", "64.0.0.0/3", "96.0.0.0/3"};
  for (const char* each : kAll) machine.route({.destination = each, .interface = "eth0", .gateway = "192.168.50.7"});
  Snapshot snapshot = machine.snapshot();
  for (const char* each : kAll) lease(snapshot, each, "192.168.50.7");
  const Finding finding = finding_of(snapshot, "LEK002");
  for (const char* each : {"0.0.0.0/2", "64.0.0.0/3", "96.0.0.0/3"}) {
    EXPECT_NE(finding.title.find(each), std::string::npos) << finding.title;
  }
}

TEST(LeakChecksCoverage, ARouteOfTheLeaseIsFoundBehindMoreRoutesThanAReportLists) {
  constexpr int kOthers = 5000;
  Machine machine = laptop();
  for (int i = 0; i < kOthers; ++i) {
    machine.route({.destination = fmt::format("20.{}.{}.0/24", i / 128, i % 128 * 2),
                   .interface = "eth0",
                   .gateway = "192.168.50.1",
                   .protocol = kProtocolStatic});
  }
  machine.route({.destination = "200.0.0.0/8", .interface = "eth0", .gateway = "192.168.50.7"});
  Snapshot snapshot = machine.snapshot();
  lease(snapshot, "200.0.0.0/8", "192.168.50.7");
  EXPECT_NE(finding_of(snapshot, "LEK002").title.find("200.0.0.0/8"), std::string::npos);
  const Finding others = finding_of(snapshot, "LEK003");
  EXPECT_NE(others.title.find(fmt::format("and {} more", kOthers - 3)), std::string::npos) << others.title;
  EXPECT_LT(others.evidence.size(), 16U);
  const Coverage coverage = find_coverage(snapshot, Fib(snapshot), 0);
  EXPECT_TRUE(coverage.inet.is_cut);
  std::size_t prefixes = 0;
  for (const OutsideWay& way : coverage.inet.outside_ways) prefixes += way.prefixes_count;
  EXPECT_GT(prefixes, static_cast<std::size_t>(kOthers));
  const auto is_lease = [](const OutsideWay& way) { return way.largest.gateway == IpAddress::parse("192.168.50.7"); };
  EXPECT_TRUE(std::ranges::any_of(coverage.inet.outside_ways, is_lease)) << "behind the cut";
}

TEST(LeakChecksCoverage, RoutesOfALeaseThatTakeNothingFromTheTunnelAreNone) {
  Machine machine = laptop();
  // The own network, the gateway, a platform's address, a campus behind the router.
  machine.route({.destination = "192.168.50.1/32", .interface = "eth0", .protocol = kProtocolDhcp});
  machine.route({.destination = "168.63.129.16/32", .interface = "eth0", .gateway = "192.168.50.1"});
  machine.route({.destination = "169.254.169.254/32", .interface = "eth0", .gateway = "192.168.50.1"});
  machine.route({.destination = "10.20.0.0/16", .interface = "eth0", .gateway = "192.168.50.1"});
  Snapshot snapshot = machine.snapshot();
  for (const char* prefix :
       {"192.168.50.0/24", "192.168.50.1/32", "168.63.129.16/32", "169.254.169.254/32", "10.20.0.0/16"}) {
    lease(snapshot, prefix, "192.168.50.1");
  }
  const auto found = severities(judge(snapshot));
  EXPECT_FALSE(found.contains("LEK002"));
  EXPECT_FALSE(found.contains("LEK003"));
  Machine split = Machine::ordinary();
  split.tun("tun0").address("tun0", "10.8.0.2/24");
  split.route({.destination = "8.0.0.0/7", .interface = "eth0", .gateway = "192.0.2.1"});
  Snapshot beside = split.snapshot();
  lease(beside, "8.0.0.0/7", "192.0.2.1");
  EXPECT_FALSE(severities(judge(beside)).contains("LEK002")) << "the tunnel never had it";
}

TEST(LeakChecksCoverage, APrivateNetworkPulledOutOfASplitTunnelIsAWarning) {
  Machine machine = Machine::ordinary();
  machine.tun("tun0").address("tun0", "172.30.0.2/16").route({.destination = "10.0.0.0/8", .interface = "tun0"});
  machine.route({.destination = "10.20.0.0/16", .interface = "eth0", .gateway = "192.0.2.1"});
  Snapshot snapshot = machine.snapshot();
  lease(snapshot, "10.20.0.0/16", "192.0.2.1");
  EXPECT_EQ(finding_of(snapshot, "LEK002").severity, kWarning);
}

Severity severity_by_maker(std::uint8_t protocol, bool leases_are_read) {
  Machine machine = laptop();
  machine.route({.destination = "8.0.0.0/7", .interface = "eth0", .gateway = "192.168.50.7", .protocol = protocol});
  Snapshot snapshot = machine.snapshot();
  snapshot.leases = {{}, "files"};
  if (!leases_are_read) snapshot.leases.add_limit("/var/lib/dhcp could not be read");
  return finding_of(snapshot, "LEK003").severity;
}

TEST(LeakChecksCoverage, WithoutALeaseItsMakerDecidesHowBadASpecificRouteIs) {
  EXPECT_EQ(severity_by_maker(kProtocolStatic, true), kNotice);
  EXPECT_EQ(severity_by_maker(kProtocolStatic, false), kWarning);
  EXPECT_EQ(severity_by_maker(kProtocolDhcp, true), kWarning);
  EXPECT_EQ(severity_by_maker(kProtocolRouterAdvertisement, true), kError);
  Machine plain = laptop();
  EXPECT_FALSE(severities(plain).contains("LEK003"));
}

TEST(LeakChecksCoverage, ALocalNetworkThatClaimsPublicSpaceIsJudgedByItsSize) {
  Machine huge = on_network("eth0", "8.1.2.3/9");
  EXPECT_EQ(severities(huge).at("LEK004"), kWarning);
  Machine server = on_network("eth0", "9.9.9.5/24");
  EXPECT_EQ(severities(server).at("LEK004"), kNotice);
  Machine wireless = on_network("wlan0", "9.9.9.5/24");
  EXPECT_EQ(severities(wireless).at("LEK004"), kWarning);
  Machine large = on_network("eth0", "10.1.2.3/8");
  EXPECT_EQ(severities(large).at("LEK004"), kNotice);
  Machine inet6 = on_network("eth0", "2a0e:50::5/32");
  EXPECT_EQ(severities(inet6).at("LEK004"), kWarning);
  for (const char* ordinary : {"192.168.1.2/24", "10.1.2.3/16", "2a0e:50::5/64", "192.0.2.5/24", "fd00::5/48"}) {
    Machine machine = on_network("eth0", ordinary);
    EXPECT_FALSE(severities(machine).contains("LEK004")) << ordinary;
  }
}

/// A router says that a prefix is on the link, and this machine has no address of it.
Machine advertised(const char* prefix) {
  Machine machine = on_network("eth0", "2a0e:50::5/64");
  machine.route({.destination = prefix, .interface = "eth0", .metric = 256, .protocol = kProtocolKernel});
  return machine;
}

TEST(LeakChecksCoverage, APrefixThatIsAdvertisedAsOnTheLinkIsALocalNetworkToo) {
  Machine wide = advertised("2620::/16");
  Snapshot snapshot = wide.snapshot();
  const Finding finding = finding_of(snapshot, "LEK004");
  EXPECT_EQ(finding.severity, kWarning);
  EXPECT_EQ(finding.title, "The local network 2620::/16 of eth0 has public addresses");
  Machine narrow = advertised("2620:fe::/64");
  EXPECT_EQ(severities(narrow).at("LEK004"), kNotice);
  Machine managed = advertised("2a0e:51::/64");
  managed.address("eth0", "2a0e:51::77/128");
  EXPECT_FALSE(severities(managed).contains("LEK004")) << "the address is from DHCPv6";
  Machine local = advertised("fd00:9::/64");
  EXPECT_FALSE(severities(local).contains("LEK004"));
}

TEST(LeakChecksCoverage, TheServersHostRouteIsANotice) {
  Machine machine = laptop();
  machine.route({.destination = "9.9.9.1/32", .interface = "eth0", .gateway = "192.168.50.1"});
  EXPECT_EQ(severities(machine).at("LEK005"), kNotice);
  Machine without = laptop();
  EXPECT_FALSE(severities(without).contains("LEK005"));
}

Snapshot with_file(Machine& machine, const char* server) {
  Snapshot snapshot = machine.snapshot();
  ResolvConf file;
  file.exists = true;
  DnsServer only;
  only.address = *IpAddress::parse(server);
  file.nameservers = file.used_servers = {only};
  snapshot.dns.resolv_conf = {file, "/etc/resolv.conf"};
  NameServiceSwitch services;
  services.hosts.resize(2);
  services.hosts[0].name = "files";
  services.hosts[1].name = "dns";
  snapshot.dns.name_service_switch = {services, "/etc/nsswitch.conf"};
  snapshot.dns.hosts = {{}, "/etc/hosts"};
  snapshot.dns.resolved = Observed<ResolvedState>::missing("it is not on this machine");
  return snapshot;
}

TEST(LeakChecksCoverage, AResolverOutsideAFullTunnelIsToldOnce) {
  Machine machine = laptop();
  Snapshot snapshot = with_file(machine, "192.168.50.1");
  const Finding finding = finding_of(snapshot, "LEK006");
  EXPECT_EQ(finding.severity, kError);
  EXPECT_NE(finding.detail.find("DNS018"), std::string::npos);
  Machine inside = laptop();
  Snapshot tunnelled = with_file(inside, "10.8.0.1");
  EXPECT_FALSE(severities(judge(tunnelled)).contains("LEK006"));
  Machine none = Machine::ordinary();
  Snapshot plain = with_file(none, "192.0.2.1");
  EXPECT_FALSE(severities(judge(plain)).contains("LEK006"));
}

TEST(LeakChecksCoverage, ABoundProgramIsANoticeUnlessARuleForbidsIt) {
  Machine machine = laptop();
  EXPECT_EQ(severities(machine).at("LEK007"), kNotice);
  Machine forbidden = laptop();
  Rule rule;
  rule.priority = 10;
  rule.output_interface = "eth0";
  rule.action = RuleAction::kUnreachable;
  EXPECT_FALSE(severities(forbidden.rule(rule)).contains("LEK007"));
}

/// A packet filter that lets nothing of this machine out but UDP to port 53.
Firewall letting_dns_out() {
  FirewallRule rule;
  rule.expressions = {{.name = "meta", .destination = 8, .key = 16},
                      {.name = "cmp", .source = 8, .data = std::string(1, char{17})},
                      {.name = "payload", .destination = 8, .key = 2, .offset = 2, .length = 2},
                      {.name = "cmp", .source = 8, .data = std::string{0, 53}},
                      {.name = "immediate", .decision = {FirewallAction::kAccept}}};
  FirewallChain chain{.name = "o", .type = "filter", .hook = FirewallHook::kOutput, .drops_by_default = true};
  chain.rules = {rule};
  return {.tables = {{.family = "inet", .name = "k", .chains = {chain}}}, .others = {}};
}

TEST(LeakChecksCoverage, ABoundProgramIsToldOfForTheKindThatTheFilterForgets) {
  Machine machine = laptop();
  Snapshot snapshot = machine.snapshot();
  snapshot.firewall = {letting_dns_out(), "netlink"};
  EXPECT_EQ(finding_of(snapshot, "LEK007").title, "A program that binds to eth0 passes tun0 by (DNS)");
  snapshot.firewall->tables[0].chains[0].rules.clear();
  EXPECT_FALSE(severities(judge(snapshot)).contains("LEK007"));
}

TEST(LeakChecksCoverage, ARuleThatSendsAUserPastTheTunnelIsANotice) {
  Machine machine = laptop();
  machine.route({.destination = "default", .interface = "eth0", .gateway = "192.168.50.1", .table = 77});
  Rule rule;
  rule.priority = 100;
  rule.table = 77;
  rule.uids = NumberRange{1000, 1000};
  Snapshot snapshot = machine.rule(rule).snapshot();
  const Finding finding = finding_of(snapshot, "LEK008");
  EXPECT_EQ(finding.severity, kNotice);
  EXPECT_EQ(finding.title, "Packets of user 1000 leave by eth0 (rule 100), past tun0");
  EXPECT_TRUE(has_command(finding, "ip -4 rule del"));
  Machine without = laptop();
  EXPECT_FALSE(severities(without).contains("LEK008"));
}

TEST(LeakChecksCoverage, ContainersThatATunnelForLocalPacketsLeavesOutAreAWarning) {
  Machine machine = with_containers(local_only());
  Snapshot snapshot = forwarding(machine);
  const Finding finding = finding_of(snapshot, "LEK009");
  EXPECT_EQ(finding.severity, kWarning);
  EXPECT_TRUE(has_command(finding, "ip -4 rule add iif docker0 lookup 77"));
  Machine quiet = with_containers(local_only());
  EXPECT_FALSE(severities(quiet).contains("LEK009")) << "nothing is forwarded";
  Machine both = with_containers(laptop());
  Snapshot tunnelled = forwarding(both);
  EXPECT_FALSE(severities(judge(tunnelled)).contains("LEK009")) << "containers go through the tunnel as well";
}

TEST(LeakChecksCoverage, GuestsNeedNoBridge) {
  Machine machine = local_only();
  machine.link("ve-c1", "veth").address("ve-c1", "10.77.0.1/24");
  Snapshot container = forwarding(machine);
  const Finding finding = finding_of(container, "LEK009");
  EXPECT_EQ(finding.title, "Packets of the containers behind ve-c1 leave by eth0, this machine's own go through tun0");
  EXPECT_TRUE(has_command(finding, "ip -4 rule add iif ve-c1 lookup 77"));
  Machine pod = local_only();
  pod.link("cali1", "veth").route({.destination = "10.77.0.2/32", .interface = "cali1"});
  Snapshot without_address = forwarding(pod);
  EXPECT_TRUE(severities(judge(without_address)).contains("LEK009"));
  Machine router = local_only();
  router.link("lan1").address("lan1", "10.77.0.1/24");
  Snapshot port = forwarding(router);
  const Finding other = finding_of(port, "LEK009");
  EXPECT_EQ(other.title, "Packets of the computers behind lan1 leave by eth0, this machine's own go through tun0");
  EXPECT_EQ(other.severity, kWarning);
}

TEST(LeakChecksCoverage, ASecondWayToTheWorldHasNoGuests) {
  Machine machine = local_only();
  machine.link("wlan0").address("wlan0", "192.168.60.5/24");
  machine.route({.destination = "default", .interface = "wlan0", .gateway = "192.168.60.1", .metric = 600});
  machine.tun("tun1").address("tun1", "10.99.0.1/24");
  Snapshot snapshot = forwarding(machine);
  EXPECT_FALSE(severities(judge(snapshot)).contains("LEK009"));
}

/// The rule that `ip rule add iif IF lookup TABLE pref NUMBER` makes; of equal numbers the new one is the last.
void obey(const Command& command, Snapshot& snapshot) {
  ASSERT_EQ(command.argv.size(), 10U);
  Rule rule;
  rule.family = command.argv[1] == "-4" ? Family::kInet : Family::kInet6;
  rule.input_interface = command.argv[5];
  rule.table = static_cast<std::uint32_t>(std::stoul(command.argv[7]));
  rule.priority = static_cast<std::uint32_t>(std::stoul(command.argv[9]));
  auto& rules = *snapshot.rules;
  const auto place = std::ranges::find_if(
      rules, [&](const Rule& each) { return each.family == rule.family && each.priority > rule.priority; });
  rules.insert(place, rule);
}

TEST(LeakChecksCoverage, TheRemedyForContainersComesBeforeTheRuleThatCatchesThem) {
  for (const std::uint32_t number : {1U, 50U, 90U, 91U, 32000U}) {
    for (const bool is_caught_alone : {true, false}) {
      Machine machine = with_containers(is_caught_alone ? laptop() : local_only());
      machine.route({.destination = "default", .interface = "eth0", .gateway = "192.168.50.1", .table = 99});
      Rule pulls;
      pulls.priority = number;
      pulls.table = 99;
      pulls.input_interface = "docker0";
      machine.rule(pulls);
      Snapshot snapshot = forwarding(machine);
      const Finding finding = finding_of(snapshot, "LEK009");
      ASSERT_EQ(finding.remedy.commands.size(), 1U) << number;
      obey(finding.remedy.commands[0], snapshot);
      EXPECT_FALSE(severities(judge(snapshot)).contains("LEK009")) << number;
    }
  }
}

/// wg0 takes all but what has its mark; a chain of that type at the output hook does `steps` to all packets.
Snapshot wg_quick_with(const std::string& type, const std::vector<FirewallExpression>& steps) {
  Machine machine;
  machine.link("eth0").address("eth0", "192.168.50.5/24");
  machine.route({.destination = "default", .interface = "eth0", .gateway = "192.168.50.1"});
  machine.link("wg0", "wireguard", kLinkUp | kLinkRunning | kLinkLowerUp | kLinkPointToPoint | kLinkNoArp);
  machine.address("wg0", "10.9.0.2/32").tunnel("wg0", "9.9.9.1", 7);
  machine.route({.destination = "default", .interface = "wg0", .table = 51820});
  Rule tunnel;
  tunnel.priority = 32765;
  tunnel.table = 51820;
  tunnel.mark = 7;
  tunnel.mark_mask = UINT32_MAX;
  tunnel.inverted = true;
  Snapshot snapshot = machine.rule(tunnel).snapshot();
  FirewallChain chain{.name = "o", .type = type, .hook = FirewallHook::kOutput};
  chain.rules = {{.handle = 1, .expressions = steps}};
  Firewall firewall;
  firewall.tables = {{.family = "inet", .name = "k", .chains = {chain}}};
  snapshot.firewall = {firewall, "netlink"};
  return snapshot;
}

std::vector<FirewallExpression> set_mark(char number) {
  return {{.name = "immediate", .destination = 4, .data = std::string{number, '\0', '\0', '\0'}},
          {.name = "meta", .source = 4, .key = 3}};
}

bool is_skipped(const CheckResults& results, std::string_view code) {
  return std::ranges::any_of(results.skipped, [&](const Skipped& each) { return each.code == code; });
}

TEST(LeakChecksCoverage, AFilterThatSetsTheMarkOfTheVpnOnAllLetsAllOut) {
  Snapshot all = wg_quick_with("route", set_mark(7));
  const Finding finding = finding_of(all, "LEK013");
  EXPECT_EQ(finding.severity, kError);
  EXPECT_EQ(finding.title, "The packet filter sends IPv4 packets (TCP, UDP, DNS and ICMP) out by eth0, past wg0");
  EXPECT_TRUE(has_command(finding, "nft list table inet k"));
  for (Snapshot harmless : {wg_quick_with("route", set_mark(8)), wg_quick_with("filter", set_mark(7))}) {
    const CheckResults results = judge(harmless);
    EXPECT_FALSE(severities(results).contains("LEK013") || is_skipped(results, "LEK013"));
  }
}

TEST(LeakChecksCoverage, ARuleThatSendsOneKindOutsideIsNotTheFiltersDoing) {
  Snapshot snapshot = wg_quick_with("route", {{.name = "counter"}});
  Rule ping;
  ping.family = Family::kInet;
  ping.priority = 100;
  ping.table = kTableMain;
  ping.ip_protocol = 1;
  std::vector<Rule> rules = *snapshot.rules;
  rules.insert(std::ranges::upper_bound(rules, ping.priority, {}, &Rule::priority), ping);
  snapshot.rules = {rules, "netlink"};
  const CheckResults results = judge(snapshot);
  EXPECT_TRUE(severities(results).contains("LEK008")) << "the rule is told of";
  EXPECT_FALSE(severities(results).contains("LEK013"));
  EXPECT_FALSE(is_skipped(results, "LEK013"));
}

TEST(LeakChecksCoverage, WhereAHashDecidesBetweenTunnelsTheFilterIsNotJudged) {
  Snapshot snapshot = wg_quick_with("route", set_mark(7));
  Link second = *snapshot.find_link("wg0");
  second.name = "wg1";
  second.index += 100;
  snapshot.links->push_back(second);
  for (NextHopSet& set : snapshot.routes->next_hop_sets) {
    if (set.hops.size() != 1 || set.hops.front().interface != "wg0") continue;
    set.hops.push_back(set.hops.front());
    set.hops.back().interface = "wg1";
  }
  const CheckResults results = judge(snapshot);
  EXPECT_TRUE(is_skipped(results, "LEK013"));
  EXPECT_FALSE(severities(results).contains("LEK013"));
}

TEST(LeakChecksCoverage, EveryTableThatMayHaveSetTheMarkIsNamed) {
  Snapshot snapshot = wg_quick_with("route", set_mark(7));
  FirewallTable innocent = snapshot.firewall->tables.front();
  innocent.family = "ip";
  innocent.name = "mangle";
  innocent.chains.front().rules.front().expressions = {{.name = "counter"}};
  Firewall firewall = *snapshot.firewall;
  firewall.tables.insert(firewall.tables.begin(), innocent);
  snapshot.firewall = {firewall, "netlink"};
  const Finding finding = finding_of(snapshot, "LEK013");
  EXPECT_TRUE(has_command(finding, "nft list table ip mangle"));
  EXPECT_TRUE(has_command(finding, "nft list table inet k"));
}

TEST(LeakChecksCoverage, NothingPassesATunnelByThatCarriesNothing) {
  Machine machine = laptop();
  Snapshot snapshot = machine.snapshot();
  for (Link& link : *snapshot.links) {
    if (link.name == "tun0") link.flags &= ~(kLinkRunning | kLinkLowerUp);
  }
  const CheckResults results = judge(snapshot);
  EXPECT_FALSE(severities(results).contains("LEK007"));
  EXPECT_TRUE(is_skipped(results, "LEK007"));
}

TEST(LeakChecksCoverage, AFilterThatMayOrMayNotMarkIsNotDecided) {
  std::vector<FirewallExpression> steps{{.name = "match", .subject = "recent"}};
  for (const FirewallExpression& each : set_mark(7)) steps.push_back(each);
  Snapshot maybe = wg_quick_with("route", steps);
  const CheckResults results = judge(maybe);
  EXPECT_TRUE(is_skipped(results, "LEK013"));
  EXPECT_FALSE(severities(results).contains("LEK013"));
  Snapshot unread = wg_quick_with("route", set_mark(7));
  unread.firewall = Observed<Firewall>::missing("only root may read it");
  EXPECT_TRUE(is_skipped(judge(unread), "LEK013"));
  Machine without = Machine::ordinary();
  Snapshot no_vpn = without.snapshot();
  EXPECT_FALSE(is_skipped(judge(no_vpn), "LEK013"));
}

TEST(LeakChecksCoverage, TheTableThatSendsPacketsAnotherWayIsTheOneNamed) {
  Snapshot all = wg_quick_with("route", set_mark(7));
  const FirewallTable table = all.firewall->tables.front();
  FirewallTable dormant = table;
  dormant.name = "dormant";
  dormant.is_dormant = true;
  FirewallTable other_family = table;
  other_family.family = "ip6";
  FirewallTable filter = table;
  filter.name = "filter";
  filter.chains.front().type = "filter";
  all.firewall->tables = {dormant, other_family, filter, table};
  EXPECT_TRUE(has_command(finding_of(all, "LEK013"), "nft list table inet k"));
}

TEST(LeakChecksCoverage, MarkedPacketsThatDoNotLeaveAreNoLeak) {
  Snapshot swallowed = wg_quick_with("route", set_mark(7));
  for (Link& link : *swallowed.links) {
    if (link.name == "eth0") link.kind = "dummy";
  }
  Snapshot dropped = wg_quick_with("route", set_mark(7));
  FirewallChain drops{.name = "d", .type = "filter", .hook = FirewallHook::kPostrouting, .drops_by_default = true};
  dropped.firewall->tables.front().chains.push_back(drops);
  for (Snapshot* each : {&swallowed, &dropped}) {
    const CheckResults results = judge(*each);
    EXPECT_FALSE(severities(results).contains("LEK013") || is_skipped(results, "LEK013"));
  }
}

TEST(LeakChecksCoverage, WhatMayMarkBesideNftablesLeavesItOpen) {
  Snapshot legacy = wg_quick_with("route", set_mark(8));
  legacy.firewall->tables.clear();
  legacy.firewall->others = {"iptables-legacy has the table mangle"};
  EXPECT_FALSE(is_skipped(judge(legacy), "LEK013"));
  legacy.firewall->others_may_mark = true;
  EXPECT_TRUE(is_skipped(judge(legacy), "LEK013"));
  Snapshot cut = wg_quick_with("route", set_mark(8));
  cut.firewall->tables.clear();
  cut.firewall.add_limit("a rule is not understood");
  EXPECT_TRUE(is_skipped(judge(cut), "LEK013"));
  Snapshot may_drop = wg_quick_with("route", set_mark(7));
  EXPECT_EQ(finding_of(may_drop, "LEK013").confidence, Confidence::kProven);
  may_drop.firewall->others = {"iptables-legacy has the table filter"};
  EXPECT_EQ(finding_of(may_drop, "LEK013").confidence, Confidence::kLikely);
}

TEST(LeakChecksCoverage, OneKindThatSurelyLeavesDecidesWhateverTheOthersDo) {
  std::vector<FirewallExpression> steps{{.name = "meta", .destination = 4, .key = 16},
                                        {.name = "cmp", .source = 4, .data = "\x06"}};
  for (const FirewallExpression& each : set_mark(7)) steps.push_back(each);
  steps.push_back({.name = "immediate", .decision = {FirewallAction::kAccept}});
  Snapshot some = wg_quick_with("route", steps);
  std::vector<FirewallExpression> maybe{{.name = "match", .subject = "recent"}};
  for (const FirewallExpression& each : set_mark(7)) maybe.push_back(each);
  some.firewall->tables.front().chains.front().rules.push_back({.handle = 2, .expressions = maybe});
  EXPECT_NE(finding_of(some, "LEK013").title.find("(TCP)"), std::string::npos);
  EXPECT_FALSE(is_skipped(judge(some), "LEK013"));
}

Snapshot with_dead_tunnel(int ignores) {
  Machine machine;
  machine.link("eth0").address("eth0", "192.168.50.5/24");
  machine.route({.destination = "default", .interface = "eth0", .gateway = "192.168.50.1"});
  machine.tun("tun0", false).address("tun0", "10.8.0.2/24").route({.destination = "0.0.0.0/1", .interface = "tun0"});
  machine.route({.destination = "128.0.0.0/1", .interface = "tun0"});
  Snapshot snapshot = machine.snapshot();
  snapshot.settings->inet["tun0"].ignore_routes_with_linkdown = ignores;
  for (NextHopSet& set : snapshot.routes->next_hop_sets) {
    for (NextHop& hop : set.hops) {
      if (hop.interface == "tun0") hop.flags = kNextHopLinkDown;
    }
  }
  return snapshot;
}

TEST(LeakChecksCoverage, ADeadTunnelWhoseRoutesAreSkippedIsAnError) {
  Snapshot leaking = with_dead_tunnel(1);
  EXPECT_EQ(finding_of(leaking, "LEK010").severity, kError);
  Snapshot holding = with_dead_tunnel(0);
  EXPECT_FALSE(severities(judge(holding)).contains("LEK010"));
  Machine alive = laptop();
  Snapshot ready = alive.snapshot();
  ready.settings->inet["tun0"].ignore_routes_with_linkdown = 1;
  EXPECT_EQ(finding_of(ready, "LEK010").severity, kNotice);
}

TEST(LeakChecksCoverage, TwoPhysicalDefaultsAreANotice) {
  Machine machine = laptop();
  machine.link("wlan0").address("wlan0", "192.168.60.5/24");
  machine.route({.destination = "default", .interface = "wlan0", .gateway = "192.168.60.1", .metric = 600});
  EXPECT_EQ(severities(machine).at("LEK011"), kNotice);
  Machine one = laptop();
  EXPECT_FALSE(severities(one).contains("LEK011"));
}

TEST(LeakChecksCoverage, AnAddressThatTheLocalNetworkReachesIsANoticeUnlessTheFilterIsStrict) {
  Machine machine = laptop();
  Snapshot open = machine.snapshot();
  open.firewall = {{}, "netlink"};
  EXPECT_EQ(finding_of(open, "LEK012").severity, kNotice);
  open.firewall = Observed<Firewall>::missing("CAP_NET_ADMIN is needed");
  const CheckResults unread = judge(open);
  EXPECT_FALSE(severities(unread).contains("LEK012"));
  EXPECT_TRUE(std::ranges::any_of(unread.skipped, [](const Skipped& each) { return each.code == "LEK012"; }));
  Machine strict = laptop();
  Snapshot closed = strict.filter("all", 1).snapshot();
  closed.firewall = {{}, "netlink"};
  EXPECT_FALSE(severities(judge(closed)).contains("LEK012"));
}

TEST(LeakChecksCoverage, WithoutRoutesNothingIsClaimed) {
  Machine machine = laptop();
  Snapshot snapshot = machine.snapshot();
  snapshot.routes = Observed<RouteTable>::missing("it was not read");
  const CheckResults results = judge(snapshot);
  EXPECT_TRUE(severities(results).empty());
  EXPECT_TRUE(std::ranges::any_of(results.skipped, [](const Skipped& each) { return each.code == "LEK001"; }));
}

}  // namespace
}  // namespace vpndoctor
