// SPDX-License-Identifier: Apache-2.0
// The steps that findings ask for: each once, and no more than anybody reads.
#include "findings_text.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

namespace vpndoctor {
namespace {

Finding finding_of(const std::string& summary, const std::string& interface) {
  Finding finding;
  finding.code = "RTE006";
  finding.remedy.summary = summary;
  finding.remedy.commands.push_back({.os = "linux", .argv = {"ip", "link", "del", interface}, .needs_root = true});
  return finding;
}

std::string help_text(const std::vector<Finding>& findings, bool verbose = false) {
  TextOptions options;
  options.verbose = verbose;
  Page page(options);
  write_needed_help(findings, page);
  write_worth_knowing(findings, page);
  return page.text();
}

Finding told(const char* code, Severity severity, const std::string& summary) {
  Finding finding = finding_of(summary, "of-" + std::string(code));
  finding.code = code;
  finding.severity = severity;
  finding.title = "title of " + finding.code;
  finding.detail = "meaning of " + finding.code;
  return finding;
}

TEST(FindingsText, AStepThatIsThereAlreadyIsLeftOut) {
  std::vector<Finding> findings = {finding_of("first", "tun0"), finding_of("again", "tun0"),
                                   finding_of("other", "tun1")};
  for (Finding& each : findings) each.severity = Severity::kError;
  findings[1].code = "RTE007";
  const std::string text = help_text(findings);
  EXPECT_NE(text.find("first"), std::string::npos);
  EXPECT_EQ(text.find("again"), std::string::npos);
  EXPECT_NE(text.find("What mends RTE006 mends this."), std::string::npos) << text;
  EXPECT_NE(text.find("other"), std::string::npos);
}

TEST(FindingsText, StepsOfWhichOneIsNewAreToldWhole) {
  std::vector<Finding> findings;
  for (const char* alternative : {"Or wait.", "Or leave it."}) {
    findings.push_back(told("TUN005", Severity::kError, ""));
    findings.back().remedy = {};
    findings.back().remedy.steps = {
        {"Start it.", {{.os = "linux", .argv = {"wg-quick", "up", "wg0"}, .needs_root = false}}}, {alternative, {}}};
  }
  const std::string text = help_text(findings);
  EXPECT_NE(text.find("  1. Start it.\n     wg-quick up wg0\n  2. Or wait.\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  3. Start it.\n     wg-quick up wg0\n  4. Or leave it.\n"), std::string::npos) << text;
}

TEST(FindingsText, AllWhoseStepsMendAnotherAreNamed) {
  std::vector<Finding> findings = {told("TUN005", Severity::kError, "Start it."),
                                   told("LEK003", Severity::kError, "Delete it."),
                                   told("LEK004", Severity::kError, "")};
  findings[2].remedy = {};
  for (int i = 0; i < 2; ++i) findings[2].remedy.steps.push_back({"Do it.", findings[i].remedy.commands});
  EXPECT_TRUE(help_text(findings).ends_with("    meaning of LEK004\n    What mends LEK003 and TUN005 mends this.\n"))
      << help_text(findings);
}

TEST(FindingsText, ManyStepsAreCountedUnlessAllAreWanted) {
  for (const Severity severity : {Severity::kNotice, Severity::kWarning}) {
    std::vector<Finding> findings;
    for (int i = 0; i < 60; ++i) {
      findings.push_back(finding_of(fmt::format("step-{}.", i), fmt::format("tun{}", i)));
      findings.back().severity = severity;
    }
    const std::string text = help_text(findings);
    EXPECT_NE(text.find("step-49."), std::string::npos);
    EXPECT_EQ(text.find("step-50."), std::string::npos);
    EXPECT_NE(text.find("and 10 more"), std::string::npos);
    EXPECT_NE(help_text(findings, true).find("step-59."), std::string::npos);
  }
}

/// Dead tunnels from `first` on, each with a step in its own name and an alternative.
std::vector<Finding> dead_tunnels(int count) {
  std::vector<Finding> findings;
  for (int i = 0; i < count; ++i) {
    const std::string name = "tun" + std::to_string(i);
    Finding finding = told("TUN001", Severity::kError, "");
    finding.subject = {"interface", name};
    finding.title = name + " is dead";
    finding.remedy = {};
    finding.remedy.steps = {
        {"Start the VPN that makes " + name + " again.", {}},
        {"Or take it away.", {{.os = "linux", .argv = {"ip", "link", "del", name}, .needs_root = true}}}};
    findings.push_back(std::move(finding));
  }
  return findings;
}

TEST(FindingsText, ManyOfAKindShareTheirSteps) {
  const std::string text = help_text(dead_tunnels(300));
  EXPECT_NE(text.find("So it is with 299 more: tun1, tun2 and 297 more."), std::string::npos) << text;
  EXPECT_NE(text.find("  1. Start the VPN that makes tun0, tun1 and 298 more again.\n  2. Or take it away.\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("ip link del tun49\n     and 250 more; --verbose lists them\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("  3. "), std::string::npos);
  EXPECT_NE(help_text(dead_tunnels(300), true).find("ip link del tun299\n"), std::string::npos);
}

TEST(FindingsText, AFewOfAKindAndThoseThatDifferAreToldApart) {
  EXPECT_NE(help_text(dead_tunnels(3)).find("  5. Start the VPN that makes tun2 again.\n"), std::string::npos);
  std::vector<Finding> findings = dead_tunnels(5);
  findings[1].remedy.steps.push_back({"Then wait.", {}});
  const std::string text = help_text(findings);
  EXPECT_NE(text.find("  1. Start the VPN that makes tun0, tun2 and 2 more again.\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  3. Start the VPN that makes tun1 again.\n"), std::string::npos) << text;
}

TEST(FindingsText, OfOneFindingOnlyMeaningAndStepsAreTold) {
  for (const Severity severity : {Severity::kNotice, Severity::kError}) {
    EXPECT_EQ(help_text({told("TUN004", severity, "Delete it.")}),
              "\nWhat it means\n  - meaning of TUN004\n"
              "\nWhat to do\n  1. Delete it.\n     sudo ip link del of-TUN004\n");
  }
}

TEST(FindingsText, EachStepStandsBelowTheFindingThatItMends) {
  std::vector<Finding> findings = {told("TUN005", Severity::kError, "Start it."),
                                   told("LEK003", Severity::kWarning, "Delete it.")};
  findings[0].caused_by = {"TUN001"};
  findings[1].confidence = Confidence::kLikely;
  EXPECT_EQ(help_text(findings),
            "\nWhat it means, and what to do\n"
            "  TUN005 error: title of TUN005 (follows from TUN001)\n    meaning of TUN005\n"
            "  1. Start it.\n     sudo ip link del of-TUN005\n"
            "\n  LEK003 warning: title of LEK003 (likely)\n    meaning of LEK003\n"
            "  2. Delete it.\n     sudo ip link del of-LEK003\n");
}

TEST(FindingsText, StepsOfNoticesAreNotAmongThoseThatAreNeeded) {
  const std::string text =
      help_text({told("LEK007", Severity::kNotice, "May be."), told("LEK001", Severity::kError, "Must be.")});
  EXPECT_EQ(text,
            "\nWhat it means\n  - meaning of LEK001\n"
            "\nWhat to do\n  1. Must be.\n     sudo ip link del of-LEK001\n"
            "\nWorth knowing\n  LEK007 notice: title of LEK007\n    meaning of LEK007\n"
            "    - May be.\n      sudo ip link del of-LEK007\n");
}

TEST(FindingsText, CommandsStandBelowTheTextOfTheirStepHoweverManyThereAre) {
  std::vector<RemedyStep> steps(11, {"Look.", {{.os = "linux", .argv = {"ip", "rule"}, .needs_root = false}}});
  Page page(TextOptions{});
  write_steps("Steps", steps, page);
  EXPECT_NE(page.text().find("  9. Look.\n     ip rule\n  10. Look.\n      ip rule\n"), std::string::npos)
      << page.text();
}

std::string blind_spots_text(const std::vector<std::string>& could_not_see, const std::vector<Skipped>& skipped) {
  Page page(TextOptions{});
  write_blind_spots(could_not_see, skipped, page);
  return page.text();
}

TEST(FindingsText, ChecksAreNamedOnceBesideWhatKeptThemFromBeingMade) {
  const std::string why = ": root alone";
  const std::vector<Skipped> skipped = {{"TUN007", "the tables are not known" + why}, {"FWL001", "no rules" + why}};
  EXPECT_EQ(blind_spots_text({"links: gone", "packet filter" + why}, skipped),
            "\nWhat could not be seen\n  - links: gone\n"
            "  - packet filter: root alone; not checked: TUN007, FWL001\n");
}

TEST(FindingsText, AReasonThatMoreThanOneLineHasStaysWhole) {
  const std::string text =
      blind_spots_text({"links: gone", "rules: gone"}, {{"RTE001", "the rules are not known: gone"}});
  EXPECT_NE(text.find("  - rules: gone\n"), std::string::npos) << text;
  EXPECT_NE(text.find("RTE001 not checked: the rules are not known: gone"), std::string::npos) << text;
}

TEST(FindingsText, OnlyAFindingWhoseStepsAllStandElsewhereIsMendedThere) {
  Finding first = told("TUN001", Severity::kError, "Delete it.");
  Finding both = told("TUN007", Severity::kError, "");
  const Command other{.os = "linux", .argv = {"ip", "rule"}, .needs_root = false};
  both.detail = first.detail;
  both.remedy.steps = {{"Again.", first.remedy.commands}, {"And look.", {other}}};
  Finding again = told("TUN001", Severity::kError, "Delete it.");
  Finding mixed = told("TUN008", Severity::kError, "");
  mixed.remedy.steps = {{"Now all.", {{.os = "linux", .argv = {"ip", "route"}, .needs_root = false}, other}}};
  EXPECT_EQ(help_text({first, both, again, mixed}),
            "\nWhat it means, and what to do\n"
            "  TUN001 error: title of TUN001\n    meaning of TUN001\n"
            "  1. Delete it.\n     sudo ip link del of-TUN001\n"
            "\n  TUN007 error: title of TUN007\n"
            "  2. Again.\n     sudo ip link del of-TUN001\n  3. And look.\n     ip rule\n"
            "\n  TUN008 error: title of TUN008\n    meaning of TUN008\n"
            "  4. Now all.\n     ip route\n     ip rule\n");
}

TEST(FindingsText, StepsAreCountedThroughAndASystemIsNamedOnce) {
  Finding first = told("TUN001", Severity::kError, "");
  first.remedy.steps = {{"One.", {}}, {"Two.", {}}};
  Finding second = told("TUN002", Severity::kError, "");
  second.remedy.steps = {
      {"Three.",
       {{.os = "macos", .argv = {"a"}, .needs_root = false}, {.os = "macos", .argv = {"b"}, .needs_root = false}}}};
  EXPECT_EQ(help_text({first, second}),
            "\nWhat it means, and what to do\n"
            "  TUN001 error: title of TUN001\n    meaning of TUN001\n  1. One.\n  2. Two.\n"
            "\n  TUN002 error: title of TUN002\n    meaning of TUN002\n"
            "  3. Three.\n     macOS:\n     a\n     b\n");
}

}  // namespace
}  // namespace vpndoctor
