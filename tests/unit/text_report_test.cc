// SPDX-License-Identifier: Apache-2.0
// The text report: golden files of typical reports (UPDATE_GOLDEN=1 rewrites them), and what must hold for any report.
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <sstream>

#include "golden.h"
#include "random_dns_report.h"
#include "random_leaks_report.h"
#include "random_report.h"
#include "sample_reports.h"
#include "vpndoctor/render.h"
#include "vpndoctor/text_escape.h"
#include "vpndoctor/utf8.h"

namespace vpndoctor::test {
namespace {

using testing_support::expect_golden;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(TextReport, BlackHole) { expect_golden("mtu_black_hole", render_text(black_hole_report())); }
TEST(TextReport, BlackHoleVerbose) {
  expect_golden("mtu_black_hole_verbose", render_text(black_hole_report(), {.verbose = true}));
}
TEST(TextReport, Clear) { expect_golden("mtu_clear", render_text(clear_report())); }
TEST(TextReport, Signalled) { expect_golden("mtu_signalled", render_text(signalled_report())); }
TEST(TextReport, Undetermined) { expect_golden("mtu_undetermined", render_text(undetermined_report())); }
TEST(TextReport, Reverse) { expect_golden("mtu_reverse", render_text(reverse_report())); }
TEST(TextReport, TunnelTooLarge) { expect_golden("mtu_tunnel_too_large", render_text(tunnel_too_large_report())); }
TEST(TextReport, LostBand) { expect_golden("mtu_lost_band", render_text(lost_band_report())); }
TEST(TextReport, Misreported) { expect_golden("mtu_misreported", render_text(misreported_report())); }
TEST(TextReport, IcmpSizeFilter) { expect_golden("mtu_icmp_size_filter", render_text(icmp_size_filter_report())); }
TEST(TextReport, UdpOnly) { expect_golden("mtu_udp_only", render_text(udp_only_report())); }
TEST(TextReport, Error) { expect_golden("mtu_error", render_text(error_report())); }

TEST(TextReport, TheVerdictIsTheFirstLineAndOne) {
  EXPECT_TRUE(render_text(black_hole_report()).starts_with("PROBLEM: "));
  EXPECT_TRUE(render_text(clear_report()).starts_with("OK: "));
  EXPECT_TRUE(render_text(undetermined_report()).starts_with("UNDETERMINED: "));
}

TEST(TextReport, ABlackHoleIsNotCalledOkWhenNothingFails) {
  Report report = black_hole_report();
  report.verdict = decide_verdict(report.findings, FailOn::kNever, true);
  EXPECT_EQ(report.verdict, Verdict::kOk);
  EXPECT_TRUE(render_text(report).starts_with("PROBLEM: "));
}

TEST(TextReport, QuietIsOneLine) {
  for (const Report& report : {black_hole_report(), clear_report(), undetermined_report(), error_report()}) {
    EXPECT_EQ(lines_of(render_text(report, {.quiet = true})).size(), 1U);
  }
}

TEST(TextReport, NoCommandIsShownTwice) {
  for (const Report& report : {black_hole_report(), tunnel_too_large_report(), misreported_report()}) {
    std::vector<std::string> commands;
    for (const std::string& line : lines_of(render_text(report)))
      if (line.find(" sudo ") != std::string::npos && !line.ends_with('\\')) commands.push_back(line);
    ASSERT_FALSE(commands.empty());
    std::ranges::sort(commands);
    EXPECT_EQ(std::ranges::adjacent_find(commands), commands.end());
  }
}

TEST(TextReport, OfABlackHoleFitsTwoScreens) { EXPECT_LE(lines_of(render_text(black_hole_report())).size(), 75U); }

TEST(TextReport, TheTunnelsOwnPathIsShown) {
  Report report = black_hole_report();
  Report outer = signalled_report();
  std::get<PathMtuReport>(report.data).outer =
      std::make_unique<PathMtuReport>(std::move(std::get<PathMtuReport>(outer.data)));
  EXPECT_NE(render_text(report).find("\nThe tunnel's own path\n"), std::string::npos);
}

TEST(TextReport, ColourChangesNothingButColour) {
  const std::regex colour("\x1b\\[[0-9;]*m");
  for (const Report& report : {black_hole_report(), clear_report(), signalled_report(), undetermined_report()}) {
    const std::string coloured = render_text(report, {.color = true});
    EXPECT_NE(coloured.find("\x1b["), std::string::npos);
    EXPECT_EQ(std::regex_replace(coloured, colour, ""), render_text(report));
  }
}

/// Of mtu, of a dns command, or of leaks.
Report any_report(std::mt19937_64& random) {
  switch (random() % 3) {
    case 0:
      return random_report(random);
    case 1:
      return random_dns_report(random);
    default:
      return random_leaks_report(random);
  }
}

TEST(TextReport, NoLineIsWiderThanTheTerminal) {
  std::mt19937_64 random(80);
  for (int i = 0; i < 1200; ++i) {
    const Report report = any_report(random);
    if (report.error) continue;
    TextOptions options;
    options.utf8 = i % 2 == 0;
    options.verbose = i % 3 == 0;
    options.width_columns = i % 5 == 0 ? 120 : 80;
    for (const std::string& line : lines_of(render_text(report, options))) {
      ASSERT_LE(display_width(line), static_cast<std::size_t>(options.width_columns)) << "report " << i << ": " << line;
    }
  }
}

TEST(TextReport, NothingForeignSteersTheTerminal) {
  std::mt19937_64 random(27);
  for (int i = 0; i < 1200; ++i) {
    TextOptions options;
    options.utf8 = i % 2 == 0;
    options.verbose = i % 3 == 0;
    options.quiet = i % 7 == 0;
    const std::string text = render_text(any_report(random), options);
    ASSERT_TRUE(text.ends_with('\n'));
    for (const std::string& line : lines_of(text)) {
      ASSERT_EQ(options.utf8 ? escape_controls(line) : escape_non_ascii(line), line) << "report " << i;
    }
  }
}

}  // namespace
}  // namespace vpndoctor::test
