// SPDX-License-Identifier: Apache-2.0
// The commands that a remedy prints: their numbers, and their syntax with nft itself in an empty network namespace.
#include "path_mtu_remedy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "tests/unit/path_mtu_cases.h"

namespace vpndoctor {
namespace {

using namespace path_mtu_cases;  // NOLINT(google-build-using-namespace): the vocabulary of these tests

std::vector<std::string> lines_for(const Finding& finding, std::string_view os) {
  std::vector<std::string> lines;
  for (const auto& command : finding.remedy.commands)
    if (command.os == os) lines.push_back(fmt::format("{}", fmt::join(command.argv, " ")));
  return lines;
}

bool has(const std::vector<std::string>& lines, std::string_view line) { return std::ranges::count(lines, line) == 1; }

/// The order of appearance of the three kinds of remedy, for one system.
std::size_t position(const std::vector<std::string>& lines, std::string_view start) {
  const auto found = std::ranges::find_if(lines, [&](const std::string& line) { return line.starts_with(start); });
  return static_cast<std::size_t>(found - lines.begin());
}

TEST(PathMtuRemedy, OfABlackHoleOpensTheFirewallThenSetsTheMtuThenClamps) {
  const auto diagnosis = diagnose_path_mtu(narrow_path(1400));
  const auto linux = lines_for(*finding_of(diagnosis, "MTU001"), "linux");
  EXPECT_TRUE(has(linux, "ip link set dev eth0 mtu 1400"));
  EXPECT_TRUE(has(linux,
                  "nft add rule inet vpndoctor clamp_in iifname eth0 meta nfproto ipv4 tcp flags syn tcp option "
                  "maxseg size set 1360"));
  EXPECT_TRUE(has(linux,
                  "nft add rule inet vpndoctor clamp_out oifname eth0 meta nfproto ipv4 tcp flags syn tcp option "
                  "maxseg size set 1360"));
  EXPECT_LT(position(linux, "iptables -I FORWARD -p icmp"), position(linux, "ip link"));
  EXPECT_LT(position(linux, "ip link"), position(linux, "nft add table"));
  EXPECT_LT(position(linux, "nft add rule"), linux.size());
}

std::vector<std::string> first_words(const Finding& finding) {
  std::vector<std::string> words;
  for (const auto& step : finding.remedy.steps) words.push_back(step.commands.empty() ? "" : step.commands[0].argv[0]);
  return words;
}

TEST(PathMtuRemedy, HasStepsWhoseCommandsTogetherAreItsCommands) {
  const auto diagnosis = diagnose_path_mtu(narrow_path(1400));
  const auto& finding = *finding_of(diagnosis, "MTU001");
  EXPECT_EQ(first_words(finding), (std::vector<std::string>{"nft", "ip", "MTU", "nft"}));
  std::vector<std::vector<std::string>> of_steps;
  std::vector<std::vector<std::string>> all;
  for (const auto& step : finding.remedy.steps)
    for (const auto& command : step.commands) of_steps.push_back(command.argv);
  for (const auto& command : finding.remedy.commands) all.push_back(command.argv);
  EXPECT_EQ(of_steps, all);
}

TEST(PathMtuRemedy, OpensTheLocalFirewallWhenThatEatsTheMessage) {
  auto measurement = narrow_path(1400);
  measurement.too_big_not_delivered = {too_big(kRouter2, 1400, 1500)};
  const auto diagnosis = diagnose_path_mtu(measurement);
  const auto& step = finding_of(diagnosis, "MTU001")->remedy.steps.front();
  EXPECT_EQ(step.commands.front().argv[5], "input");
  EXPECT_EQ(step.commands.front().argv, finding_of(diagnosis, "MTU006")->remedy.commands.front().argv);
}

TEST(PathMtuRemedy, SetsNoMtuThatWouldDisableIpv6ForAnIpv6Path) {
  auto measurement = narrow_path(1200);
  measurement.target.address = address("2001:db8::1");
  const auto diagnosis = diagnose_path_mtu(measurement);
  EXPECT_EQ(diagnosis.advice.interface_mtu_bytes, std::nullopt);
  EXPECT_TRUE(finding_of(diagnosis, "MTU001")->remedy.commands.empty());
  EXPECT_EQ(finding_of(diagnosis, "MTU001")->remedy.steps.size(), 1U);
}

TEST(PathMtuRemedy, OfATunnelNotMeasuredOutsideIsToMeasureIt) {
  auto measurement = narrow_path(1328);
  measurement.egress.is_tunnel = true;
  measurement.egress.tunnel_kind = "wireguard";
  const auto diagnosis = diagnose_path_mtu(measurement);
  EXPECT_TRUE(has(lines_for(*finding_of(diagnosis, "MTU001"), "linux"), "vpndoctor mtu --outer example.org"));
}

TEST(PathMtuRemedy, ClampsBothFamiliesInsideATunnelOnly) {
  auto measurement = narrow_path(1400);
  const auto ipv6_rules = [&] {
    const auto diagnosis = diagnose_path_mtu(measurement);
    const auto lines = lines_for(*finding_of(diagnosis, "MTU001"), "linux");
    return std::ranges::count_if(lines,
                                 [](const auto& line) { return line.find("nfproto ipv6") != std::string::npos; });
  };
  EXPECT_EQ(ipv6_rules(), 0);
  measurement.egress.is_tunnel = true;
  EXPECT_EQ(ipv6_rules(), 2);
}

TEST(PathMtuDetail, DoesNotCallTcpProtectedByAnMssThatIsTooLarge) {
  auto measurement = narrow_path(1300);
  measurement.tcp = TcpEvidence{};
  measurement.tcp->state = TcpEvidence::State::kOpen;
  measurement.tcp->peer_mss_bytes = 1375;
  const auto diagnosis = diagnose_path_mtu(measurement);
  ASSERT_NE(finding_of(diagnosis, "MTU010"), nullptr);
  EXPECT_EQ(finding_of(diagnosis, "MTU009")->detail, "");
  measurement.tcp->peer_mss_bytes = 1200;
  EXPECT_NE(finding_of(diagnose_path_mtu(measurement), "MTU009")->detail, "");
}

TEST(PathMtuHeadline, NamesNoSizeOfTheWayBackThatTheLinkCannotSend) {
  auto measurement = narrow_path(1400);
  auto diagnosis = diagnose_path_mtu(measurement);
  diagnosis.direction = Direction::kBoth;
  diagnosis.reverse_path_mtu_bytes = 1500;
  EXPECT_EQ(
      path_mtu_headline(measurement, diagnosis),
      "Packets above 1400 bytes vanish in silence on the way to example.org, behind hop 2 (192.0.2.9); so do large "
      "ones on the way back.");
  diagnosis.reverse_path_mtu_bytes = 1400;
  EXPECT_EQ(path_mtu_headline(measurement, diagnosis),
            "Packets above 1400 bytes vanish in silence in both directions between here and example.org, behind hop 2 "
            "(192.0.2.9).");
}

TEST(PathMtuNextSteps, NameAPortWhenEchoesAloneAnswer) {
  auto measurement = narrow_path(1400);
  measurement.forward = {};
  measurement.constriction.reset();
  const auto diagnosis = diagnose_path_mtu(measurement);
  ASSERT_EQ(diagnosis.status, PathMtuStatus::kUndetermined);
  ASSERT_FALSE(diagnosis.next_steps.empty());
  EXPECT_EQ(diagnosis.next_steps[0].commands[0].argv,
            (std::vector<std::string>{"vpndoctor", "mtu", "--port", "22", "example.org"}));
}

TEST(PathMtuNextSteps, AreNoneWhenThereIsAnAnswer) {
  EXPECT_TRUE(diagnose_path_mtu(clear_path()).next_steps.empty());
  EXPECT_TRUE(diagnose_path_mtu(narrow_path(1400)).next_steps.empty());
}

TEST(PathMtuRemedy, GivesTheLinesOfTunnelsOverThePath) {
  const auto diagnosis = diagnose_path_mtu(narrow_path(1400));
  const auto& finding = *finding_of(diagnosis, "MTU001");
  EXPECT_EQ(lines_for(finding, "wireguard"), std::vector<std::string>{"MTU = 1340"});
  EXPECT_EQ(lines_for(finding, "openvpn"), (std::vector<std::string>{"mssfix 1372", "tun-mtu 1348"}));
  EXPECT_TRUE(has(lines_for(finding, "macos"), "ifconfig en0 mtu 1400"));
}

TEST(PathMtuRemedy, GivesTheNumbersOfIpv6) {
  auto measurement = narrow_path(1400);
  measurement.target.address = address("2001:db8::1");
  const auto diagnosis = diagnose_path_mtu(measurement);
  const auto& finding = *finding_of(diagnosis, "MTU001");
  EXPECT_EQ(lines_for(finding, "wireguard"), std::vector<std::string>{"MTU = 1320"});
  EXPECT_EQ(lines_for(finding, "openvpn"), (std::vector<std::string>{"mssfix 1352", "tun-mtu 1328"}));
  EXPECT_TRUE(has(lines_for(finding, "linux"), "ip6tables -I FORWARD -p icmpv6 --icmpv6-type 2 -j ACCEPT"));
}

TEST(PathMtuRemedy, SetsNoInterfaceMtuFromWhatATunnelCarriesInside) {
  auto measurement = narrow_path(1328);
  measurement.egress.interface = "wg0";
  measurement.egress.is_tunnel = true;
  measurement.egress.tunnel_kind = "wireguard";
  const auto diagnosis = diagnose_path_mtu(measurement);
  const auto& finding = *finding_of(diagnosis, "MTU001");
  EXPECT_TRUE(lines_for(finding, "wireguard").empty());
  EXPECT_EQ(position(lines_for(finding, "linux"), "ip link"), lines_for(finding, "linux").size());
  EXPECT_TRUE(has(lines_for(finding, "linux"),
                  "nft add rule inet vpndoctor clamp_in iifname wg0 meta nfproto ipv4 tcp flags syn tcp option maxseg "
                  "size set 1288"));
}

TEST(PathMtuRemedy, OfATunnelThatIsTooLargeNamesItsOwnLine) {
  auto inner = narrow_path(1328);
  inner.egress.interface = "wg0";
  inner.egress.is_tunnel = true;
  inner.egress.tunnel_kind = "wireguard";
  inner.egress.link_mtu_bytes = inner.max_bytes = 1420;
  const auto outer = narrow_path(1400);
  const auto diagnosis = diagnose_path_mtu(inner, {.expect_min_bytes = std::nullopt, .outer = &outer});
  const auto& finding = *finding_of(diagnosis, "MTU011");
  EXPECT_EQ(lines_for(finding, "wireguard"), std::vector<std::string>{"MTU = 1340"});
  EXPECT_TRUE(has(lines_for(finding, "linux"), "ip link set dev wg0 mtu 1340"));
  EXPECT_TRUE(has(lines_for(finding, "macos"), "ifconfig utunX mtu 1340"));
}

TEST(PathMtuRemedy, OfAStaleCacheFlushesTheFamilysCache) {
  auto measurement = clear_path();
  measurement.egress.kernel_path_mtu_bytes = 1200;
  EXPECT_EQ(lines_for(*finding_of(diagnose_path_mtu(measurement), "MTU005"), "linux"),
            std::vector<std::string>{"ip -4 route flush cache"});
}

TEST(PathMtuRemedy, OfARouteNamesTheTargetAlone) {
  auto measurement = narrow_path(1400);
  measurement.egress.route_mtu_bytes = 1450;
  EXPECT_EQ(lines_for(*finding_of(diagnose_path_mtu(measurement), "MTU016"), "linux"),
            std::vector<std::string>{"ip -4 route replace 198.51.100.2/32 via 192.0.2.1 dev eth0 mtu 1400"});
  measurement.target.address = address("2001:db8::1");
  measurement.egress.gateway = address("fe80::1");
  EXPECT_EQ(lines_for(*finding_of(diagnose_path_mtu(measurement), "MTU016"), "linux"),
            std::vector<std::string>{"ip -6 route replace 2001:db8::1/128 via fe80::1 dev eth0 mtu 1400"});
}

/// Single quotes around every word: no word of a remedy has one.
std::string shell_line(const Command& command) { return fmt::format("'{}'", fmt::join(command.argv, "' '")); }

std::string nft_script(const PathMtuMeasurement& measurement) {
  const auto diagnosis = diagnose_path_mtu(measurement);
  std::string script =
      "set -e; nft add table inet filter; nft 'add chain inet filter forward { type filter hook forward priority 0; }';"
      "nft 'add chain inet filter input { type filter hook input priority 0; }'; ";
  for (const auto& finding : diagnosis.findings)
    for (const auto& command : finding.remedy.commands)
      if (command.argv.front() == "nft") script += shell_line(command) + "; ";
  return script;
}

int run_in_empty_namespace(const std::string& script) {
  const std::string quoted = fmt::format("unshare --map-root-user --net sh -c \"{}\" >/dev/null 2>&1", script);
  return std::system(quoted.c_str());  // NOLINT(cert-env33-c): the oracle is a program
}

TEST(PathMtuRemedy, IsAcceptedByNft) {
  if (run_in_empty_namespace("nft list ruleset") != 0) GTEST_SKIP() << "nft or user namespaces are not available";
  auto measurement = narrow_path(1400);
  measurement.too_big_not_delivered = {too_big(kRouter2, 1400, 1500)};
  EXPECT_EQ(run_in_empty_namespace(nft_script(measurement)), 0) << nft_script(measurement);
  measurement.target.address = address("2001:db8::1");
  EXPECT_EQ(run_in_empty_namespace(nft_script(measurement)), 0) << nft_script(measurement);
  EXPECT_NE(run_in_empty_namespace("nft add rule inet filter nosuchchain accept"), 0);
}

}  // namespace
}  // namespace vpndoctor
