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
  machine.tun("tun0").tun("tun1").tunnel("tun0", "198.51.100.9");
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
  for (const Finding& finding : audit_findings(report.audit, *report.snapshot)) {
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

TEST(AuditFindings, APartOutsideIsAWarningUnlessItBelongsThere) {
  EXPECT_EQ(findings_of(two_tunnels().snapshot(), {"10.0.0.0/13"}), "RTE021 warning");
  EXPECT_EQ(findings_of(two_tunnels().snapshot(), {"198.51.100.0/24"}), "RTE021 notice");
}

TEST(AuditFindings, APrefixThatGoesNowhereIsAWarning) {
  EXPECT_EQ(findings_of(two_tunnels().snapshot(), {"20.1.0.0/16"}), "RTE022 warning");
}

TEST(AuditFindings, AnotherTunnelsClaimIsNamed) {
  EXPECT_EQ(findings_of(two_tunnels().snapshot(), {"10.8.0.0/15"}), "RTE021 warning, RTE023 warning");
}

TEST(AuditFindings, LocalNetworksContainersAndLoopbackAreNamed) {
  EXPECT_EQ(findings_of(two_tunnels().snapshot(), {"172.16.0.0/12"}), "RTE024 warning, RTE021 notice");
  EXPECT_EQ(findings_of(two_tunnels().snapshot(), {"192.0.0.0/16"}), "RTE020 error, RTE024 warning");
  EXPECT_EQ(findings_of(two_tunnels().snapshot(), {"127.0.0.0/8"}), "RTE020 error, RTE024 warning");
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
  report.findings = audit_findings(data.audit, *data.snapshot);
  report.verdict = decide_verdict(report.findings, FailOn::kError, true);
  report.data = std::move(data);
  expect_golden("routes_audit", render_text(report));
}

TEST(RoutesAuditText, AllIsWellInOneLine) {
  Report report;
  report.verdict = Verdict::kOk;
  report.data = audited(two_tunnels().snapshot(), {"10.2.0.0/16", "10.128.0.0/9"});
  EXPECT_EQ(render_text(report, {.quiet = true}), "OK: All 2 prefixes of the list go through tun0.\n");
}

}  // namespace
}  // namespace vpndoctor
