// SPDX-License-Identifier: Apache-2.0
// A kill switch whose VPN is gone, loaded into the kernel and read back: what is said of it, and of filters that are
// none.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "in_namespace.h"
#include "leak_judgement.h"
#include "loaded_ruleset.h"
#include "vpndoctor/leaks_report.h"

namespace vpndoctor {
namespace {

using testing_support::in_network_namespace;
using testing_support::judge_leaks;
using testing_support::Machine;
using testing_support::with_ruleset;

constexpr const char* kLeftAlone = R"(table inet myks {
  chain out { type filter hook output priority 0; policy drop;
    oifname { "lo", "wg0" } accept
    ip daddr 192.0.2.0/24 accept
  }
})";

/// What TUN007 says of a machine without tunnels behind this ruleset.
std::optional<Finding> remains_of(const Snapshot& snapshot) {
  Coverage nothing;
  nothing.inet.mode = nothing.inet6.mode = CoverageMode::kNone;
  const CheckResults results = judge_leaks(snapshot, nothing, {});
  const auto found = std::ranges::find(results.findings, "TUN007", &Finding::code);
  return found == results.findings.end() ? std::nullopt : std::optional(*found);
}

/// The commands of the step, one a line.
std::string commands_in(const RemedyStep& step) {
  std::string text;
  for (const Command& command : step.commands) {
    for (const std::string& word : command.argv) text += (&word == &command.argv.front() ? "" : " ") + word;
    text += "\n";
  }
  return text;
}

TEST(StrandedKillSwitch, OneWhoseTunnelIsGoneStopsTheMachine) {
  in_network_namespace([] {
    const Finding found = remains_of(with_ruleset(Machine::ordinary(), kLeftAlone)).value();
    EXPECT_EQ(found.severity, Severity::kWarning) << "it may be wanted";
    EXPECT_EQ(found.confidence, Confidence::kLikely);
    EXPECT_EQ(found.subject.id, "table inet myks");
    EXPECT_EQ(found.title, "The kill switch in table inet myks stops this machine: wg0 is gone");
    ASSERT_EQ(found.remedy.steps.size(), 2U);
    EXPECT_EQ(found.remedy.steps[0].summary, "Start the VPN that makes wg0 again.");
    EXPECT_TRUE(found.remedy.steps[1].summary.starts_with("Or "));
    EXPECT_EQ(commands_in(found.remedy.steps[1]), "nft delete table inet myks\n");
  });
}

TEST(StrandedKillSwitch, AProductsOwnIsRecognisedWithoutATunnelsName) {
  in_network_namespace([] {
    const char* blocked =
        "table inet mullvad {\n chain output { type filter hook output priority 0; policy drop;\n"
        " oifname \"lo\" accept\n }\n}";
    const Finding found = remains_of(with_ruleset(Machine::ordinary(), blocked)).value();
    EXPECT_EQ(found.severity, Severity::kWarning);
    EXPECT_EQ(commands_in(found.remedy.steps.at(0)), "systemctl restart mullvad-daemon\n");
    const char* left =
        "table inet nordvpn {\n chain postrouting { type filter hook postrouting priority 0; policy "
        "drop;\n oifname { \"lo\", \"nordlynx\" } accept\n }\n}";
    EXPECT_TRUE(remains_of(with_ruleset(Machine::ordinary(), left)));
  });
}

TEST(StrandedKillSwitch, WhatStopsNothingOrIsOfAWorkingTunnelIsNone) {
  in_network_namespace([] {
    Machine connected = Machine::ordinary();
    connected.link("wg0", "wireguard").tunnel("wg0", "198.51.100.9", 51820);
    EXPECT_FALSE(remains_of(with_ruleset(std::move(connected), kLeftAlone)));
    Machine other = Machine::ordinary();
    other.tun("tun0").tunnel("tun0", "198.51.100.9");
    EXPECT_FALSE(remains_of(with_ruleset(std::move(other), kLeftAlone))) << "tun0 may carry what is stopped";
    const char* open =
        "table inet myks {\n chain out { type filter hook output priority 0; policy drop;\n"
        " oifname { \"lo\", \"wg0\", \"eth0\" } accept\n }\n}";
    EXPECT_FALSE(remains_of(with_ruleset(Machine::ordinary(), open)));
    const char* servers =
        "table inet filter {\n chain out { type filter hook output priority 0; policy drop;\n"
        " oifname { \"lo\" } accept\n }\n}";
    EXPECT_FALSE(remains_of(with_ruleset(Machine::ordinary(), servers))) << "no tunnel is named";
    EXPECT_FALSE(remains_of(with_ruleset(Machine::ordinary(), std::string(kLeftAlone) + "\n" + servers)))
        << "another table stops it as well";
  });
}

TEST(StrandedKillSwitch, MoreThanCanBeTriedAreNotDecided) {
  in_network_namespace([] {
    Snapshot snapshot = with_ruleset(Machine::ordinary(), kLeftAlone);
    const FirewallTable one = snapshot.firewall->tables.front();
    for (int number = 0; number < 16; ++number) {
      snapshot.firewall->tables.push_back(one);
      snapshot.firewall->tables.back().name = "myks" + std::to_string(number);
    }
    EXPECT_FALSE(remains_of(snapshot));
    const CheckResults results = judge_leaks(snapshot, Coverage{}, {});
    EXPECT_TRUE(std::ranges::any_of(results.skipped, [](const Skipped& each) {
      return each.code == "TUN007" && each.reason.starts_with("17 tables look like kill switches whose VPN is gone");
    }));
  });
}

TEST(StrandedKillSwitch, AMachinesWholeFilterIsNotDeleted) {
  in_network_namespace([] {
    const char* whole =
        "table inet filter {\n chain in { type filter hook input priority 0; policy drop; }\n"
        " chain out { type filter hook output priority 0; policy drop;\n"
        " oifname { \"lo\", \"wg0\" } accept\n }\n}";
    const Finding found = remains_of(with_ruleset(Machine::ordinary(), whole)).value();
    ASSERT_EQ(found.remedy.steps.size(), 2U);
    EXPECT_EQ(commands_in(found.remedy.steps[1]), "nft -a list table inet filter\n");
  });
}

TEST(StrandedKillSwitch, TrafficThatTheFilterStopsIsNotSaidToLeave) {
  in_network_namespace([] {
    const Snapshot snapshot = with_ruleset(Machine::ordinary(), kLeftAlone);
    const Fib fib(snapshot);
    Coverage coverage = find_coverage(snapshot, fib, 1000);
    const LeakFacts facts{
        .snapshot = snapshot, .fib = fib, .uid = 1000, .tunnels = {}, .coverage = coverage, .expectation = {}};
    const StoppedTraffic stopped = find_stopped_traffic(facts);
    EXPECT_EQ(stopped.families, (std::vector{Family::kInet, Family::kInet6}));
    EXPECT_NE(stopped.why.find("myks"), std::string::npos) << stopped.why;
  });
}

}  // namespace
}  // namespace vpndoctor
