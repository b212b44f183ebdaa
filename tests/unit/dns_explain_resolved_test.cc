// SPDX-License-Identifier: Apache-2.0
// The model of systemd-resolved: what was measured with two answering servers on systemd 252 and 262, and the rules of
// dns_scope_good_domain() one by one. tests/dns compares the model with the daemon itself.
#include <gtest/gtest.h>

#include <functional>

#include "resolved_machine.h"

namespace vpndoctor {
namespace {

using namespace testing_support;
using Asked = std::set<std::string>;

std::string at_lan(const std::string& name) { return std::string(kLanServer) + " " + name; }
std::string at_tunnel(const std::string& name) { return std::string(kTunnelServer) + " " + name; }

struct Measured {
  std::string what;
  std::vector<const char*> lan_domains;
  std::vector<const char*> tunnel_domains;
  std::string name;
  Asked asked;
};

TEST(ResolvedRouting, AsksWhomTheDaemonWasSeenToAsk) {
  const std::string www = "www.example.org";
  const std::vector<Measured> table = {
      {"no domains", {}, {}, www, {at_lan(www), at_tunnel(www)}},
      {"root on the tunnel", {}, {"~."}, www, {at_tunnel(www)}},
      {"the longer domain wins over the root", {"home.lan"}, {"~."}, "nas.home.lan", {at_lan("nas.home.lan")}},
      {"root on both", {"~."}, {"~."}, www, {at_lan(www), at_tunnel(www)}},
      {"one domain on both",
       {"~corp.example"},
       {"~corp.example"},
       "a.corp.example",
       {at_lan("a.corp.example"), at_tunnel("a.corp.example")}},
      {"route-only on both takes nothing else", {"~corp.example"}, {"~corp.example"}, www, {}},
      {"nested, below the longer one", {"example"}, {"~corp.example"}, "a.corp.example", {at_tunnel("a.corp.example")}},
      {"nested, below the shorter one", {"example"}, {"~corp.example"}, "b.example", {at_lan("b.example")}},
      {"not a label's end", {"example"}, {"~corp.example"}, "notcorp.example", {at_lan("notcorp.example")}},
      {"the domain itself", {}, {"~corp.example"}, "corp.example", {at_tunnel("corp.example")}},
      {"local is claimed", {}, {"~local"}, "x.local", {at_tunnel("x.local")}},
      {"local is not claimed", {}, {"~corp.example"}, "x.local", {}},
  };
  for (const auto& row : table) {
    const auto snapshot = with_scopes(
        {scope_of("lan0", {kLanServer}, row.lan_domains), scope_of("tun9", {kTunnelServer}, row.tunnel_domains)});
    for (const bool through_stub : {true, false}) {
      const DnsPath path = resolve(snapshot, row.name, {.through_stub = through_stub});
      EXPECT_EQ(asked_at_once(path), row.asked) << row.what;
      EXPECT_EQ(path.parallel, row.asked.size() > 1) << row.what;
      EXPECT_EQ(path.uncertain, "") << row.what;
    }
  }
}

TEST(ResolvedRouting, AppendsEachLinksOwnSearchDomainToASingleLabel) {
  const auto snapshot = with_scopes(
      {scope_of("lan0", {kLanServer}, {"home.lan"}), scope_of("tun9", {kTunnelServer}, {"corp.example", "~."})});
  EXPECT_EQ(asked_at_once(resolve(snapshot, "nas", {.through_stub = false})),
            Asked({at_lan("nas.home.lan"), at_tunnel("nas.corp.example")}));
}

TEST(ResolvedRouting, StubAppendsNothingToASingleLabel) {
  const auto snapshot = with_scopes({scope_of("lan0", {kLanServer}, {"home.lan"})});
  const DnsPath path = resolve(snapshot, "nas");
  EXPECT_EQ(path.asked.size(), 0U);
  EXPECT_EQ(path.notes.size(), 2U);
  EXPECT_TRUE(candidate_of(path, "lan0")->chosen);
  EXPECT_EQ(asked_at_once(resolve(snapshot, "nas", {.type = kDnsTypeMx})), Asked({at_lan("nas")}))
      << "other types than addresses are asked as they are";
}

TEST(ResolvedRouting, DotAtTheEndTurnsTheSearchOff) {
  const auto snapshot = with_scopes({scope_of("lan0", {kLanServer}, {"home.lan"})});
  EXPECT_EQ(resolve(snapshot, "nas.", {.through_stub = false}).asked.size(), 0U);
}

TEST(ResolvedRouting, TriesSearchDomainsInOrderAndOnlyWhenTheFormerFailed) {
  const auto snapshot = with_scopes({scope_of("lan0", {kLanServer}, {"a.example", "~route.example", "b.example"})});
  const DnsPath path = resolve(snapshot, "nas", {.through_stub = false});
  ASSERT_EQ(path.asked.size(), 2U);
  EXPECT_EQ(path.asked[0].name, "nas.a.example");
  EXPECT_EQ(path.asked[0].only_if, "");
  EXPECT_EQ(path.asked[1].name, "nas.b.example");
  EXPECT_EQ(path.asked[1].only_if, "nas.a.example does not exist, or no server answers");
  EXPECT_FALSE(path.parallel);
}

TEST(ResolvedRouting, SingleLabelIsAskedAsItIsWhenThatIsSet) {
  auto snapshot = with_scopes({scope_of("lan0", {kLanServer})});
  EXPECT_EQ(resolve(snapshot, "nas").asked.size(), 0U);
  snapshot.dns.resolved->settings->resolve_single_label = true;
  EXPECT_EQ(asked_at_once(resolve(snapshot, "nas")), Asked({at_lan("nas")}));
}

TEST(ResolvedRouting, CurrentServerIsAskedFirst) {
  ResolvedScope scope = scope_of("lan0", {"192.0.2.1", "192.0.2.2", "192.0.2.3"});
  scope.current_server = dns_server("192.0.2.2");
  const DnsPath path = resolve(with_scopes({scope}), "www.example.org");
  ASSERT_EQ(path.asked.size(), 3U);
  EXPECT_EQ(path.asked[0].server->to_string(), "192.0.2.2");
  EXPECT_EQ(path.asked[1].server->to_string(), "192.0.2.3");
  EXPECT_EQ(path.asked[1].only_if, "192.0.2.2 does not answer");
  EXPECT_EQ(path.answered_by, "192.0.2.2");
}

TEST(ResolvedRouting, TunnelThatIsNotLiveLosesItsNamesToTheLan) {
  const std::vector<std::pair<std::string, std::function<void(Snapshot&)>>> ends = {
      {"down", [](Snapshot& s) { (*s.links)[1].flags = 0; }},
      {"carrier", [](Snapshot& s) { (*s.links)[1].flags &= ~static_cast<std::uint32_t>(kLinkLowerUp); }},
      {"lower layer down", [](Snapshot& s) { (*s.links)[1].operational_state = 7; }},
      {"dormant", [](Snapshot& s) { (*s.links)[1].flags |= 1U << 17U; }},
      {"loopback", [](Snapshot& s) { (*s.links)[1].flags |= kLinkLoopback; }},
      {"deleted", [](Snapshot& s) { s.links->pop_back(); }},
      {"no address", [](Snapshot& s) { s.addresses->pop_back(); }},
      {"tentative", [](Snapshot& s) { s.addresses->back().flags = kAddressTentative; }},
      {"deprecated", [](Snapshot& s) { s.addresses->back().flags = kAddressDeprecated; }},
      {"link-local", [](Snapshot& s) { s.addresses->back() = resolved_address("tun9", "169.254.1.1", 16); }},
      {"networkd", [](Snapshot& s) { s.dns.resolved->scopes[2].networkd_state = "off"; }},
      {"daemon", [](Snapshot& s) { s.dns.resolved->scopes[2].live_protocols = 0; }},
  };
  for (const auto& [what, end] : ends) {
    auto snapshot = with_scopes({scope_of("lan0", {kLanServer}), scope_of("tun9", {kTunnelServer}, {"~corp.example"})});
    EXPECT_EQ(asked_at_once(resolve(snapshot, "a.corp.example")), Asked({at_tunnel("a.corp.example")}));
    end(snapshot);
    const DnsPath path = resolve(snapshot, "a.corp.example");
    EXPECT_EQ(asked_at_once(path), Asked({at_lan("a.corp.example")})) << what;
    EXPECT_TRUE(candidate_of(path, "tun9")->rule.starts_with("it is not live: ")) << what;
  }
}

TEST(ResolvedRouting, LinkLocalAddressIsEnoughForALinkLocalServer) {
  auto snapshot = with_scopes({scope_of("tun9", {"fe80::1"}, {"~."})});
  snapshot.addresses->back() = resolved_address("tun9", "fe80::2", 64);
  EXPECT_EQ(asked_at_once(resolve(snapshot, "www.example.org")), Asked({"fe80::1 www.example.org"}));
}

TEST(ResolvedRouting, DaemonsWordCountsWhereTheLinkSaysOtherwise) {
  ResolvedScope scope = scope_of("tun9", {kTunnelServer}, {"~corp.example"});
  scope.live_protocols = kResolvedDns;
  auto snapshot = with_scopes({scope_of("lan0", {kLanServer}), scope});
  snapshot.addresses->pop_back();  // 252 keeps the scope when an address goes
  EXPECT_EQ(asked_at_once(resolve(snapshot, "a.corp.example")), Asked({at_tunnel("a.corp.example")}));
}

TEST(ResolvedRouting, DefaultRouteIsExplicitOrNoRouteOnlyDomain) {
  const std::string www = "www.example.org";
  const auto asked = [&](std::vector<const char*> domains, std::optional<bool> setting) {
    ResolvedScope scope = scope_of("tun9", {kTunnelServer}, domains);
    scope.default_route = setting;
    return !resolve(with_scopes({scope}), www).asked.empty();
  };
  EXPECT_TRUE(asked({}, std::nullopt));
  EXPECT_TRUE(asked({"corp.example"}, std::nullopt));
  EXPECT_FALSE(asked({"~corp.example"}, std::nullopt));
  EXPECT_TRUE(asked({"~corp.example"}, true));
  EXPECT_FALSE(asked({"corp.example"}, false));
  EXPECT_TRUE(asked({"~corp.example", "~."}, false));
}

TEST(ResolvedRouting, GlobalServersTakeWhatNobodyClaims) {
  auto snapshot = with_scopes({scope_of("tun9", {kTunnelServer}, {"~corp.example"})});
  snapshot.dns.resolved->scopes[0].servers = {dns_server("192.0.2.9")};
  EXPECT_EQ(asked_at_once(resolve(snapshot, "www.example.org")), Asked({"192.0.2.9 www.example.org"}));
  EXPECT_EQ(asked_at_once(resolve(snapshot, "a.corp.example")), Asked({at_tunnel("a.corp.example")}));
  snapshot.dns.resolved->scopes[0].domains = {dns_domain("corp.example")};
  EXPECT_EQ(asked_at_once(resolve(snapshot, "a.corp.example")),
            Asked({at_tunnel("a.corp.example"), "192.0.2.9 a.corp.example"}));
}

TEST(ResolvedRouting, GlobalServersAreSilentWithoutARoutableLink) {
  auto snapshot = with_scopes({});
  snapshot.dns.resolved->scopes[0].servers = {dns_server("192.0.2.9")};
  EXPECT_EQ(resolve(snapshot, "www.example.org").asked.size(), 1U);
  snapshot.addresses->clear();
  const DnsPath path = resolve(snapshot, "www.example.org");
  EXPECT_EQ(path.asked.size(), 0U);
  EXPECT_TRUE(candidate_of(path, "global")->chosen);
}

TEST(ResolvedRouting, DelegateTakesItsDomains) {
  auto snapshot = with_scopes({scope_of("lan0", {kLanServer})}, 262);
  ResolvedScope delegate;
  delegate.kind = ResolvedScope::Kind::kDelegate;
  delegate.delegate = "corp";
  delegate.servers = {dns_server("10.66.0.9")};
  delegate.domains = {dns_domain("~deleg.example")};
  snapshot.dns.resolved->scopes.push_back(delegate);
  const DnsPath path = resolve(snapshot, "q.deleg.example");
  EXPECT_EQ(asked_at_once(path), Asked({"10.66.0.9 q.deleg.example"}));
  EXPECT_TRUE(candidate_of(path, "delegate corp")->chosen);
  snapshot.dns.resolved->scopes.back().domains.clear();
  EXPECT_EQ(asked_at_once(resolve(snapshot, "www.example.org")), Asked({at_lan("www.example.org")}))
      << "it is no default route unless that is set";
}

TEST(ResolvedRouting, PinnedQuestionAsksThatLinkAlone) {
  const auto snapshot = with_scopes({scope_of("lan0", {kLanServer}), scope_of("tun9", {kTunnelServer}, {"~."})});
  EXPECT_EQ(asked_at_once(resolve(snapshot, "www.example.org", {.through_stub = false, .pinned = "lan0"})),
            Asked({at_lan("www.example.org")}));
}

TEST(ResolvedRouting, ServerThatTheRoutesReachOverAnotherLinkIsNoted) {
  auto snapshot = with_scopes({scope_of("tun9", {"192.0.2.53"}, {"~."})});
  RouteTable table;
  table.next_hop_sets = {{}, {}};
  table.next_hop_sets[1].hops.emplace_back();
  table.next_hop_sets[1].hops[0].interface = "lan0";
  table.attribute_sets.emplace_back();
  Route route;
  route.destination = *IpPrefix::parse("192.0.2.0/24");
  route.next_hops = 1;
  table.routes = {route};
  snapshot.routes = {table, "test"};
  Rule rule;
  rule.table = kTableMain;
  snapshot.rules = {{rule}, "test"};
  snapshot.settings = {RoutingSettings(), "test"};
  snapshot.next_hop_objects = {std::vector<NextHopObject>(), "test"};
  const DnsPath path = resolve(snapshot, "www.example.org");
  ASSERT_EQ(path.notes.size(), 1U);
  EXPECT_NE(path.notes[0].find("through lan0, not through tun9"), std::string::npos) << path.notes[0];
  EXPECT_EQ(path.asked[0].interface, "tun9");
}

/// The machine with a resolv.conf of another program, which systemd-resolved has not read yet.
Snapshot with_file(const ResolvConf& file, ResolvedState state = resolved_of({})) {
  state.resolv_conf_mode = "foreign";
  Snapshot snapshot = with_resolved(resolved_machine(), std::move(state));
  snapshot.dns.resolv_conf = seen(file);
  return snapshot;
}

TEST(ResolvedForeignFile, ItsServersAndDomainsBecomeTheGlobalScopes) {
  const auto snapshot = with_file(
      resolv_conf_of({kLanServer, "127.0.0.53", "0.0.0.0", kLanServer, kTunnelServer}, {"home.lan", "~corp.example"}));
  const DnsPath path = resolve(snapshot, "www.example.org");
  EXPECT_EQ(asked_at_once(path), Asked({at_lan("www.example.org")}));
  EXPECT_EQ(path.uncertain, "");
  EXPECT_EQ(path.notes.size(), 1U);
  EXPECT_EQ(candidate_of(resolve(snapshot, "a.corp.example"), "global")->matched_domain, "corp.example");
  EXPECT_EQ(asked_at_once(resolve(snapshot, "nas", {.through_stub = false})), Asked({at_lan("nas.home.lan")}));
}

TEST(ResolvedForeignFile, TakesThePlaceOfWhatWasThere) {
  ResolvedState state = resolved_of({scope_of("tun9", {kTunnelServer}, {"~corp.example"})});
  state.scopes.front().servers = {dns_server("198.51.100.53")};
  state.scopes.front().current_server = state.scopes.front().servers.front();
  const auto snapshot = with_file(resolv_conf_of({kLanServer}), state);
  EXPECT_EQ(asked_at_once(resolve(snapshot, "www.example.org")), Asked({at_lan("www.example.org")}));
  EXPECT_EQ(asked_at_once(resolve(snapshot, "a.corp.example")), Asked({at_tunnel("a.corp.example")}));
}

TEST(ResolvedForeignFile, ThatIsReadAlreadyChangesNothing) {
  ResolvedState state = resolved_of({});
  state.scopes.front().servers = {dns_server(kLanServer), dns_server(kTunnelServer)};
  state.scopes.front().current_server = dns_server(kTunnelServer);
  const DnsPath path = resolve(with_file(resolv_conf_of({kLanServer, kTunnelServer}), state), "www.example.org");
  EXPECT_EQ(asked_at_once(path), Asked({at_tunnel("www.example.org")}));
  EXPECT_TRUE(path.notes.empty());
}

TEST(ResolvedForeignFile, ItIsUncertainWhetherMoreThanTheFileStays) {
  ResolvedState state = resolved_of({});
  state.scopes.front().servers = {dns_server(kTunnelServer), dns_server(kLanServer)};
  state.scopes.front().current_server = dns_server(kTunnelServer);
  const DnsPath path = resolve(with_file(resolv_conf_of({kLanServer}), state), "www.example.org");
  EXPECT_EQ(asked_at_once(path), Asked({at_lan("www.example.org")}));
  EXPECT_NE(path.uncertain, "");
}

TEST(ResolvedForeignFile, IsNotReadBesideSettingsOfItsOwn) {
  for (const bool has_servers : {true, false}) {
    ResolvedSettings settings;
    if (has_servers) settings.dns = {dns_server(kTunnelServer)};
    if (!has_servers) settings.domains = {dns_domain("corp.example")};
    ResolvedState state = resolved_of({});
    state.scopes.front().servers = settings.dns;
    state.scopes.front().domains = settings.domains;
    state.settings = {settings, "test"};
    const Asked asked = has_servers ? Asked({at_tunnel("www.example.org")}) : Asked();
    EXPECT_EQ(asked_at_once(resolve(with_file(resolv_conf_of({kLanServer}), state), "www.example.org")), asked);
  }
}

TEST(ResolvedForeignFile, UnknownSettingsMatterOnlyWhereTheyWouldChangeTheAnswer) {
  Snapshot snapshot =
      with_file(resolv_conf_of({kLanServer}), resolved_of({scope_of("tun9", {kTunnelServer}, {"~corp.example"})}));
  snapshot.dns.resolved->settings = Observed<ResolvedSettings>::missing("no right");
  EXPECT_NE(resolve(snapshot, "www.example.org").uncertain, "");
  EXPECT_EQ(resolve(snapshot, "a.corp.example").uncertain, "");
}

TEST(ResolvedForeignFile, OneThatCannotBeReadMakesItUncertain) {
  Snapshot snapshot = with_file({});
  snapshot.dns.resolv_conf = Observed<ResolvConf>::missing("no right");
  EXPECT_NE(resolve(snapshot, "www.example.org").uncertain, "");
}

TEST(ResolvedForeignFile, WhatWasTakenFromItStaysWhenTheLinkIsPutBack) {
  Snapshot snapshot = with_file(resolv_conf_of({"127.0.0.53"}));
  snapshot.dns.resolved->resolv_conf_mode = "stub";
  snapshot.dns.resolved->scopes.front().servers = {dns_server(kLanServer)};
  const DnsPath path = resolve(snapshot, "www.example.org");
  EXPECT_EQ(asked_at_once(path), Asked({at_lan("www.example.org")}));
  EXPECT_EQ(path.uncertain, "");
}

TEST(ResolvedForeignFile, IsToldByItsPathWhenTheDaemonDoesNotTell) {
  Snapshot snapshot = with_file(resolv_conf_of({kLanServer}));
  snapshot.dns.resolved->resolv_conf_mode.clear();
  EXPECT_EQ(asked_at_once(resolve(snapshot, "www.example.org")), Asked({at_lan("www.example.org")}));
  snapshot.dns.resolv_conf->real_path = "/run/systemd/resolve/resolv.conf";
  EXPECT_EQ(asked_at_once(resolve(snapshot, "www.example.org")), Asked());
}

}  // namespace
}  // namespace vpndoctor
