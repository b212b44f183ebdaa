// SPDX-License-Identifier: Apache-2.0
// The result of one command as data: the envelope that every command shares and the command's own part.
// What JSON prints is this; the text report is another view of the same.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "vpndoctor/capture_flows.h"
#include "vpndoctor/dns_report.h"
#include "vpndoctor/finding.h"
#include "vpndoctor/leaks_report.h"
#include "vpndoctor/path_mtu.h"
#include "vpndoctor/path_mtu_diagnosis.h"
#include "vpndoctor/result.h"
#include "vpndoctor/routes_report.h"

namespace [[gnu::visibility("default")]] vpndoctor {

enum class Verdict { kOk, kProblem, kUndetermined };
const char* verdict_name(Verdict verdict);  ///< "ok", "problem", "undetermined"

/// From which severity on a finding makes the verdict `problem`.
enum class FailOn { kNotice, kWarning, kError, kNever };

/// `data` of the mtu command; `outer` has the same shape, measured to the tunnel's endpoint.
struct PathMtuReport {
  PathMtuMeasurement measurement;
  PathMtuDiagnosis diagnosis;
  std::unique_ptr<PathMtuReport> outer;  ///< null unless --outer
};

struct Report {
  std::string command;  ///< "mtu", "routes show", ...; empty when the arguments name none
  std::chrono::system_clock::time_point started_at;
  Milliseconds duration{};
  Verdict verdict = Verdict::kUndetermined;
  bool incomplete = false;  ///< interrupted, out of time, or a capture that ended early
  std::vector<Finding> findings;
  std::vector<Skipped> skipped;
  std::optional<Error> error;
  std::optional<Error> unwritten;  ///< a file that was to be written beside this report: why it is not there
  std::variant<std::monostate, PathMtuReport, RoutesShowReport, RoutesDiffReport, RoutesExplainReport,
               RoutesAuditReport, RoutesRestoreReport, DnsShowReport, DnsExplainReport, DnsTestReport, LeaksReport,
               CaptureFlows>
      data;
};

/// Decides the verdict: `problem` for a finding at or above `fail_on`, else `undetermined` when the question
/// was not answered, else `ok`.
Verdict decide_verdict(const std::vector<Finding>& findings, FailOn fail_on, bool answered);

/// Exit codes, the same for every format: 0 ok, 1 problem, 3 undetermined, 130 interrupted, 4 for a file that could not
/// be written; for an error see ErrorKind.
int exit_code(const Report& report, bool interrupted = false);

}  // namespace vpndoctor
