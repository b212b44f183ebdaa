// SPDX-License-Identifier: Apache-2.0
// What systemd-resolved and NetworkManager answer: a reply of systemd 262, cut and hostile ones, D-Bus values by hand.
#include "vpndoctor/resolved_reply.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "unit/golden.h"
#include "vpndoctor/network_manager_reply.h"

namespace vpndoctor {
namespace {

/// The capture is the method's parameters; a reply has them in an object.
std::string reply_262(const std::string& name = "DumpDNSConfiguration.json") {
  std::ifstream file(testing_support::source_file("tests/data/dns/resolved262/" + name));
  std::string parameters((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  while (parameters.ends_with('\n')) parameters.pop_back();
  return R"({"parameters":)" + parameters + "}";
}

std::vector<std::string> texts(const std::vector<DnsServer>& servers) {
  std::vector<std::string> texts;
  for (const DnsServer& server : servers) texts.push_back(server.to_string());
  return texts;
}

BusValue text(std::string value) { return {std::move(value)}; }
BusValue number(std::int64_t value) { return {value}; }
BusValue truth(bool value) { return {value}; }
BusValue list(BusValue::List items) { return {std::move(items)}; }
BusValue property(std::string name, BusValue value) { return list({text(std::move(name)), std::move(value)}); }

TEST(ResolvedReply, DumpOf262HasEveryScopeInOrder) {
  const auto reply = parse_resolved_dump(reply_262());
  ASSERT_TRUE(reply) << reply.error();
  const ResolvedState& state = reply->state;
  EXPECT_EQ(state.resolv_conf_mode, "stub");
  ASSERT_EQ(state.scopes.size(), 5U);
  EXPECT_EQ(state.scopes[0].kind, ResolvedScope::Kind::kGlobal);
  EXPECT_EQ(state.scopes[0].live_protocols, kResolvedDns);
  EXPECT_EQ(state.scopes[0].default_route, std::nullopt);
  EXPECT_EQ(state.scopes[1].interface, "lo");
  EXPECT_EQ(state.scopes[1].live_protocols, 0U);
  EXPECT_EQ(state.scopes[2].interface, "lan0");
  EXPECT_EQ(state.scopes[2].live_protocols, kResolvedDns | kResolvedLlmnrIpv4);
  EXPECT_EQ(state.scopes[2].default_route, true);
  EXPECT_EQ(state.scopes[4].kind, ResolvedScope::Kind::kDelegate);
  EXPECT_EQ(state.scopes[4].delegate, "x");
  EXPECT_TRUE(reply->limits.empty());
  EXPECT_EQ(reply->interfaces, (std::vector<std::pair<int, std::string>>{{1, "lo"}, {2, "lan0"}, {3, "tun9"}}));
}

TEST(ResolvedReply, DumpOf262HasServersAndDomainsOfTheTunnel) {
  const auto reply = parse_resolved_dump(reply_262());
  ASSERT_TRUE(reply) << reply.error();
  const ResolvedScope& tunnel = reply->state.scopes[3];
  EXPECT_EQ(texts(tunnel.servers), (std::vector<std::string>{"10.66.0.1", "fd00:66::1"}));
  EXPECT_EQ(tunnel.servers[0].tls_name, "dns.corp.example");
  EXPECT_EQ(tunnel.current_server, tunnel.servers[0]);
  EXPECT_EQ(tunnel.domains,
            (std::vector<DnsDomain>{{"corp.example", true}, {"vpn.example", false}, {"66.10.in-addr.arpa", true}}));
  EXPECT_EQ(tunnel.default_route, false);
}

TEST(ResolvedReply, DumpOf262NamesTheInterfacesOfLinkLocalServers) {
  const auto reply = parse_resolved_dump(reply_262("zones.json"));
  ASSERT_TRUE(reply) << reply.error();
  EXPECT_TRUE(reply->limits.empty());
  EXPECT_EQ(texts(reply->state.scopes[0].servers), (std::vector<std::string>{"10.9.9.9", "fe80::9%lan0"}));
  EXPECT_EQ(texts(reply->state.fallback_servers), (std::vector<std::string>{"10.8.8.8"}));
  EXPECT_EQ(texts(reply->state.scopes[3].servers),
            (std::vector<std::string>{"10.2.0.1", "fe80::1%tun0", "fd00:2::77"}));
}

TEST(ResolvedReply, DumpCutAnywhereIsAnError) {
  const std::string whole = reply_262();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(parse_resolved_dump(whole.substr(0, length))) << length;
  }
}

TEST(ResolvedReply, ErrorOfTheServiceIsTheReason) {
  const auto reply = parse_resolved_dump(R"({"error":"org.varlink.service.MethodNotFound","parameters":{}})");
  ASSERT_FALSE(reply);
  EXPECT_NE(reply.error().find("MethodNotFound"), std::string::npos);
}

TEST(ResolvedReply, LinkLocalServerHasItsInterfaceAndAnotherHasNone) {
  const auto reply = parse_resolved_dump(
      R"({"parameters":{"configuration":[{"ifname":"tun0","ifindex":3,"servers":[)"
      R"({"addressString":"fe80::1","port":5353},{"addressString":"10.0.0.1"},{"addressString":"nonsense"}]}]}})");
  ASSERT_TRUE(reply) << reply.error();
  EXPECT_EQ(texts(reply->state.scopes[0].servers), (std::vector<std::string>{"[fe80::1%tun0]:5353", "10.0.0.1"}));
  EXPECT_EQ(reply->limits.size(), 1U);
}

TEST(ResolvedReply, DomainWithoutANameIsNotTheRoot) {
  const auto reply = parse_resolved_dump(
      R"({"parameters":{"configuration":[{"ifname":"a","ifindex":3,"searchDomains":[{"routeOnly":true},{"name":"."}]}]}})");
  ASSERT_TRUE(reply) << reply.error();
  EXPECT_EQ(reply->state.scopes[0].domains, (std::vector<DnsDomain>{{".", false}}));
  EXPECT_FALSE(reply->limits.empty());
}

TEST(ResolvedReply, VersionIsTheFirstNumber) {
  EXPECT_EQ(parse_systemd_version("252.39-1~deb12u2"), 252U);
  EXPECT_EQ(parse_systemd_version("systemd 257 (257.13-1~deb13u1)"), 257U);
  EXPECT_EQ(parse_systemd_version("libsystemd-shared-262.1-1.so"), 262U);
  EXPECT_EQ(parse_systemd_version("none"), std::nullopt);
  EXPECT_EQ(parse_systemd_version("99999999999999999999"), std::nullopt);
  EXPECT_EQ(parse_varlink_version(R"x({"parameters":{"version":"262 (262.1-1)"}})x"), 262U);
  EXPECT_EQ(parse_varlink_version(R"({"error":"x"})"), std::nullopt);
}

TEST(ResolvedReply, IndexesOfIntrospectionAreThoseOfSdBus) {
  EXPECT_EQ(
      indexes_in_introspection(R"x(<node><node name="_312"/><node name="_33"/><node name="_3x"/><node name="y"/>)x"),
      (std::vector<int>{3, 12}));
}

TEST(ResolvedReply, ServerOfALinkIsNotGlobalAndOneWithAZoneIs) {
  const std::string inet("\x0a\0\0\x01", 4);
  const std::string other("\x0a\0\0\x02", 4);
  const auto server = [](std::int64_t index, const std::string& address) {
    return list({number(index), number(2), text(address), number(0), text("")});
  };
  const BusValue manager =
      list({property("DNSEx", list({server(3, inet), server(3, other), server(0, inet), list({}), number(7)})),
            property("Domains", list({list({number(0), text("a.example"), truth(true)})}))});
  ResolvedReply reply = read_resolved_manager(manager);
  const BusValue link = list({property("DNSEx", list({list({number(2), text(inet), number(0), text("")})}))});
  reply.state.scopes.push_back(read_resolved_link(link, 3, "tun0"));
  assign_global_servers(reply, manager);
  EXPECT_EQ(texts(reply.state.scopes[0].servers), (std::vector<std::string>{"10.0.0.2", "10.0.0.1"}));
  EXPECT_EQ(reply.state.scopes[0].domains, (std::vector<DnsDomain>{{"a.example", true}}));
  EXPECT_EQ(indexes_in_manager(manager), (std::vector<int>{3}));
}

TEST(ResolvedReply, ValuesOfAnotherTypeAreNotTaken) {
  for (const BusValue& wrong :
       {BusValue{}, text("x"), number(-1), truth(true), list({}), list({number(1), text("y")})}) {
    BusValue::List properties;
    for (const char* name : {"DNSEx", "Domains", "CurrentDNSServerEx", "FallbackDNSEx", "LLMNR", "ResolvConfMode"}) {
      properties.push_back(property(name, wrong));
    }
    const BusValue all = list(properties);
    ResolvedReply reply = read_resolved_manager(all);
    reply.state.scopes.push_back(read_resolved_link(all, 3, "x"));
    assign_global_servers(reply, all);
    EXPECT_TRUE(reply.state.scopes[0].servers.empty());
    EXPECT_TRUE(reply.state.scopes[1].servers.empty());
  }
}

TEST(NetworkManagerReply, EntryHasServersAndDomains) {
  const BusValue entry =
      list({property("nameservers", list({text("10.0.0.1"), text("fe80::1"), text("dns+tls://x")})),
            property("domains", list({text("~corp.example"), text("VPN.example"), text("~"), text("")})),
            property("interface", text("tun0")), property("priority", number(-50)), property("vpn", truth(true))});
  std::vector<std::string> limits;
  const NetworkManagerDns dns =
      read_dns_manager(list({property("Mode", text("dnsmasq")), property("Configuration", list({entry}))}), limits);
  ASSERT_EQ(dns.entries.size(), 1U);
  EXPECT_EQ(texts(dns.entries[0].servers), (std::vector<std::string>{"10.0.0.1", "fe80::1%tun0"}));
  EXPECT_EQ(dns.entries[0].domains,
            (std::vector<DnsDomain>{{"corp.example", true}, {"vpn.example", false}, {".", true}}));
  EXPECT_EQ(dns.entries[0].priority, -50);
  EXPECT_EQ(limits.size(), 1U);
}

TEST(NetworkManagerReply, WildcardComesFromTheConfigurationOfTheSameEntry) {
  NetworkManagerDns told;
  for (const char* interface : {"eth0", "tun0"}) {
    NetworkManagerDnsEntry entry;
    entry.interface = interface;
    entry.vpn = entry.interface == "tun0";
    entry.servers = {*DnsServer::parse("10.0.0.1")};
    entry.domains = {{"corp.example", true}};
    entry.priority = 50;
    told.entries.push_back(entry);
  }
  const auto configuration = [](std::vector<BusValue> searches, int priority) {
    return list({property("Searches", list(std::move(searches))), property("Domains", list({text("~")})),
                 property("DnsPriority", number(priority))});
  };
  const auto wildcards = [&](const std::string& interface, Family family, const BusValue& ip_configuration) {
    NetworkManagerDns dns = told;
    add_wildcard_domain(dns, interface, family, ip_configuration);
    std::string found;
    for (const NetworkManagerDnsEntry& entry : dns.entries) {
      if (entry.domains.size() == 2 && entry.domains[1] == DnsDomain{".", true}) found += entry.interface;
    }
    return found;
  };
  const BusValue full = configuration({text("~corp.example"), text("~")}, 50);
  EXPECT_EQ(wildcards("eth0", Family::kInet, full), "eth0");
  EXPECT_EQ(wildcards("", Family::kInet, full), "tun0");
  EXPECT_EQ(wildcards("eth0", Family::kInet6, full), "");
  EXPECT_EQ(wildcards("eth0", Family::kInet, configuration({text("~corp.example"), text("~")}, 100)), "");
  EXPECT_EQ(wildcards("eth0", Family::kInet, configuration({text("~other.example"), text("~")}, 50)), "");
  // Domains count only where there are no searches.
  EXPECT_EQ(wildcards("eth0", Family::kInet, configuration({text("~corp.example")}, 50)), "");
}

}  // namespace
}  // namespace vpndoctor
