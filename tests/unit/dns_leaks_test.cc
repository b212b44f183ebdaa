// SPDX-License-Identifier: Apache-2.0
// Which asked servers are a leak: by the scopes of tunnels, live or not, and by full coverage.
#include "dns_leaks.h"

#include <gtest/gtest.h>

#include "unit/dns_machine.h"
#include "unit/machine.h"

namespace vpndoctor {
namespace {

using namespace testing_support;
using Servers = std::vector<std::string>;

constexpr const char* kLan = "192.0.2.53";
constexpr const char* kVpn = "10.66.0.1";

class Leaks : public ::testing::Test {
 protected:
  Leaks() : machine_(Machine::ordinary()) { machine_.tun("tun0").address("tun0", "10.66.0.2/24"); }

  /// The leaks of a path that asks these servers for a name.
  std::optional<Servers> leaks(const std::vector<const char*>& asked, const std::string& name = "git.corp.example") {
    if (!network_) network_ = machine_.snapshot();  // which gives its routes away
    Snapshot snapshot = *network_;
    snapshot.dns = dns_;
    DnsPath path;
    for (const char* server : asked) {
      DnsQuery query;
      query.server = dns_server(server);
      query.name = name;
      path.asked.push_back(query);
    }
    find_dns_leaks(DnsGround(snapshot), path);
    return path.leaks_to;
  }
  void scopes(const std::vector<ResolvedScope>& links) { dns_.resolved = {resolved_of(links), "test"}; }

  Machine machine_;
  std::optional<Snapshot> network_;
  DnsConfiguration dns_;
};

TEST_F(Leaks, NothingIsClaimedWithoutAScopeOrADefaultInTheTunnel) { EXPECT_EQ(leaks({kLan, kVpn}), Servers{}); }

TEST_F(Leaks, NameOfATunnelsScopeLeaksToOthers) {
  scopes({link_scope("tun0", {kVpn}, {"~corp.example"}, false)});
  EXPECT_EQ(leaks({kLan}), Servers{kLan});
  EXPECT_EQ(leaks({kVpn}), Servers{});
  EXPECT_EQ(leaks({kVpn, kLan, kLan}), Servers{kLan});
  EXPECT_EQ(leaks({kLan}, "www.example.org"), Servers{});
  EXPECT_EQ(leaks({kLan}, "xcorp.example"), Servers{});
}

TEST_F(Leaks, InertScopeClaimsItsNamesAsWell) {
  scopes({link_scope("tun0", {kVpn}, {"~corp.example"}, false, 0)});
  EXPECT_EQ(leaks({kLan}), Servers{kLan});
}

TEST_F(Leaks, LongerDomainOfAnotherScopeTakesTheName) {
  scopes({link_scope("tun0", {kVpn}, {"~."}, true), link_scope("eth0", {kLan}, {"home.lan"}, false)});
  EXPECT_EQ(leaks({kLan}, "nas.home.lan"), Servers{});
  EXPECT_EQ(leaks({kLan}, "www.example.org"), Servers{kLan});
}

TEST_F(Leaks, SameDomainOnBothLinksLeaks) {
  scopes({link_scope("tun0", {kVpn}, {"~corp.example"}, false), link_scope("eth0", {kLan}, {"~corp.example"}, false)});
  EXPECT_EQ(leaks({kVpn, kLan}), Servers{kLan});
}

TEST_F(Leaks, FullCoverageClaimsEveryName) {
  machine_.route({"0.0.0.0/1", "tun0"}).route({"128.0.0.0/1", "tun0"});
  EXPECT_EQ(leaks({kLan}, "www.example.org"), Servers{kLan});
  EXPECT_EQ(leaks({"198.51.100.1"}, "www.example.org"), Servers{});
}

TEST_F(Leaks, WireGuardsRuleIsFullCoverage) {
  Rule rule;
  rule.priority = 32764;
  rule.mark = 0xca6c;
  rule.mark_mask = 0xffffffff;
  rule.inverted = true;
  rule.table = 51820;
  machine_.rule(rule).route({"default", "tun0", "", 0, 51820});
  Rule suppressed;
  suppressed.priority = 32763;
  suppressed.table = kTableMain;
  suppressed.suppress_prefix_length = 0;
  machine_.rule(suppressed);
  EXPECT_EQ(leaks({"198.51.100.1"}, "www.example.org"), Servers{});
  EXPECT_EQ(leaks({kLan}, "www.example.org"), Servers{kLan});
  EXPECT_EQ(leaks({"2001:db8:1::53"}, "www.example.org"), Servers{"2001:db8:1::53"});
}

TEST_F(Leaks, TunnelThatTakesIpv6AloneClaimsItsServersAlone) {
  machine_.route({"2000::/3", "tun0"});
  EXPECT_EQ(leaks({kLan, "2001:db8:1::53"}, "www.example.org"), Servers{"2001:db8:1::53"});
}

TEST_F(Leaks, UnreachableServerLeaksNothing) {
  scopes({link_scope("tun0", {kVpn}, {"~corp.example"}, false)});
  machine_ = Machine();
  machine_.tun("tun0").address("tun0", "10.66.0.2/24");
  EXPECT_EQ(leaks({kLan}), Servers{});
}

TEST_F(Leaks, DnsmasqsServerInTheTunnelClaimsItsDomain) {
  DnsmasqUpstream upstream;
  upstream.server = dns_server(kVpn);
  upstream.domains = {"corp.example"};
  DnsmasqInstance instance;
  instance.upstreams = {std::vector{upstream}, "test"};
  dns_.dnsmasq = {std::vector{instance}, "test"};
  EXPECT_EQ(leaks({kLan}), Servers{kLan});
  EXPECT_EQ(leaks({kLan}, "www.example.org"), Servers{});
}

TEST_F(Leaks, MissingRoutesAreUnknownAndNotNone) {
  scopes({link_scope("tun0", {kVpn}, {"~corp.example"}, false)});
  Snapshot snapshot = machine_.snapshot();
  snapshot.dns = dns_;
  snapshot.routes = Observed<RouteTable>::missing("they were not saved");
  DnsPath path;
  path.asked.emplace_back().server = dns_server(kLan);
  path.asked[0].name = "git.corp.example";
  find_dns_leaks(DnsGround(snapshot), path);
  EXPECT_EQ(path.leaks_to, std::nullopt);
  EXPECT_EQ(path.why_leaks_unknown, "the routes are not known: they were not saved");
}

}  // namespace
}  // namespace vpndoctor
