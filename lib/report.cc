// SPDX-License-Identifier: Apache-2.0
// From findings and errors to a verdict and an exit code. Knows nothing of formats: the exit code never depends on one.
#include "vpndoctor/report.h"

#include <algorithm>

namespace vpndoctor {
namespace {

constexpr int kExitOk = 0;
constexpr int kExitProblem = 1;
constexpr int kExitUsage = 2;
constexpr int kExitUndetermined = 3;
constexpr int kExitInternal = 4;
constexpr int kExitInterrupted = 130;  // 128 + SIGINT, as shells say it

bool fails(Severity severity, FailOn fail_on) {
  switch (fail_on) {
    case FailOn::kNotice:
      return severity >= Severity::kNotice;
    case FailOn::kWarning:
      return severity >= Severity::kWarning;
    case FailOn::kError:
      return severity >= Severity::kError;
    case FailOn::kNever:
      return false;
  }
  return true;
}

int error_exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kUsage:
      return kExitUsage;
    case ErrorKind::kUnknownHost:
    case ErrorKind::kNoRoute:
    case ErrorKind::kPermission:
    case ErrorKind::kUnavailable:
      return kExitUndetermined;
    case ErrorKind::kInternal:
      return kExitInternal;
  }
  return kExitInternal;
}

}  // namespace

const char* verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk:
      return "ok";
    case Verdict::kProblem:
      return "problem";
    case Verdict::kUndetermined:
      return "undetermined";
  }
  return "undetermined";
}

Verdict decide_verdict(const std::vector<Finding>& findings, FailOn fail_on, bool answered) {
  const auto counts = [fail_on](const Finding& finding) { return fails(finding.severity, fail_on); };
  if (std::any_of(findings.begin(), findings.end(), counts)) return Verdict::kProblem;
  return answered ? Verdict::kOk : Verdict::kUndetermined;
}

int exit_code(const Report& report, bool interrupted) {
  if (report.unwritten) return kExitInternal;
  if (interrupted) return kExitInterrupted;
  if (report.error) return error_exit_code(report.error->kind);
  switch (report.verdict) {
    case Verdict::kOk:
      return kExitOk;
    case Verdict::kProblem:
      return kExitProblem;
    case Verdict::kUndetermined:
      return kExitUndetermined;
  }
  return kExitInternal;
}

}  // namespace vpndoctor
