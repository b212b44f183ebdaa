// SPDX-License-Identifier: Apache-2.0
// dnsmasq's choice, and the domains that NetworkManager gives it.
#include <gtest/gtest.h>

#include <map>

#include "dns_nm_domains.h"
#include "unit/dns_machine.h"
#include "unit/machine.h"
#include "vpndoctor/dns_explain.h"

namespace vpndoctor {
namespace {

using namespace testing_support;

/// The domains of each server, as NetworkManager gives them.
using Given = std::map<std::string, std::vector<std::string>>;

NetworkManagerDnsEntry entry(const std::string& interface, const char* server, int priority,
                             const std::vector<const char*>& domains = {}, bool vpn = false) {
  NetworkManagerDnsEntry made;
  made.interface = interface;
  made.servers = {dns_server(server)};
  made.priority = priority;
  made.vpn = vpn;
  for (const char* domain : domains) made.domains.push_back(dns_domain(domain));
  return made;
}

Snapshot managed(Machine& machine, const std::vector<NetworkManagerDnsEntry>& entries) {
  NetworkManagerDns manager;
  manager.mode = "dnsmasq";
  manager.entries = entries;
  Snapshot snapshot = machine.snapshot();
  snapshot.dns.network_manager = {manager, "test"};
  return snapshot;
}

std::vector<DnsmasqUpstream> upstreams_of(const Snapshot& snapshot) {
  const auto domains = network_manager_domains(snapshot);
  return domains ? domains->upstreams : std::vector<DnsmasqUpstream>();
}

/// Without reverse zones.
Given given(const Snapshot& snapshot) {
  Given given;
  for (const DnsmasqUpstream& upstream : upstreams_of(snapshot)) {
    for (const std::string& domain : upstream.domains) {
      if (!domain.ends_with(".arpa")) given[upstream.server.to_string()].push_back(domain);
    }
  }
  return given;
}

Machine with_vpn() {
  Machine machine = Machine::ordinary();
  machine.tun("tun0").address("tun0", "10.66.0.2/24");
  return machine;
}

TEST(NetworkManagerDomainsOf, DefaultRouteGetsTheRest) {
  Machine machine = with_vpn();
  EXPECT_EQ(given(managed(machine, {entry("tun0", "10.66.0.1", 50, {"~corp.example"}, true),
                                    entry("eth0", "192.0.2.53", 100, {"home.lan"})})),
            (Given{{"10.66.0.1", {"corp.example"}}, {"192.0.2.53", {"home.lan", "."}}}));
}

TEST(NetworkManagerDomainsOf, LowerPriorityTakesADomainAlone) {
  Machine machine = with_vpn();
  EXPECT_EQ(given(managed(machine, {entry("tun0", "10.66.0.1", 50, {"~corp.example"}, true),
                                    entry("eth0", "192.0.2.53", 100, {"corp.example"})})),
            (Given{{"10.66.0.1", {"corp.example"}}, {"192.0.2.53", {"."}}}));
  EXPECT_EQ(given(managed(machine, {entry("tun0", "10.66.0.1", 50, {"~corp.example"}, true),
                                    entry("eth0", "192.0.2.53", 50, {"corp.example"})})),
            (Given{{"10.66.0.1", {"corp.example"}}, {"192.0.2.53", {"corp.example", "."}}}));
}

TEST(NetworkManagerDomainsOf, NegativePriorityShadowsWhatIsBelow) {
  Machine machine = with_vpn();
  EXPECT_EQ(given(managed(machine, {entry("tun0", "10.66.0.1", -50, {"~example"}, true),
                                    entry("eth0", "192.0.2.53", 100, {"corp.example", "home.lan"})})),
            (Given{{"10.66.0.1", {"example"}}, {"192.0.2.53", {"home.lan", "."}}}));
  EXPECT_EQ(given(managed(machine, {entry("tun0", "10.66.0.1", -50, {"~."}, true),
                                    entry("eth0", "192.0.2.53", 100, {"home.lan"})})),
            (Given{{"10.66.0.1", {"."}}}));
}

TEST(NetworkManagerDomainsOf, WithoutADefaultRouteAllButVpnsGetTheRest) {
  Machine machine;
  machine.link("eth0").address("eth0", "192.0.2.2/24").tun("tun0").address("tun0", "10.66.0.2/24");
  EXPECT_EQ(given(managed(machine,
                          {entry("tun0", "10.66.0.1", 50, {"~corp.example"}, true), entry("eth0", "192.0.2.53", 100)})),
            (Given{{"10.66.0.1", {"corp.example"}}, {"192.0.2.53", {"."}}}));
}

TEST(NetworkManagerDomainsOf, ReverseZonesAreThoseOfAddressesAndRoutes) {
  Machine machine = with_vpn();
  machine.route({"10.70.8.0/22", "tun0"});
  const Snapshot snapshot = managed(machine, {entry("tun0", "10.66.0.1", 50, {"~corp.example"}, true)});
  const std::vector<std::string> expected = {"corp.example",          "0.66.10.in-addr.arpa", "10.70.10.in-addr.arpa",
                                             "11.70.10.in-addr.arpa", "8.70.10.in-addr.arpa", "9.70.10.in-addr.arpa"};
  std::vector<std::string> zones = upstreams_of(snapshot).at(0).domains;
  std::erase_if(zones, [](const std::string& zone) { return zone.starts_with("2.0.66."); });
  EXPECT_EQ(zones, expected);
}

TEST(NetworkManagerDomainsOf, OtherModesGiveNone) {
  Machine machine = with_vpn();
  Snapshot snapshot = managed(machine, {entry("eth0", "192.0.2.53", 100)});
  snapshot.dns.network_manager->mode = "systemd-resolved";
  EXPECT_FALSE(network_manager_domains(snapshot));
  snapshot.dns.network_manager = Observed<NetworkManagerDns>::absent("it does not run");
  EXPECT_FALSE(network_manager_domains(snapshot));
}

TEST(DnsmasqExplanation, UnreadConfigurationLeavesLeaksUnknown) {
  DnsmasqInstance instance;
  instance.listens_on = dns_server("127.0.0.1");
  DnsmasqUpstream upstream;
  upstream.server = dns_server("192.0.2.53");
  instance.upstreams = {std::vector{upstream}, "test"};
  const DnsPath path = explain_dnsmasq({}, {"www.example.org", kDnsTypeA, DnsCaller::kDirect, {}}, instance);
  EXPECT_EQ(path.leaks_to, std::nullopt);
  EXPECT_NE(path.uncertain, "");
  ASSERT_EQ(path.asked.size(), 1U);
}

TEST(DnsmasqExplanation, RejectedServersAreCandidatesToo) {
  DnsmasqInstance instance;
  instance.domains_are_known = true;
  DnsmasqUpstream vpn, lan;
  vpn.server = dns_server("10.66.0.1");
  vpn.domains = {"corp.example"};
  lan.server = dns_server("192.0.2.53");
  instance.upstreams = {std::vector{vpn, lan}, "test"};
  const DnsPath path = explain_dnsmasq({}, {"git.corp.example", kDnsTypeA, DnsCaller::kDirect, {}}, instance);
  ASSERT_EQ(path.candidates.size(), 2U);
  EXPECT_TRUE(path.candidates[0].chosen);
  EXPECT_EQ(path.candidates[0].matched_domain, "corp.example");
  EXPECT_FALSE(path.candidates[1].chosen);
  ASSERT_EQ(path.asked.size(), 1U);
  EXPECT_EQ(path.asked[0].server, dns_server("10.66.0.1"));
}

}  // namespace
}  // namespace vpndoctor
