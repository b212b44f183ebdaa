// SPDX-License-Identifier: Apache-2.0
// Names that systemd-resolved treats by rules of their own, multicast, and what depends on its version.
#include <gtest/gtest.h>

#include "dns_reverse.h"
#include "resolved_machine.h"
#include "resolved_names.h"

namespace vpndoctor {
namespace {

using namespace testing_support;
using Asked = std::set<std::string>;

constexpr std::uint64_t kAllLlmnr = kResolvedDns | kResolvedLlmnrIpv4 | kResolvedLlmnrIpv6;

Snapshot two_default_routes(unsigned version = 252) {
  return with_scopes({scope_of("lan0", {kLanServer}), scope_of("tun9", {kTunnelServer})}, version);
}

HostsEntry hosts_line(const char* address, std::vector<std::string> names) {
  HostsEntry entry;
  entry.address = *IpAddress::parse(address);
  entry.names = std::move(names);
  return entry;
}

TEST(ResolvedNames, SomeAreAnsweredHere) {
  const auto snapshot = two_default_routes();
  for (const char* name : {"localhost", "x.localhost", "LOCALHOST.localdomain", "a.invalid", "_gateway", "_outbound.",
                           "1.0.0.127.in-addr.arpa", "1.0.0.0.in-addr.arpa", "255.255.255.255.in-addr.arpa", ".",
                           "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa"}) {
    const DnsPath path = resolve(snapshot, name);
    EXPECT_TRUE(path.is_answered_here) << name;
    EXPECT_TRUE(path.asked.empty()) << name;
    EXPECT_EQ(path.answered_by, "systemd-resolved") << name;
  }
}

TEST(ResolvedNames, RootIsAskedForOtherTypes) {
  EXPECT_EQ(resolve(two_default_routes(), ".", {.type = kDnsTypeNs}).asked.size(), 2U);
  EXPECT_TRUE(resolve(two_default_routes(), ".", {.type = 43}).is_answered_here) << "its trust anchor is built in";
}

TEST(ResolvedNames, OwnNameGoesOutBeforeItIsMadeUpUntil257) {
  const DnsPath old = resolve(two_default_routes(), "vm.example.org");
  EXPECT_EQ(old.asked.size(), 2U);
  EXPECT_FALSE(old.is_answered_here);
  for (const char* name : {"vm.example.org", "vm", "vm.local"}) {
    const DnsPath modern = resolve(two_default_routes(257), name);
    EXPECT_TRUE(modern.is_answered_here && modern.asked.empty()) << name;
  }
}

TEST(ResolvedNames, HostsFileComesFirst) {
  auto snapshot = two_default_routes();
  *snapshot.dns.hosts = {hosts_line("10.0.0.9", {"db.corp.example", "not_a_host"}),
                         hosts_line("0.0.0.0", {"ads.example"})};
  for (const char* name : {"DB.corp.example", "ads.example", "9.0.0.10.in-addr.arpa"}) {
    const DnsPath path = resolve(snapshot, name);
    EXPECT_EQ(path.answered_by, "/etc/hosts") << name;
    EXPECT_TRUE(path.asked.empty()) << name;
  }
  EXPECT_FALSE(resolve(snapshot, "not_a_host").is_answered_here);
  EXPECT_FALSE(resolve(snapshot, "db.corp.example", {.type = kDnsTypeMx}).is_answered_here);
  snapshot.dns.resolved->version = 257;
  EXPECT_TRUE(resolve(snapshot, "db.corp.example", {.type = kDnsTypeMx}).is_answered_here);
  snapshot.dns.resolved->settings->read_etc_hosts = false;
  EXPECT_FALSE(resolve(snapshot, "db.corp.example").is_answered_here);
}

TEST(ResolvedNames, LocalhostLinesOfTheHostsFileAreLeftToTheSynthesis) {
  auto snapshot = two_default_routes();
  *snapshot.dns.hosts = {hosts_line("127.0.0.1", {"localhost"}), hosts_line("::1", {"localhost", "ip6-localhost"})};
  EXPECT_EQ(resolve(snapshot, "localhost").answered_by, "/etc/hosts") << "::1 has another name as well";
  snapshot.dns.hosts->pop_back();
  EXPECT_EQ(resolve(snapshot, "localhost").answered_by, "systemd-resolved");
  snapshot.dns.hosts->push_back(hosts_line("10.0.0.9", {"localhost"}));
  EXPECT_EQ(resolve(snapshot, "localhost").answered_by, "/etc/hosts") << "it has an address that is no loopback one";
}

TEST(ResolvedNames, ReverseNameGoesToTheLinkOfItsSubnet) {
  const auto snapshot = two_default_routes();
  const std::string name = "77.0.66.10.in-addr.arpa";
  EXPECT_EQ(asked_at_once(resolve(snapshot, name, {.type = kDnsTypePtr})), Asked({"10.66.0.1 " + name}));
  EXPECT_EQ(asked_at_once(resolve(snapshot, "0.66.10.in-addr.arpa", {.type = kDnsTypePtr})).size(), 2U)
      << "a zone is no address";
}

TEST(ResolvedNames, LinkLocalReverseNameGoesToMulticastAlone) {
  auto snapshot = two_default_routes();
  const std::string name = "9.7.254.169.in-addr.arpa";
  EXPECT_TRUE(resolve(snapshot, name, {.type = kDnsTypePtr}).asked.empty());
  snapshot.dns.resolved->scopes[1].live_protocols = kAllLlmnr;
  EXPECT_EQ(asked_at_once(resolve(snapshot, name, {.type = kDnsTypePtr})), Asked({"169.254.7.9:5355 " + name}))
      << "LLMNR asks the address itself";
}

TEST(ResolvedMulticast, LlmnrTakesSingleLabelsBesideSearchDomains) {
  auto snapshot =
      with_scopes({scope_of("lan0", {kLanServer}, {"home.lan"}), scope_of("tun9", {kTunnelServer}, {"~."})});
  snapshot.dns.resolved->scopes[1].live_protocols = kAllLlmnr;
  const DnsPath path = resolve(snapshot, "nas", {.through_stub = false});
  EXPECT_EQ(asked_at_once(path), Asked({"192.0.2.1 nas.home.lan", "llmnr nas"})) << "~. loses to both";
  EXPECT_EQ(candidate_of(path, "llmnr lan0")->score.to_string(), "yes+1");
  EXPECT_EQ(candidate_of(path, "tun9")->score.to_string(), "yes+0");
}

TEST(ResolvedMulticast, AddressesAreAskedInTheirOwnFamily) {
  auto snapshot = with_scopes({scope_of("lan0", {kLanServer})});
  snapshot.dns.resolved->scopes[1].live_protocols = kResolvedDns | kResolvedLlmnrIpv6;
  EXPECT_TRUE(resolve(snapshot, "nas").asked.empty());
  EXPECT_EQ(asked_at_once(resolve(snapshot, "nas", {.type = kDnsTypeAaaa})), Asked({"llmnr nas"}));
}

TEST(ResolvedMulticast, MdnsTakesNamesBelowLocal) {
  auto snapshot = with_scopes({scope_of("lan0", {kLanServer}), scope_of("tun9", {kTunnelServer}, {"~local"})});
  snapshot.dns.resolved->scopes[1].live_protocols = kResolvedDns | kResolvedMdnsIpv4;
  EXPECT_EQ(asked_at_once(resolve(snapshot, "printer.local")),
            Asked({"mdns printer.local", "10.66.0.1 printer.local"}));
  EXPECT_EQ(asked_at_once(resolve(snapshot, "vm.local")), Asked({"10.66.0.1 vm.local"})) << "the own name";
}

TEST(ResolvedMulticast, FewTypesGoThereSince257) {
  auto snapshot = with_scopes({scope_of("lan0", {kLanServer})});
  snapshot.dns.resolved->scopes[1].live_protocols = kAllLlmnr;
  EXPECT_EQ(asked_at_once(resolve(snapshot, "nas", {.type = kDnsTypeNs})), Asked({"llmnr nas"}));
  snapshot.dns.resolved->version = 257;
  EXPECT_EQ(asked_at_once(resolve(snapshot, "nas", {.type = kDnsTypeNs})), Asked({"192.0.2.1 nas"}));
}

Snapshot with_fallback(ResolvedScope scope, unsigned version) {
  auto snapshot = with_scopes({std::move(scope)}, version);
  snapshot.dns.resolved->fallback_servers = {dns_server("9.9.9.9")};
  return snapshot;
}

TEST(ResolvedFallback, IsUsedUntil252OnlyWhenNoLinkHasAServer) {
  EXPECT_TRUE(resolve(with_fallback(scope_of("tun9", {kTunnelServer}, {"~corp.example"}), 252), "www.example.org")
                  .asked.empty());
  EXPECT_EQ(asked_at_once(resolve(with_fallback(scope_of("tun9", {}), 252), "www.example.org")),
            Asked({"9.9.9.9 www.example.org"}));
}

TEST(ResolvedFallback, IsALastResortSince257) {
  ResolvedScope scope = scope_of("tun9", {kTunnelServer}, {"corp.example"});
  scope.default_route = false;
  const DnsPath path = resolve(with_fallback(scope, 257), "www.example.org");
  EXPECT_EQ(asked_at_once(path), Asked({"9.9.9.9 www.example.org"}));
  EXPECT_EQ(path.uncertain, "");
  EXPECT_EQ(candidate_of(path, "global")->score.to_string(), "last resort");
  scope.default_route = true;
  EXPECT_EQ(asked_at_once(resolve(with_fallback(scope, 257), "www.example.org")), Asked({"10.66.0.1 www.example.org"}));
}

TEST(ResolvedFallback, SettingThatIsNotThereCountsAsADefaultRouteIn257Alone) {
  // Route-only domains and no setting: in effect it is no default route.
  const auto asked = [](unsigned version, bool& is_certain) {
    ResolvedScope scope = scope_of("tun9", {kTunnelServer}, {"~corp.example"});
    scope.default_route = false;
    const DnsPath path = resolve(with_fallback(scope, version), "www.example.org");
    is_certain = path.uncertain.empty();
    return !path.asked.empty();
  };
  bool is_certain = false;
  EXPECT_FALSE(asked(252, is_certain));
  EXPECT_TRUE(is_certain);
  asked(257, is_certain);
  EXPECT_FALSE(is_certain) << "the setting itself is not told";
  asked(259, is_certain);
  EXPECT_FALSE(is_certain) << "257 or 262";
  EXPECT_TRUE(asked(262, is_certain));
  EXPECT_TRUE(is_certain);
}

TEST(ResolvedFallback, IsUsedSince262WhenTheDefaultRouteIsDown) {
  for (const auto& [version, count] : {std::pair(252U, 0U), std::pair(257U, 0U), std::pair(262U, 1U)}) {
    auto snapshot = with_fallback(scope_of("tun9", {kTunnelServer}), version);
    (*snapshot.links)[1].flags = 0;
    EXPECT_EQ(resolve(snapshot, "www.example.org").asked.size(), count) << version;
  }
}

TEST(ResolvedFallback, StaysWhereItIsInUse) {
  ResolvedScope scope = scope_of("tun9", {kTunnelServer}, {"~corp.example"});
  scope.default_route = false;
  auto snapshot = with_fallback(scope, 257);
  snapshot.dns.resolved->scopes[0].current_server = dns_server("9.9.9.9");
  const DnsPath path = resolve(snapshot, "www.example.org");
  EXPECT_EQ(asked_at_once(path), Asked({"9.9.9.9 www.example.org"}));
  EXPECT_EQ(path.uncertain, "");
}

TEST(ResolvedFallback, UncertaintyIsSaidOnlyWhereItMatters) {
  EXPECT_EQ(
      resolve(with_fallback(scope_of("tun9", {kTunnelServer}, {"~corp.example"}), 257), "a.corp.example").uncertain,
      "");
}

TEST(ResolvedFallback, IsNotKnownFromFilesUnlessItIsSet) {
  auto snapshot = with_scopes({});
  snapshot.dns.resolved->source = ResolvedState::Source::kFiles;
  EXPECT_NE(resolve(snapshot, "www.example.org").uncertain, "");
  snapshot.dns.resolved->settings->has_fallback_setting = true;
  EXPECT_EQ(resolve(snapshot, "www.example.org").uncertain, "");
}

TEST(ResolvedVersion, UnknownIsSaidWhereItMatters) {
  auto snapshot = two_default_routes();
  for (const auto version : {std::optional<unsigned>(), std::optional<unsigned>(254)}) {
    snapshot.dns.resolved->version = version;
    EXPECT_EQ(resolve(snapshot, "www.example.org").uncertain, "");
    EXPECT_NE(resolve(snapshot, "vm.example.org").uncertain, "");
    EXPECT_NE(resolve(snapshot, "x.alt").uncertain, "");
  }
}

TEST(ResolvedMissing, FacetsAreNamed) {
  auto snapshot = two_default_routes();
  snapshot.dns.hosts = Observed<std::vector<HostsEntry>>::missing("it is not readable");
  EXPECT_NE(resolve(snapshot, "www.example.org").uncertain.find("/etc/hosts"), std::string::npos);
  snapshot = two_default_routes();
  snapshot.addresses = Observed<std::vector<Address>>::missing("not collected");
  EXPECT_NE(resolve(snapshot, "www.example.org").uncertain, "");
  snapshot = two_default_routes();
  snapshot.dns.resolved->settings = Observed<ResolvedSettings>::missing("not readable");
  EXPECT_EQ(resolve(snapshot, "www.example.org").uncertain, "");
  EXPECT_NE(resolve(snapshot, "www").uncertain, "");
}

TEST(ResolvedMissing, WayIsNoneWithoutADaemonOrItsStub) {
  auto snapshot = two_default_routes();
  snapshot.dns.resolved->stub_listener = "no";
  EXPECT_NE(resolve(snapshot, "www.example.org").why_none, "");
  EXPECT_EQ(resolve(snapshot, "www.example.org", {.through_stub = false}).why_none, "");
  snapshot.dns.resolved = Observed<ResolvedState>::missing("no such bus name");
  EXPECT_NE(resolve(snapshot, "www.example.org").why_none, "");
}

TEST(ResolvedNames, HostileNamesAreRefused) {
  const auto snapshot = two_default_routes();
  for (const std::string& name :
       {std::string(300, 'a'), std::string("a..b"), std::string(".a"), std::string(70, 'x') + ".example"}) {
    EXPECT_TRUE(resolve(snapshot, name).asked.empty()) << name;
  }
  EXPECT_NE(resolve(snapshot, "m\xc3\xbcnchen.example").uncertain, "");
}

TEST(ResolvedNames, ReverseNamesAreRecognised) {
  EXPECT_EQ(link_local_reverse_labels("1.2.254.169.in-addr.arpa"), 4U);
  EXPECT_EQ(link_local_reverse_labels("b.e.f.ip6.arpa"), 5U);
  EXPECT_EQ(link_local_reverse_labels("c.e.f.ip6.arpa"), 0U);
  EXPECT_TRUE(is_own_host_name("vm.local", "VM.example.org"));
  EXPECT_FALSE(is_own_host_name("localhost", "localhost"));
  EXPECT_FALSE(is_own_host_name("example.org", "vm.example.org"));
}

}  // namespace
}  // namespace vpndoctor
