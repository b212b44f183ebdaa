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

std::string remedies_text(const std::vector<Finding>& findings, bool verbose) {
  TextOptions options;
  options.verbose = verbose;
  Page page(options);
  write_remedies(findings, page);
  return page.text();
}

TEST(FindingsText, AStepThatIsThereAlreadyIsLeftOut) {
  const std::string text =
      remedies_text({finding_of("first", "tun0"), finding_of("again", "tun0"), finding_of("other", "tun1")}, false);
  EXPECT_NE(text.find("first"), std::string::npos);
  EXPECT_EQ(text.find("again"), std::string::npos);
  EXPECT_NE(text.find("other"), std::string::npos);
}

TEST(FindingsText, ManyStepsAreCountedUnlessAllAreWanted) {
  std::vector<Finding> findings;
  for (int i = 0; i < 60; ++i) findings.push_back(finding_of(fmt::format("step-{}.", i), fmt::format("tun{}", i)));
  const std::string text = remedies_text(findings, false);
  EXPECT_NE(text.find("step-49."), std::string::npos);
  EXPECT_EQ(text.find("step-50."), std::string::npos);
  EXPECT_NE(text.find("and 10 more"), std::string::npos);
  EXPECT_NE(remedies_text(findings, true).find("step-59."), std::string::npos);
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

}  // namespace
}  // namespace vpndoctor
