// SPDX-License-Identifier: Apache-2.0
// Verdicts and exit codes: the promises that scripts rely on.
#include "vpndoctor/report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

#include "vpndoctor/version.h"

namespace vpndoctor {
namespace {

Finding finding(Severity severity) {
  Finding result;
  result.severity = severity;
  return result;
}

Report report_with(Verdict verdict) {
  Report report;
  report.verdict = verdict;
  return report;
}

Report report_with(ErrorKind kind) {
  Report report;
  report.error = Error{.kind = kind, .message = {}, .hint = {}};
  return report;
}

TEST(Verdict, IsAProblemFromTheChosenSeverityOn) {
  constexpr Severity kSeverities[] = {Severity::kNotice, Severity::kWarning, Severity::kError};
  constexpr FailOn kThresholds[] = {FailOn::kNotice, FailOn::kWarning, FailOn::kError, FailOn::kNever};
  for (int severity = 0; severity < 3; ++severity) {
    for (int threshold = 0; threshold < 4; ++threshold) {
      const auto expected = severity >= threshold ? Verdict::kProblem : Verdict::kOk;
      EXPECT_EQ(decide_verdict({finding(kSeverities[severity])}, kThresholds[threshold], true), expected)
          << severity << ' ' << threshold;
    }
  }
}

TEST(Verdict, IsAProblemWhereverTheFindingStandsInTheList) {
  EXPECT_EQ(decide_verdict({finding(Severity::kNotice), finding(Severity::kError), finding(Severity::kNotice)},
                           FailOn::kError, true),
            Verdict::kProblem);
}

TEST(Verdict, OfAnUnansweredQuestionIsUndeterminedUnlessSomethingIsWrong) {
  EXPECT_EQ(decide_verdict({}, FailOn::kError, false), Verdict::kUndetermined);
  EXPECT_EQ(decide_verdict({finding(Severity::kWarning)}, FailOn::kError, false), Verdict::kUndetermined);
  EXPECT_EQ(decide_verdict({finding(Severity::kError)}, FailOn::kError, false), Verdict::kProblem);
  EXPECT_EQ(decide_verdict({finding(Severity::kError)}, FailOn::kNever, false), Verdict::kUndetermined);
}

TEST(ExitCode, FollowsTheVerdict) {
  EXPECT_EQ(exit_code(report_with(Verdict::kOk)), 0);
  EXPECT_EQ(exit_code(report_with(Verdict::kProblem)), 1);
  EXPECT_EQ(exit_code(report_with(Verdict::kUndetermined)), 3);
}

TEST(ExitCode, OfAnErrorFollowsItsKindWhateverTheVerdict) {
  EXPECT_EQ(exit_code(report_with(ErrorKind::kUsage)), 2);
  EXPECT_EQ(exit_code(report_with(ErrorKind::kUnknownHost)), 3);
  EXPECT_EQ(exit_code(report_with(ErrorKind::kNoRoute)), 3);
  EXPECT_EQ(exit_code(report_with(ErrorKind::kPermission)), 3);
  EXPECT_EQ(exit_code(report_with(ErrorKind::kUnavailable)), 3);
  EXPECT_EQ(exit_code(report_with(ErrorKind::kInternal)), 4);
  Report report = report_with(ErrorKind::kUsage);
  report.verdict = Verdict::kOk;
  EXPECT_EQ(exit_code(report), 2);
}

TEST(ExitCode, OfAnInterruptionIs130WhateverElseIsKnown) {
  EXPECT_EQ(exit_code(report_with(Verdict::kOk), true), 130);
  EXPECT_EQ(exit_code(report_with(Verdict::kProblem), true), 130);
  EXPECT_EQ(exit_code(report_with(ErrorKind::kInternal), true), 130);
}

TEST(Names, AreTheWordsOfTheJsonContract) {
  EXPECT_STREQ(verdict_name(Verdict::kOk), "ok");
  EXPECT_STREQ(verdict_name(Verdict::kProblem), "problem");
  EXPECT_STREQ(verdict_name(Verdict::kUndetermined), "undetermined");
  EXPECT_STREQ(severity_name(Severity::kNotice), "notice");
  EXPECT_STREQ(severity_name(Severity::kWarning), "warning");
  EXPECT_STREQ(severity_name(Severity::kError), "error");
  EXPECT_STREQ(confidence_name(Confidence::kSuspected), "suspected");
  EXPECT_STREQ(confidence_name(Confidence::kLikely), "likely");
  EXPECT_STREQ(confidence_name(Confidence::kProven), "proven");
  EXPECT_STREQ(error_kind_name(ErrorKind::kUsage), "usage");
  EXPECT_STREQ(error_kind_name(ErrorKind::kUnknownHost), "unknown_host");
  EXPECT_STREQ(error_kind_name(ErrorKind::kNoRoute), "no_route");
  EXPECT_STREQ(error_kind_name(ErrorKind::kPermission), "permission");
  EXPECT_STREQ(error_kind_name(ErrorKind::kUnavailable), "unavailable");
  EXPECT_STREQ(error_kind_name(ErrorKind::kInternal), "internal");
  EXPECT_STREQ(family_name(Family::kInet), "inet");
  EXPECT_STREQ(family_name(Family::kInet6), "inet6");
}

TEST(Version, IsThreeNumbers) {
  const std::string_view text = version();
  EXPECT_EQ(std::count(text.begin(), text.end(), '.'), 2);
  EXPECT_EQ(text.find_first_not_of("0123456789."), std::string_view::npos);
}

}  // namespace
}  // namespace vpndoctor
