// SPDX-License-Identifier: Apache-2.0
// Findings of an audit, each with its cause and without it, and the report as people read it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "golden.h"
#include "machine.h"
#include "vpndoctor/render.h"
#include "vpndoctor/report.h"

namespace vpndoctor {
namespace {

using testing_support::expect_golden;
using testing_support::Machine;

/// eth0 in 192.0.2.0/24, Docker in 172.17.0.0/16, tun0 with 10.0.0.0/8 but for a part, tun1 with 10.9.0.0/16.
Machine two_tunnels() {
  Machine machine = Machine::ordinary();
  machine.link("docker0", "bridge").address("docker0", "172.17.0.1/16");
  machine.tun("tun0").tun("tun1").tunnel("tun0", "198.51.100.9").address("tun0", "10.8.0.6/24");
  machine.route({.destination = "10.0.0.0/8", .interface = "tun0"});
  machine.route({.destination = "10.1.0.0/16", .interface = "eth0", .gateway = "192.0.2.7"});
  machine.route({.destination = "10.9.0.0/16", .interface = "tun1"});
  machine.route({.destination = "20.0.0.0/8", .type = RouteType::kUnreachable});
  machine.route({.destination = "172.16.0.0/12", .interface = "tun0"});
  machine.route({.destination = "198.51.100.0/24", .interface = "tun0"});
  machine.route({.destination = "198.51.100.9/32", .interface = "eth0", .gateway = "192.0.2.1"});
  machine.route({.destination = "100.64.0.0/10", .interface = "tun0"});
  return machine;
}

/// Everything through tun0 in the slices that leave out 10.0.0.0/8, with the LAN outside.
Machine full_tunnel_in_slices() {
  Machine machine = Machine::ordinary();
  machine.tun("tun0").tunnel("tun0", "198.51.100.9").address("tun0", "10.8.0.2/24");
  for (const char* slice : {"0.0.0.0/5", "8.0.0.0/7", "11.0.0.0/8", "12.0.0.0/6", "16.0.0.0/4", "32.0.0.0/3",
                            "64.0.0.0/2", "128.0.0.0/1"}) {
    machine.route({.destination = slice, .interface = "tun0"});
  }
  return machine;
}

RoutesAuditReport audited(Snapshot state, const std::vector<const char*>& list) {
  RoutesAuditReport report;
  report.snapshot = std::make_shared<const Snapshot>(std::move(state));
  std::vector<IpPrefix> prefixes;
  for (const char* text : list) prefixes.push_back(*IpPrefix::parse(text));
  report.audit = audit_prefixes(Fib(*report.snapshot), *report.snapshot, {prefixes, "tun0"});
  return report;
}

/// "RTE020 error, RTE024 warning".
std::string findings_of(Snapshot state, const std::vector<const char*>& list) {
  const RoutesAuditReport report = audited(std::move(state), list);
  std::string text;
  for (const Finding& finding : audit_findings(report.audit, *report.snapshot).findings) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", finding.code, severity_name(finding.severity));
    EXPECT_FALSE(finding.evidence.empty());
    EXPECT_FALSE(finding.title.empty());
  }
  return text;
}

TEST(AuditFindings, AListThatGoesThroughTheTunnelHasNone) {
  EXPECT_EQ(findings_of(two_tunnels().snapshot(), {"10.2.0.0/16", "10.128.0.0/9"}), "");
}

TEST(AuditFindings, APrefixOutsideIsAnError) {
  EXPECT_EQ(findings_of(two_tunnels().snapshot(), {"10.1.2.0/24"}), "RTE020 error");
  EXPECT_EQ(findings_of(two_tunnels().snapshot(), {"30.0.0.0/8"}), "RTE020 error");
}

TEST(AuditFindings, APartInClearIsAnErrorOneThatGoesNowhereAWarningWhatBelongsOutsideANotice) {
  EXPECT_EQ(findings_of(two_tunnels().snapshot(), {"10.0.0.0/13"}), "RTE021 error");
  Machine refused = two_tunnels();
  refused.route({.destination = "10.16.0.0/16", .type = RouteType::kBlackhole});
  EXPECT_EQ(findings_of(refused.snapshot(), {"10.16.0.0/15"}), "RTE021 warning");
  Machine dead = two_tunnels();
  dead.link("eth9", "", kLinkUp).link("dummy0", "dummy");
  dead.route({.destination = "10.16.0.0/16", .interface = "eth9"});
  dead.route({.destination = "10.18.0.0/16", .interface = "dummy0"});
  EXPECT_EQ(findings_of(dead.snapshot(), {"10.16.0.0/14"}), "RTE021 warning");
  EXPECT_EQ(findings_of(two_tunnels().snapshot(), {"198.51.100.0/24"}), "RTE021 notice");
}

TEST(AuditFindings, APrefixThatGoesNowhereIsAWarning) {
  EXPECT_EQ(findings_of(two_tunnels().snapshot(), {"20.1.0.0/16"}), "RTE022 warning");
}

/// The finding of that code; a failure when there is none.
Finding finding_of(const RoutesAuditReport& report, const std::string& code) {
  const std::vector<Finding> findings = audit_findings(report.audit, *report.snapshot).findings;
  const auto found = std::ranges::find(findings, code, &Finding::code);
  if (found != findings.end()) return *found;
  ADD_FAILURE() << "no " << code;
  return {};
}

std::string commands_of(const Finding& finding) {
  std::string text;
  for (const Command& command : finding.remedy.commands) {
    text += fmt::format("{}{}", text.empty() ? "" : "; ", fmt::join(command.argv, " "));
  }
  return text;
}

/// tun0 with its own network and another one; everything else, of both families, by eth0's defaults.
Machine tunnel_without_default() {
  Machine machine = Machine::ordinary();
  machine.tun("tun0").tunnel("tun0", "198.51.100.9").address("tun0", "10.8.0.2/24");
  machine.route({.destination = "10.9.0.0/24", .interface = "tun0"});
  return machine;
}

TEST(AuditFindings, WhereTheLessSpecificDefaultTakesTheRestItSaysSoAndAddsTheRoute) {
  const RoutesAuditReport report = audited(tunnel_without_default().snapshot(), {"10.8.0.0/16"});
  const Finding finding = finding_of(report, "RTE021");
  EXPECT_EQ(finding.severity, Severity::kError);
  EXPECT_NE(finding.detail.find("less specific"), std::string::npos);
  EXPECT_EQ(finding.detail.find("More specific"), std::string::npos);
  EXPECT_EQ(commands_of(finding), "ip -4 route add 10.8.0.0/16 dev tun0");
  const Finding specific = finding_of(audited(two_tunnels().snapshot(), {"10.0.0.0/13"}), "RTE021");
  EXPECT_NE(specific.detail.find("More specific"), std::string::npos);
  EXPECT_EQ(commands_of(specific), "vpndoctor routes show --all");
}

TEST(AuditFindings, TheRouteThatIsOfferedWinsAgainstTheOneThatTakesThePrefix) {
  const auto offered = [](const Snapshot& state, const char* list, const char* code = "RTE020") {
    return commands_of(finding_of(audited(state, {list}), code));
  };
  Machine machine = tunnel_without_default();
  machine.address("tun0", "2001:db8:8::2/64");
  machine.route({.destination = "30.0.0.0/8", .interface = "eth0", .gateway = "192.0.2.7"});
  machine.route({.destination = "40.0.0.1/32", .interface = "eth0", .gateway = "192.0.2.7"});
  const Snapshot state = machine.snapshot();
  EXPECT_EQ(offered(state, "40.0.0.1/32"), "vpndoctor routes show --all");
  EXPECT_EQ(offered(state, "::/0", "RTE021"), "ip -6 route add ::/1 dev tun0; ip -6 route add 8000::/1 dev tun0");
  EXPECT_EQ(offered(state, "30.1.0.0/16"), "ip -4 route add 30.1.0.0/16 dev tun0");
  EXPECT_EQ(offered(state, "30.0.0.0/8"), "ip -4 route add 30.0.0.0/9 dev tun0; ip -4 route add 30.128.0.0/9 dev tun0");
}

TEST(AuditFindings, WithoutAnAddressOfTheFamilyNoRouteIsOffered) {
  Machine machine = tunnel_without_default();
  machine.address("tun0", "fe80::8/64");
  const Finding finding = finding_of(audited(machine.snapshot(), {"2001:db8:5::/48"}), "RTE020");
  EXPECT_EQ(commands_of(finding), "");
  EXPECT_NE(finding.remedy.summary.find("IPv6"), std::string::npos);
}

TEST(AuditFindings, OwnAddressesAndMulticastAreNone) {
  EXPECT_EQ(findings_of(tunnel_without_default().snapshot(), {"10.8.0.2/32", "224.0.0.0/4"}), "");
}

TEST(AuditFindings, WhereRoutesOrRulesAreCutWaysAreNotJudged) {
  Snapshot cut_routes = tunnel_without_default().snapshot();
  cut_routes.routes.add_limit("a test cut them");
  Snapshot cut_rules = tunnel_without_default().snapshot();
  cut_rules.rules.add_limit("a test cut them");
  Snapshot no_rules = tunnel_without_default().snapshot();
  no_rules.rules = Observed<std::vector<Rule>>::missing("a test took them");
  for (Snapshot* each : {&cut_routes, &cut_rules, &no_rules}) {
    const RoutesAuditReport report = audited(std::move(*each), {"30.0.0.0/8", "10.8.0.0/16"});
    const CheckResults results = audit_findings(report.audit, *report.snapshot);
    EXPECT_TRUE(results.findings.empty());
    ASSERT_EQ(results.skipped.size(), 3U);
    EXPECT_EQ(results.skipped[0].code, "RTE020");
    EXPECT_NE(results.skipped[0].reason.find("a test"), std::string::npos);
  }
}

TEST(AuditFindings, WhatIsNotCertainIsNotProven) {
  EXPECT_EQ(finding_of(audited(tunnel_without_default().snapshot(), {"30.0.0.0/8"}), "RTE020").confidence,
            Confidence::kProven);
  Snapshot moving = tunnel_without_default().snapshot();
  moving.stable = false;
  EXPECT_EQ(finding_of(audited(std::move(moving), {"30.0.0.0/8"}), "RTE020").confidence, Confidence::kLikely);
  Snapshot strange = tunnel_without_default().snapshot();
  strange.routes->attribute_sets.at(0).not_understood.push_back(99);
  const Finding finding = finding_of(audited(std::move(strange), {"30.0.0.0/8"}), "RTE020");
  EXPECT_EQ(finding.confidence, Confidence::kLikely);
  EXPECT_NE(finding.evidence.back().text.find("not understood"), std::string::npos);
}

TEST(AuditFindings, SlicesOfEverythingClaimNobodysNetwork) {
  EXPECT_EQ(findings_of(full_tunnel_in_slices().snapshot(), {"0.0.0.0/5", "8.0.0.0/7", "11.0.0.0/8", "12.0.0.0/6",
                                                             "16.0.0.0/4", "32.0.0.0/3", "64.0.0.0/2", "128.0.0.0/1"}),
            "RTE021 notice");
}

TEST(AuditFindings, AnotherTunnelsClaimIsNamed) {
  EXPECT_EQ(findings_of(two_tunnels().snapshot(), {"10.8.0.0/15"}), "RTE021 warning, RTE023 warning");
}

TEST(AuditFindings, LocalNetworksContainersAndLoopbackAreNamed) {
  EXPECT_EQ(findings_of(two_tunnels().snapshot(), {"172.16.0.0/12"}), "RTE024 warning, RTE021 notice");
  EXPECT_EQ(findings_of(two_tunnels().snapshot(), {"192.0.0.0/16"}), "RTE020 error, RTE024 warning");
  EXPECT_EQ(findings_of(two_tunnels().snapshot(), {"127.0.0.0/8"}), "RTE024 warning");
}

TEST(AuditFindings, SharedSpaceIsANoticeUntilSomebodyIsThere) {
  EXPECT_EQ(findings_of(two_tunnels().snapshot(), {"100.64.0.0/10"}), "RTE025 notice");
  Machine machine = two_tunnels();
  machine.tun("ppp0").address("ppp0", "100.70.0.2/32");
  EXPECT_EQ(findings_of(machine.snapshot(), {"100.64.0.0/10"}), "RTE023 warning, RTE025 warning");
}

TEST(AuditFindings, AListOfEverythingDoesNotMeanTheLocalNetworks) {
  Machine machine = Machine::ordinary();
  machine.tun("tun0").tunnel("tun0", "198.51.100.9");
  machine.route({.destination = "0.0.0.0/1", .interface = "tun0"})
      .route({.destination = "128.0.0.0/1", .interface = "tun0"});
  machine.route({.destination = "198.51.100.9/32", .interface = "eth0", .gateway = "192.0.2.1"});
  EXPECT_EQ(findings_of(machine.snapshot(), {"0.0.0.0/0"}), "RTE021 notice");
}

TEST(RoutesAuditText, SaysWhatIsOutsideAndWhy) {
  Report report;
  report.command = "routes audit";
  RoutesAuditReport data =
      audited(two_tunnels().snapshot(), {"10.0.0.0/8", "10.1.2.0/24", "20.0.0.0/8", "172.16.0.0/12", "100.64.0.0/10"});
  report.findings = audit_findings(data.audit, *data.snapshot).findings;
  report.verdict = decide_verdict(report.findings, FailOn::kError, true);
  report.data = std::move(data);
  expect_golden("routes_audit", render_text(report));
}

std::string headline_of(const Snapshot& state, const std::vector<const char*>& list) {
  Report report;
  report.verdict = Verdict::kOk;
  report.data = audited(state, list);
  return render_text(report, {.quiet = true});
}

TEST(RoutesAuditText, WhereTheRoutesAreNotKnownNothingIsSaidToGoNowhere) {
  Report report;
  report.verdict = Verdict::kUndetermined;
  Snapshot state = two_tunnels().snapshot();
  state.routes = Observed<RouteTable>::missing("a test took them");
  report.data = audited(std::move(state), {"10.2.0.0/16", "20.1.0.0/16"});
  EXPECT_EQ(render_text(report).find("nowhere"), std::string::npos) << render_text(report);
  EXPECT_EQ(render_text(report, {.quiet = true}),
            "UNDETERMINED: Where the 2 prefixes of the list go is not known, because the routes are not: a test took "
            "them.\n");
}

TEST(RoutesAuditText, WhatBelongsOutsideDoesNotSpoilTheHeadline) {
  const Snapshot state = full_tunnel_in_slices().snapshot();
  EXPECT_EQ(headline_of(state, {"0.0.0.0/5", "128.0.0.0/1"}),
            "OK: All 2 prefixes of the list go through tun0, except this machine's own networks.\n");
  EXPECT_EQ(headline_of(state, {"64.0.0.0/2", "127.0.0.0/8"}),
            "OK: All 2 prefixes of the list go through tun0, except this machine's own addresses.\n");
  Machine machine = full_tunnel_in_slices();
  machine.route({.destination = "198.51.100.9/32", .interface = "eth0", .gateway = "192.0.2.1"});
  const Snapshot pinned = machine.snapshot();
  EXPECT_EQ(headline_of(pinned, {"198.0.0.0/8"}),
            "OK: The one prefix of the list goes through tun0, except the way to the tunnel's server.\n");
  EXPECT_EQ(headline_of(pinned, {"128.0.0.0/1", "10.9.0.0/16"}),
            "OK: 1 of 2 prefixes of the list goes through tun0, except this machine's own networks and the way to the "
            "tunnel's server; 1 not at all.\n");
}

TEST(RoutesAuditText, WhatBelongsOutsideIsListedOnce) {
  Report report;
  report.verdict = Verdict::kOk;
  report.data = audited(full_tunnel_in_slices().snapshot(), {"192.0.0.0/8", "128.0.0.0/1"});
  const std::string text = render_text(report);
  const std::string line = "192.0.2.0/24: eth0";
  ASSERT_NE(text.find(line), std::string::npos) << text;
  EXPECT_EQ(text.find(line), text.rfind(line)) << text;
  EXPECT_EQ(text.find("partial"), std::string::npos) << text;
}

TEST(RoutesAuditText, AllIsWellInOneLine) {
  Report report;
  report.verdict = Verdict::kOk;
  report.data = audited(two_tunnels().snapshot(), {"10.2.0.0/16", "10.128.0.0/9"});
  EXPECT_EQ(render_text(report, {.quiet = true}), "OK: All 2 prefixes of the list go through tun0.\n");
}

}  // namespace
}  // namespace vpndoctor
