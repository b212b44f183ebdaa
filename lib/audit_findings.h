// SPDX-License-Identifier: Apache-2.0
// What the findings of an audit share: proof is collected case by case, the worst first.
#pragma once

#include <cstddef>
#include <set>
#include <string>

#include "routing_checks.h"
#include "vpndoctor/cidr_audit.h"

namespace vpndoctor {

/// "1 prefix", "3 prefixes".
std::string counted(std::size_t count, const char* one, const char* many);

/// Collects what one finding is about.
class Case {
 public:
  static constexpr std::size_t kMostEvidence = 8;

  Case(const char* code, const CidrAudit& audit, const Snapshot& snapshot)
      : snapshot_(&snapshot), finding_(make_finding(code, {"interface", audit.interface})) {}

  void add(std::string source, std::string text);
  /// Notes why something that was added is not certain; empty: it is.
  void add_doubt(const std::string& why);
  std::size_t count() const { return count_; }
  Finding& finding() { return finding_; }

  /// Moves the finding to `findings`, unless it is about nothing.
  void finish(std::string title, std::string detail, Findings& findings);

 private:
  const Snapshot* snapshot_;
  Finding finding_;
  std::set<std::string> doubts_;
  std::size_t count_ = 0;
};

/// RTE020 to RTE022: prefixes that do not go where the list says.
void check_ways(const CidrAudit& audit, const Snapshot& snapshot, Findings& findings);

}  // namespace vpndoctor
