// SPDX-License-Identifier: Apache-2.0
// Whether the leaks command found out what it was asked.
#include "vpndoctor/leaks_report.h"

#include <algorithm>

namespace vpndoctor {
namespace {

bool is_known(const FamilyCoverage& coverage) { return coverage.mode != CoverageMode::kUnknown; }

/// True for a family that this machine is seen to use.
bool has_way(const FamilyCoverage& coverage) {
  return !coverage.tunnels.empty() || !coverage.outside.empty() || !coverage.outside_ways.empty();
}

/// A family of which nothing is seen may stay unknown where nothing is expected of it, but is no answer by itself.
bool is_coverage_answered(const LeaksReport& report) {
  const FamilyCoverage& inet = report.coverage.inet;
  const FamilyCoverage& inet6 = report.coverage.inet6;
  if (is_known(inet) && is_known(inet6)) return true;
  if (report.expectation.mode || (!is_known(inet) && !is_known(inet6))) return false;
  return has_way(is_known(inet) ? inet : inet6) && !has_way(is_known(inet) ? inet6 : inet);
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
