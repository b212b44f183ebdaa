// SPDX-License-Identifier: Apache-2.0
// The resolver configuration in one shape: which model libc programs meet, which scopes there are and which are live.
#include "vpndoctor/dns_overview.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "dns_machine.h"
#include "machine.h"

namespace vpndoctor {
namespace {

using testing_support::dns_domain;
using testing_support::dns_server;
using testing_support::link_scope;
using testing_support::Machine;
using testing_support::name_service_switch_of;
using testing_support::resolv_conf_of;
using testing_support::seen;
using testing_support::vpn_machine;

DnsmasqInstance dnsmasq_on(const char* address, bool managed, std::vector<DnsmasqUpstream> upstreams) {
  DnsmasqInstance instance;
  instance.listens_on = dns_server(address);
  instance.belongs_to_network_manager = managed;
  instance.upstreams = seen(std::move(upstreams));
  instance.domains_are_known = true;
  return instance;
}

DnsmasqUpstream upstream(const char* server, std::vector<std::string> domains, const char* interface = "") {
  return {dns_server(server), interface, std::move(domains), std::nullopt, std::nullopt};
}

const DnsScopeView& scope_of(const DnsOverview& overview, std::string_view id) {
  static const DnsScopeView kNone;
  const auto scope = std::ranges::find(overview.scopes, id, &DnsScopeView::id);
  EXPECT_NE(scope, overview.scopes.end()) << id;
  return scope == overview.scopes.end() ? kNone : *scope;
}

TEST(DnsOverview, ResolveBeforeDnsIsSystemdResolvedWhateverResolvConfSays) {
  Snapshot snapshot = vpn_machine();
  snapshot.dns.resolv_conf = seen(resolv_conf_of({"192.0.2.1"}));
  EXPECT_EQ(overview_of_dns(snapshot).model, DnsModel::kResolved);
  snapshot.dns.name_service_switch = seen(name_service_switch_of({"files", "dns", "resolve"}));
  EXPECT_EQ(overview_of_dns(snapshot).model, DnsModel::kResolvConf);
}

TEST(DnsOverview, ANssModuleThatIsNotInstalledAsksNobody) {
  Snapshot snapshot = vpn_machine();
  snapshot.dns.resolv_conf = seen(resolv_conf_of({"192.0.2.1"}));
  snapshot.dns.name_service_switch->hosts[1].is_installed = false;
  EXPECT_EQ(overview_of_dns(snapshot).model, DnsModel::kResolvConf);
}

TEST(DnsOverview, TheStubLeadsToSystemdResolvedOnlyWhileItRuns) {
  Snapshot snapshot = vpn_machine();
  snapshot.dns.name_service_switch = seen(name_service_switch_of({"files", "dns"}));
  EXPECT_EQ(overview_of_dns(snapshot).model, DnsModel::kResolved);
  snapshot.dns.resolved->runs = false;
  EXPECT_EQ(overview_of_dns(snapshot).model, DnsModel::kResolvConf);
  snapshot.dns.resolved = Observed<ResolvedState>::absent("systemd-resolved does not run");
  EXPECT_EQ(overview_of_dns(snapshot).model, DnsModel::kResolvConf);
}

TEST(DnsOverview, TheFirstServerDecidesBetweenForwarders) {
  Snapshot snapshot = vpn_machine();
  snapshot.dns.resolved = Observed<ResolvedState>::absent("systemd-resolved does not run");
  snapshot.dns.resolv_conf = seen(resolv_conf_of({"127.0.0.1", "192.0.2.1"}));
  snapshot.dns.dnsmasq = seen(std::vector{dnsmasq_on("127.0.0.1", false, {upstream("192.0.2.1", {})})});
  EXPECT_EQ(overview_of_dns(snapshot).model, DnsModel::kDnsmasq);
  snapshot.dns.dnsmasq->front().belongs_to_network_manager = true;
  EXPECT_EQ(overview_of_dns(snapshot).model, DnsModel::kNetworkManagerDnsmasq);
  snapshot.dns.resolv_conf = seen(resolv_conf_of({"192.0.2.1", "127.0.0.1"}));
  EXPECT_EQ(overview_of_dns(snapshot).model, DnsModel::kResolvConf);
}

TEST(DnsOverview, NetworkManagersWordIsEnoughForItsDnsmasq) {
  Snapshot snapshot = vpn_machine();
  snapshot.dns.resolved = Observed<ResolvedState>::absent("systemd-resolved does not run");
  snapshot.dns.resolv_conf = seen(resolv_conf_of({"127.0.0.1"}));
  EXPECT_EQ(overview_of_dns(snapshot).model, DnsModel::kResolvConf);
  NetworkManagerDns network_manager;
  network_manager.mode = "dnsmasq";
  network_manager.entries = {{"tun0", {dns_server("10.66.0.1")}, {dns_domain("~corp.example")}, 50, true}};
  snapshot.dns.network_manager = seen(network_manager);
  const DnsOverview overview = overview_of_dns(snapshot);
  EXPECT_EQ(overview.model, DnsModel::kNetworkManagerDnsmasq);
  EXPECT_EQ(scope_of(overview, "tun0").live, std::nullopt);
  EXPECT_FALSE(scope_of(overview, "tun0").why_not_live.empty());
}

TEST(DnsOverview, WithoutAnySourceTheModelIsNotKnown) {
  Snapshot snapshot;
  snapshot.dns.resolv_conf = Observed<ResolvConf>::missing("it may not be read");
  const DnsOverview overview = overview_of_dns(snapshot);
  EXPECT_EQ(overview.model, DnsModel::kUnknown);
  EXPECT_EQ(overview.why_unknown, "it may not be read");
  EXPECT_TRUE(overview.scopes.empty());
  EXPECT_FALSE(overview.owner);
}

TEST(DnsOverview, WhoAnswersIsNotKnownWhileSystemdResolvedIsSilent) {
  Snapshot snapshot = vpn_machine();
  snapshot.dns.resolved = Observed<ResolvedState>::missing("it did not answer within 1 s");
  EXPECT_EQ(overview_of_dns(snapshot).model, DnsModel::kUnknown);
  EXPECT_EQ(overview_of_dns(snapshot).why_unknown, "it did not answer within 1 s");
  snapshot.dns.name_service_switch = seen(name_service_switch_of({"files", "dns"}));
  EXPECT_EQ(overview_of_dns(snapshot).model, DnsModel::kResolvConf);
}

TEST(DnsOverview, ConfiguredIsToldFromLive) {
  Snapshot snapshot = vpn_machine();
  snapshot.dns.resolved->scopes[2].live_protocols = 0;
  const DnsOverview overview = overview_of_dns(snapshot);
  EXPECT_EQ(scope_of(overview, "eth0").live, true);
  EXPECT_EQ(scope_of(overview, "eth0").why_not_live, "");
  EXPECT_EQ(scope_of(overview, "eth0").is_tunnel, false);
  EXPECT_EQ(scope_of(overview, "tun0").live, false);
  EXPECT_NE(scope_of(overview, "tun0").why_not_live, "");
  EXPECT_EQ(scope_of(overview, "tun0").is_tunnel, true);
  EXPECT_EQ(scope_of(overview, "tun0").servers, (std::vector{dns_server("10.66.0.1"), dns_server("10.66.0.9")}));
  EXPECT_TRUE(scope_of(overview, "tun0").protocols.empty());
}

TEST(DnsOverview, AScopeWhoseLinkIsDeadSaysSo) {
  EXPECT_NE(scope_of(overview_of_dns(vpn_machine(false)), "tun0").why_not_live.find("carrier"), std::string::npos);
}

TEST(DnsOverview, ALinkThatOnlySpeaksLlmnrIsLive) {
  Snapshot snapshot = vpn_machine();
  snapshot.dns.resolved->scopes.push_back(link_scope("docker0", {}, {}, false, kResolvedLlmnrIpv4));
  snapshot.dns.resolved->scopes.push_back(link_scope("lo", {}, {}, false, 0));
  const DnsOverview overview = overview_of_dns(snapshot);
  EXPECT_EQ(scope_of(overview, "docker0").live, true);
  EXPECT_EQ(scope_of(overview, "docker0").protocols, std::vector<std::string>{"llmnr"});
  EXPECT_EQ(std::ranges::count(overview.scopes, "lo", &DnsScopeView::id), 0);
}

TEST(DnsOverview, WhatTheLinksDecideIsNotKnownWithoutThem) {
  Snapshot snapshot = vpn_machine();
  snapshot.dns.resolved->scopes[2].live_protocols = std::nullopt;
  EXPECT_EQ(scope_of(overview_of_dns(snapshot), "tun0").live, true);
  snapshot.addresses = Observed<std::vector<Address>>::missing("nobody looked");
  EXPECT_EQ(scope_of(overview_of_dns(snapshot), "tun0").live, std::nullopt);
  snapshot.links = Observed<std::vector<Link>>::missing("nobody looked");
  EXPECT_EQ(scope_of(overview_of_dns(snapshot), "tun0").live, std::nullopt);
  EXPECT_NE(scope_of(overview_of_dns(snapshot), "tun0").why_not_live.find("nobody looked"), std::string::npos);
  EXPECT_EQ(scope_of(overview_of_dns(snapshot), "eth0").live, true);
}

TEST(DnsOverview, ALoopbackServerWhereNobodyListensIsNotLive) {
  Snapshot snapshot = vpn_machine();
  snapshot.dns.resolved = Observed<ResolvedState>::absent("systemd-resolved does not run");
  EXPECT_EQ(scope_of(overview_of_dns(snapshot), "resolv.conf").live, true);
  snapshot.dns.listeners = seen(std::vector<DnsListener>{});
  EXPECT_EQ(scope_of(overview_of_dns(snapshot), "resolv.conf").live, false);
  snapshot.dns.listeners->push_back({dns_server("0.0.0.0"), "unbound", 77});
  EXPECT_EQ(scope_of(overview_of_dns(snapshot), "resolv.conf").live, true);
  snapshot.dns.listeners->clear();
  snapshot.dns.listeners.add_limit("some could not be read");
  EXPECT_EQ(scope_of(overview_of_dns(snapshot), "resolv.conf").live, true);
}

TEST(DnsOverview, SystemdResolvedBesideAnotherModelIsShownApart) {
  Snapshot snapshot = vpn_machine();
  snapshot.dns.name_service_switch = seen(name_service_switch_of({"files", "dns"}));
  snapshot.dns.resolv_conf = seen(resolv_conf_of({"192.0.2.1"}));
  const DnsOverview overview = overview_of_dns(snapshot);
  ASSERT_EQ(overview.scopes.size(), 3U);
  EXPECT_EQ(overview.scopes[0].id, "resolv.conf");
  EXPECT_EQ(overview.scopes[1].id, "systemd-resolved eth0");
}

TEST(DnsOverview, AnEntryOfNetworkManagerIsOneScopeOfBothFamilies) {
  Snapshot snapshot = vpn_machine();
  snapshot.dns.resolved = Observed<ResolvedState>::absent("systemd-resolved does not run");
  snapshot.dns.resolv_conf = seen(resolv_conf_of({"127.0.0.1"}));
  NetworkManagerDns network_manager;
  network_manager.mode = "dnsmasq";
  network_manager.entries = {{"tun0", {dns_server("10.66.0.1")}, {dns_domain("~corp.example")}, 50, true},
                             {"tun0", {dns_server("fd00:66::1")}, {dns_domain("~corp.example")}, 50, true},
                             {"eth0", {dns_server("192.0.2.1")}, {dns_domain("home.lan")}, 100, false},
                             {"wlan0", {dns_server("192.0.2.9")}, {}, 600, false}};
  snapshot.dns.network_manager = seen(network_manager);
  snapshot.dns.dnsmasq =
      seen(std::vector{dnsmasq_on("127.0.0.1", true,
                                  {upstream("10.66.0.1", {"corp.example"}, "tun0"), upstream("192.0.2.1", {}, "eth0"),
                                   upstream("9.9.9.9", {"quad.example"})})});
  const DnsOverview overview = overview_of_dns(snapshot);
  EXPECT_EQ(scope_of(overview, "tun0").servers.size(), 2U);
  EXPECT_EQ(scope_of(overview, "tun0").domains.size(), 1U);
  EXPECT_EQ(scope_of(overview, "tun0").default_route, false);
  EXPECT_EQ(scope_of(overview, "eth0").default_route, true);
  EXPECT_EQ(scope_of(overview, "eth0").live, true);
  EXPECT_EQ(scope_of(overview, "wlan0").live, false);
  EXPECT_EQ(scope_of(overview, "dnsmasq quad.example").servers, std::vector{dns_server("9.9.9.9")});
}

TEST(DnsOverview, UpstreamsOfTheSameDomainsAreOneScope) {
  Snapshot snapshot = vpn_machine();
  snapshot.dns.resolved = Observed<ResolvedState>::absent("systemd-resolved does not run");
  snapshot.dns.resolv_conf = seen(resolv_conf_of({"127.0.0.1"}));
  snapshot.dns.dnsmasq = seen(std::vector{dnsmasq_on(
      "127.0.0.1", false,
      {upstream("192.0.2.1", {}), upstream("192.0.2.9", {}), upstream("10.66.0.1", {"corp.example"}, "tun0")})});
  const DnsOverview overview = overview_of_dns(snapshot);
  ASSERT_EQ(overview.scopes.size(), 2U);
  EXPECT_EQ(scope_of(overview, "dnsmasq").servers.size(), 2U);
  EXPECT_EQ(scope_of(overview, "dnsmasq").default_route, true);
  EXPECT_EQ(scope_of(overview, "dnsmasq corp.example tun0").is_tunnel, true);
  snapshot.dns.dnsmasq->front().upstreams = Observed<std::vector<DnsmasqUpstream>>::missing("it does not tell");
  EXPECT_EQ(scope_of(overview_of_dns(snapshot), "dnsmasq").live, std::nullopt);
}

TEST(DnsOverview, MacosResolversKeepTheirSectionsApart) {
  Snapshot snapshot;
  snapshot.platform = Platform::kMacos;
  EXPECT_EQ(overview_of_dns(snapshot).model, DnsModel::kUnknown);
  MacosDns macos;
  for (const auto section : {MacosResolver::Section::kUnscoped, MacosResolver::Section::kScoped}) {
    MacosResolver resolver;
    resolver.section = section;
    resolver.number = 1;
    resolver.servers = {dns_server("192.0.2.1")};
    resolver.reach = {"Reachable"};
    macos.resolvers.push_back(resolver);
  }
  macos.resolvers[1].reach = {"Not Reachable"};
  MacosResolver corporate = macos.resolvers[0];
  corporate.number = 2;
  corporate.domain = "corp.example";
  corporate.interface_index = 12;
  macos.resolvers.push_back(corporate);
  MacosResolver multicast;
  multicast.number = 3;
  multicast.domain = "local";
  multicast.options = "mdns";
  multicast.reach = {"Not Reachable"};
  macos.resolvers.push_back(multicast);
  snapshot.dns.macos = seen(macos);
  const DnsOverview overview = overview_of_dns(snapshot);
  EXPECT_EQ(overview.model, DnsModel::kMacos);
  EXPECT_EQ(scope_of(overview, "resolver #1").default_route, true);
  EXPECT_EQ(scope_of(overview, "resolver #1").live, true);
  EXPECT_EQ(scope_of(overview, "scoped resolver #1").live, false);
  EXPECT_EQ(scope_of(overview, "scoped resolver #1").default_route, std::nullopt);
  EXPECT_EQ(scope_of(overview, "resolver #2").why_not_live, "its interface is gone");
  EXPECT_EQ(scope_of(overview, "resolver #3").live, true);
  EXPECT_EQ(scope_of(overview, "resolver #3").protocols, std::vector<std::string>{"mdns"});
  EXPECT_EQ(scope_of(overview, "resolver #2").domains, std::vector{dns_domain("~corp.example")});
}

TEST(DnsOverview, IdsAreUnique) {
  Snapshot snapshot = vpn_machine();
  for (int i = 0; i < 3; ++i) snapshot.dns.resolved->scopes.push_back(link_scope("tun0", {"10.66.0.9"}, {}, false));
  snapshot.dns.resolved->scopes.push_back(link_scope("tun0 #2", {"10.66.0.9"}, {}, false));
  std::set<std::string> ids;
  const DnsOverview overview = overview_of_dns(snapshot);
  for (const DnsScopeView& scope : overview.scopes) ids.insert(scope.id);
  EXPECT_EQ(ids.size(), overview.scopes.size());
}

}  // namespace
}  // namespace vpndoctor
