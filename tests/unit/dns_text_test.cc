// SPDX-License-Identifier: Apache-2.0
// `dns show` and `dns explain` as people read them: golden files (UPDATE_GOLDEN=1 rewrites them), and what must hold.
#include <gtest/gtest.h>

#include "dns_machine.h"
#include "golden.h"
#include "vpndoctor/dns_checks.h"
#include "vpndoctor/render.h"

namespace vpndoctor {
namespace {

using testing_support::expect_golden;
using testing_support::name_service_switch_of;
using testing_support::resolv_conf_of;
using testing_support::seen;
using testing_support::vpn_machine;

std::string shown(Snapshot snapshot, const TextOptions& options = {}) {
  DnsShowReport show;
  show.snapshot = std::make_shared<const Snapshot>(std::move(snapshot));
  show.overview = overview_of_dns(*show.snapshot);
  Report report;
  report.command = "dns show";
  CheckResults results = check_dns(*show.snapshot, 1000);
  report.findings = std::move(results.findings);
  report.skipped = std::move(results.skipped);
  report.verdict = decide_verdict(report.findings, FailOn::kError, show.overview.model != DnsModel::kUnknown);
  report.data = std::move(show);
  return render_text(report, options);
}

std::string explained(Snapshot snapshot, const std::string& name, const std::vector<std::string>& interfaces = {},
                      const TextOptions& options = {}) {
  DnsExplainReport explain;
  explain.snapshot = std::make_shared<const Snapshot>(std::move(snapshot));
  explain.explanation = explain_dns(*explain.snapshot, name, kDnsTypeA, interfaces);
  Report report;
  report.command = "dns explain";
  report.verdict = Verdict::kOk;
  report.data = std::move(explain);
  return render_text(report, options);
}

/// Without systemd-resolved: the VPN's server second in the file.
Snapshot plain_machine() {
  Snapshot snapshot = vpn_machine();
  snapshot.dns.resolv_conf = seen(resolv_conf_of({"192.0.2.1", "10.66.0.1"}, {"home.lan", "corp.example"}));
  snapshot.dns.name_service_switch = seen(name_service_switch_of({"files", "dns"}));
  snapshot.dns.resolved = Observed<ResolvedState>::absent("systemd-resolved does not run");
  return snapshot;
}

TEST(DnsShowText, Tunnel) { expect_golden("dns_show_tunnel", shown(vpn_machine())); }
TEST(DnsShowText, TunnelDown) { expect_golden("dns_show_tunnel_down", shown(vpn_machine(false))); }
TEST(DnsShowText, ResolvConf) { expect_golden("dns_show_resolv_conf", shown(plain_machine())); }

TEST(DnsExplainText, NameOfTheTunnel) {
  expect_golden("dns_explain_tunnel", explained(vpn_machine(), "a.corp.example", {"eth0"}));
}
TEST(DnsExplainText, TunnelDown) {
  expect_golden("dns_explain_tunnel_down", explained(vpn_machine(false), "a.corp.example"));
}
TEST(DnsExplainText, ShortNameByResolvConf) {
  expect_golden("dns_explain_resolv_conf", explained(plain_machine(), "git"));
}
TEST(DnsExplainText, NameOfThisMachine) {
  Snapshot snapshot = vpn_machine();
  snapshot.dns.hosts->push_back({*IpAddress::parse("10.1.2.3"), "", {"wiki.corp.example"}});
  expect_golden("dns_explain_hosts", explained(std::move(snapshot), "wiki.corp.example"));
}

TEST(DnsShowText, WhatIsNotInstalledIsNoNoise) {
  EXPECT_EQ(shown(vpn_machine()).find("could not be read"), std::string::npos);
  Snapshot snapshot = vpn_machine();
  snapshot.dns.resolv_conf = Observed<ResolvConf>::missing("/etc/resolv.conf may not be read: Permission denied");
  EXPECT_NE(shown(std::move(snapshot)).find("Permission denied"), std::string::npos);
}

TEST(DnsExplainText, OfServersThatAreAskedAtOnceThoseOutsideTheTunnelAreNamed) {
  Snapshot snapshot = vpn_machine();
  snapshot.dns.resolved->scopes[2].default_route = true;
  const std::string line = explained(std::move(snapshot), "www.example.org", {}, {.quiet = true});
  EXPECT_NE(line.find("192.0.2.1 through eth0 and 10.66.0.1 through tun0, at once"), std::string::npos) << line;
  EXPECT_NE(line.find("of which 192.0.2.1 is outside the tunnel: a leak"), std::string::npos) << line;
}

TEST(DnsExplainText, AServerThatIsAskedOnAConditionIsNamedWithIt) {
  Snapshot snapshot = plain_machine();
  snapshot.dns.hosts = Observed<std::vector<HostsEntry>>::missing("/etc/hosts is larger than 16 MiB");
  const std::string line = explained(std::move(snapshot), "www.example.org.", {}, {.quiet = true});
  EXPECT_NE(line.find("may go to 192.0.2.1 through eth0, if files finds nothing; that is not certain"), line.npos)
      << line;
}

TEST(DnsShowText, BesideADomainOfAllNamesADefaultRouteTakesNothing) {
  Snapshot snapshot = vpn_machine();
  snapshot.dns.resolved->scopes[2].domains = {{".", true}};
  EXPECT_NE(shown(snapshot, {.quiet = true}).find("eth0 for home.lan, tun0"), std::string::npos) << shown(snapshot);
  snapshot.dns.resolved->scopes[2].default_route = true;
  EXPECT_NE(shown(snapshot, {.quiet = true}).find("eth0 for home.lan, tun0 for all others"), std::string::npos);
  snapshot.dns.resolved->scopes[2].live_protocols = 0;
  EXPECT_NE(shown(snapshot).find("eth0        live, takes all other names"), std::string::npos) << shown(snapshot);
}

TEST(DnsShowText, OfManyScopesTheOneThatTakesTheRestIsNamed) {
  Snapshot snapshot = vpn_machine();
  for (int i = 0; i < 9; ++i) {
    ResolvedScope scope = snapshot.dns.resolved->scopes[2];
    scope.kind = ResolvedScope::Kind::kDelegate;
    scope.delegate = std::to_string(i);
    snapshot.dns.resolved->scopes.push_back(scope);
  }
  const std::string line = shown(std::move(snapshot), {.quiet = true});
  EXPECT_NE(line.find("eth0 for all others, and 7 more"), std::string::npos) << line;
}

TEST(DnsShowText, WithoutANetworkNobodyIsSaidToAnswer) {
  Snapshot snapshot = plain_machine();
  snapshot.dns.resolv_conf = seen(resolv_conf_of({"192.0.2.1"}));
  EXPECT_EQ(shown(snapshot, {.quiet = true}).find("can be asked now"), std::string::npos);
  for (Link& link : *snapshot.links) {
    if (!link.is_loopback()) link.flags &= ~std::uint32_t{kLinkUp};
  }
  const std::string line = shown(std::move(snapshot), {.quiet = true});
  EXPECT_NE(line.find("no server can be asked now: no network interface is up"), std::string::npos) << line;
}

TEST(DnsExplainText, FitsOneScreen) {
  const std::string text = explained(vpn_machine(), "a.corp.example");
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 40);
}

}  // namespace
}  // namespace vpndoctor
