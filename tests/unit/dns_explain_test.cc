// SPDX-License-Identifier: Apache-2.0
// Which ways a name has, and the words of explanations.
#include "vpndoctor/dns_explain.h"

#include <gtest/gtest.h>

#include "unit/dns_machine.h"
#include "unit/machine.h"

namespace vpndoctor {
namespace {

using namespace testing_support;

Snapshot machine_with(const std::vector<const char*>& servers) {
  Snapshot snapshot = Machine::ordinary().snapshot();
  snapshot.dns.resolv_conf = {resolv_conf_of(servers), "test"};
  snapshot.dns.name_service_switch = {name_service_switch_of({"files", "dns"}), "test"};
  snapshot.dns.hosts = {std::vector<HostsEntry>(), "test"};
  snapshot.dns.listeners = {std::vector<DnsListener>(), "test"};
  return snapshot;
}

DnsQuestion question(DnsCaller caller, const std::string& interface = {}) {
  return {"www.example.org", kDnsTypeA, caller, interface};
}

TEST(DnsTypeName, EveryNumberComesBackFromItsName) {
  for (unsigned type = 1; type <= 65535; ++type) {
    const auto number = static_cast<std::uint16_t>(type);
    ASSERT_EQ(parse_dns_type(dns_type_name(number)), number) << dns_type_name(number);
  }
  EXPECT_EQ(dns_type_name(kDnsTypeAaaa), "AAAA");
  EXPECT_EQ(dns_type_name(65280), "TYPE65280");
}

TEST(DnsTypeName, CaseAndPlainNumbersAreUnderstood) {
  EXPECT_EQ(parse_dns_type("aAaA"), kDnsTypeAaaa);
  EXPECT_EQ(parse_dns_type("type65"), kDnsTypeHttps);
  EXPECT_EQ(parse_dns_type("12"), kDnsTypePtr);
  for (const char* none : {"", "0", "65536", "TYPE", "TYPE-1", "A ", "AA", "1x"}) {
    EXPECT_EQ(parse_dns_type(none), std::nullopt) << none;
  }
}

TEST(DnsScore, WordsFollowTheOrder) {
  using Rank = DnsScore::Rank;
  EXPECT_EQ((DnsScore{Rank::kNo, 0}.to_string()), "no");
  EXPECT_EQ((DnsScore{Rank::kLastResort, 0}.to_string()), "last resort");
  EXPECT_EQ((DnsScore{Rank::kMaybe, 0}.to_string()), "maybe");
  EXPECT_EQ((DnsScore{Rank::kYes, 2}.to_string()), "yes+2");
  EXPECT_LT((DnsScore{Rank::kMaybe, 0}), (DnsScore{Rank::kYes, 0}));
}

TEST(DnsWays, LinuxHasThreeAndOneForEachInterface) {
  const DnsExplanation explanation = explain_dns(machine_with({"192.0.2.53"}), "www.example.org", kDnsTypeA, {"eth0"});
  ASSERT_EQ(explanation.paths.size(), 4U);
  EXPECT_EQ(explanation.paths[0].caller, DnsCaller::kLibc);
  EXPECT_EQ(explanation.paths[1].caller, DnsCaller::kStub);
  EXPECT_EQ(explanation.paths[2].caller, DnsCaller::kDirect);
  EXPECT_EQ(explanation.paths[3].caller, DnsCaller::kBound);
  EXPECT_EQ(explanation.paths[3].interface, "eth0");
}

TEST(DnsStub, IsThereOnlyWithARunningResolvedOfThisNetwork) {
  Snapshot snapshot = machine_with({"127.0.0.53"});
  EXPECT_NE(explain_dns_path(snapshot, question(DnsCaller::kStub)).why_none, "");
  ResolvedState resolved = resolved_of({link_scope("eth0", {"192.0.2.53"}, {}, true)});
  snapshot.dns.resolved = {resolved, "test"};
  const DnsPath path = explain_dns_path(snapshot, question(DnsCaller::kStub));
  EXPECT_EQ(path.why_none, "");
  ASSERT_EQ(path.asked.size(), 1U);
  EXPECT_EQ(path.asked[0].server, dns_server("192.0.2.53"));

  resolved.stub_listener = "no";
  snapshot.dns.resolved = {resolved, "test"};
  EXPECT_NE(explain_dns_path(snapshot, question(DnsCaller::kStub)).why_none, "");
  resolved.stub_listener = "yes";
  resolved.runs = false;
  snapshot.dns.resolved = {resolved, "test"};
  EXPECT_NE(explain_dns_path(snapshot, question(DnsCaller::kStub)).why_none, "");
  resolved.runs = true;
  resolved.foreign = "it has other links";
  snapshot.dns.resolved = {resolved, "test"};
  EXPECT_NE(explain_dns_path(snapshot, question(DnsCaller::kStub)).why_none, "");
}

TEST(DnsDirect, ServersAreAskedInOrderWithoutTheSearchList) {
  Snapshot snapshot = machine_with({"192.0.2.53", "192.0.2.54"});
  snapshot.dns.resolv_conf->used_search = {"corp.example"};
  const DnsPath path = explain_dns_path(snapshot, {"git", kDnsTypeA, DnsCaller::kDirect, {}});
  ASSERT_EQ(path.asked.size(), 2U);
  EXPECT_EQ(path.asked[0].name, "git");
  EXPECT_EQ(path.asked[0].interface, "eth0");
  EXPECT_EQ(path.asked[0].only_if, "");
  EXPECT_EQ(path.asked[1].name, "git");
  EXPECT_NE(path.asked[1].only_if, "");
  EXPECT_EQ(path.answered_by, "192.0.2.53");
  EXPECT_EQ(path.delay_if_first_is_silent, std::nullopt);
}

TEST(DnsDirect, StubIsFollowedOneStep) {
  Snapshot snapshot = machine_with({"127.0.0.53"});
  snapshot.dns.resolved = {resolved_of({link_scope("eth0", {"192.0.2.53"}, {}, true)}), "test"};
  const DnsPath path = explain_dns_path(snapshot, question(DnsCaller::kDirect));
  ASSERT_EQ(path.asked.size(), 1U);
  EXPECT_EQ(path.asked[0].server, dns_server("192.0.2.53"));
  EXPECT_TRUE(path.leaks_to);
}

TEST(DnsDirect, LoopbackWithoutListenerIsPassedOver) {
  const DnsPath path = explain_dns_path(machine_with({"127.0.0.1", "192.0.2.53"}), question(DnsCaller::kDirect));
  ASSERT_EQ(path.asked.size(), 1U);
  EXPECT_EQ(path.asked[0].server, dns_server("192.0.2.53"));
  EXPECT_EQ(path.asked[0].only_if, "");
}

TEST(DnsDirect, UnknownForwarderLeavesLeaksUnknown) {
  Snapshot snapshot = machine_with({"127.0.0.1"});
  snapshot.dns.listeners->push_back({dns_server("127.0.0.1"), "unbound", 7});
  const DnsPath path = explain_dns_path(snapshot, question(DnsCaller::kDirect));
  ASSERT_EQ(path.asked.size(), 1U);
  EXPECT_EQ(path.asked[0].server, dns_server("127.0.0.1"));
  EXPECT_EQ(path.leaks_to, std::nullopt);
  EXPECT_NE(path.why_leaks_unknown, "");
}

TEST(DnsDirect, DnsmasqOnAllAddressesIsKnownByItsProcess) {
  Snapshot snapshot = machine_with({"127.0.1.1"});
  snapshot.dns.listeners->push_back({dns_server("0.0.0.0"), "dnsmasq", 7});
  DnsmasqUpstream upstream;
  upstream.server = dns_server("192.0.2.53");
  DnsmasqInstance instance;
  instance.listens_on = dns_server("127.0.0.1");
  instance.pid = 7;
  instance.upstreams = {std::vector{upstream}, "test"};
  instance.domains_are_known = true;
  snapshot.dns.dnsmasq = {std::vector{instance}, "test"};
  const DnsPath path = explain_dns_path(snapshot, question(DnsCaller::kDirect));
  ASSERT_EQ(path.asked.size(), 1U);
  EXPECT_EQ(path.asked[0].server, dns_server("192.0.2.53"));
  EXPECT_EQ(path.leaks_to, std::vector<std::string>{});
}

TEST(DnsDirect, DockersResolverIsNamed) {
  Snapshot snapshot = machine_with({"127.0.0.11"});
  snapshot.dns.resolv_conf->notes = {"ExtServers: [host(127.0.0.53)]"};
  const DnsPath path = explain_dns_path(snapshot, question(DnsCaller::kDirect));
  EXPECT_EQ(path.leaks_to, std::nullopt);
  EXPECT_NE(path.why_leaks_unknown.find("Docker"), std::string::npos);
  EXPECT_NE(path.why_leaks_unknown.find("host(127.0.0.53)"), std::string::npos);
}

TEST(DnsBound, LoopbackServersDoNotAnswer) {
  Snapshot snapshot = machine_with({"127.0.0.53", "192.0.2.53"});
  snapshot.dns.resolved = {resolved_of({link_scope("eth0", {"192.0.2.54"}, {}, true)}), "test"};
  const DnsPath path = explain_dns_path(snapshot, question(DnsCaller::kBound, "eth0"));
  ASSERT_EQ(path.asked.size(), 1U);
  EXPECT_EQ(path.asked[0].server, dns_server("192.0.2.53"));
  EXPECT_EQ(path.asked[0].interface, "eth0");
  EXPECT_NE(explain_dns_path(snapshot, question(DnsCaller::kBound, "gone0")).why_none, "");
}

TEST(DnsBound, GoesWhereItIsBoundAndNotWhereRoutesLead) {
  Machine machine = Machine::ordinary();
  machine.tun("tun0").address("tun0", "10.8.0.2/24").route({"0.0.0.0/1", "tun0"}).route({"128.0.0.0/1", "tun0"});
  Snapshot snapshot = machine.snapshot();
  snapshot.dns.resolv_conf = {resolv_conf_of({"198.51.100.53"}), "test"};
  const DnsPath through = explain_dns_path(snapshot, question(DnsCaller::kBound, "tun0"));
  ASSERT_EQ(through.asked.size(), 1U);
  EXPECT_EQ(through.leaks_to, std::vector<std::string>{});
  const DnsPath beside = explain_dns_path(snapshot, question(DnsCaller::kBound, "eth0"));
  ASSERT_EQ(beside.asked.size(), 1U);
  EXPECT_EQ(beside.leaks_to, std::vector<std::string>{"198.51.100.53"});
}

}  // namespace
}  // namespace vpndoctor
