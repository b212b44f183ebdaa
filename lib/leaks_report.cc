// SPDX-License-Identifier: Apache-2.0
// Whether the leaks command found out what it was asked.
#include "vpndoctor/leaks_report.h"

#include <algorithm>

namespace vpndoctor {
namespace {

bool is_known(const FamilyCoverage& coverage) { return coverage.mode != CoverageMode::kUnknown; }

bool is_coverage_answered(const LeaksReport& report) {
  const bool inet = is_known(report.coverage.inet);
  const bool inet6 = is_known(report.coverage.inet6);
  return report.expectation.mode ? inet && inet6 : inet || inet6;
}

bool is_expectation_answered(const LeaksReport& report, std::span<const Skipped> skipped) {
  const bool is_asked = report.expectation.mode || !report.expectation.interface.empty();
  return !is_asked || std::ranges::none_of(
                          skipped, [](const Skipped& each) { return each.code == "TUN005" || each.code == "TUN006"; });
}

}  // namespace

bool leaks_are_answered(const LeaksReport& report, std::span<const Skipped> skipped) {
  return is_coverage_answered(report) && is_expectation_answered(report, skipped) &&
         (!report.capture || is_conclusive(*report.capture)) &&
         (!report.bypass || can_bypass(*report.bypass).has_value());
}

}  // namespace vpndoctor
