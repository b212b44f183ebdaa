// SPDX-License-Identifier: Apache-2.0
// `data` of the routes commands. Snapshots are shared: a report does not copy a million routes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/cidr_audit.h"
#include "vpndoctor/fib.h"
#include "vpndoctor/restore_plan.h"
#include "vpndoctor/route_diff.h"
#include "vpndoctor/routes_overview.h"
#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// `routes show` and `routes save`.
struct RoutesShowReport {
  std::shared_ptr<const Snapshot> snapshot;
  bool unfolded = false;                   ///< --all: every entry instead of aggregates
  std::optional<RoutesOverview> overview;  ///< null: not asked for (`save`)
  std::string saved_to;                    ///< `save`: the file that was written; empty: none
};

/// `routes diff`.
struct RoutesDiffReport {
  std::shared_ptr<const Snapshot> before;
  std::shared_ptr<const Snapshot> after;
  SnapshotDiff diff;
  std::string before_name;  ///< the file, or "the baseline of ..."
  std::string after_name;   ///< the file, or "now"
};

/// `routes explain`.
struct RoutesExplainReport {
  std::shared_ptr<const Snapshot> snapshot;
  std::shared_ptr<const Fib> fib;  ///< what the answer points into
  Flow flow;
  bool uid_was_given = false;
  FlowExplanation explanation;
  std::string hypothesis;  ///< "without wg0", "as if ..."; empty: as it is
};

/// `routes audit`.
struct RoutesAuditReport {
  std::shared_ptr<const Snapshot> snapshot;
  CidrAudit audit;
};

/// `routes restore`.
struct RoutesRestoreReport {
  RestorePlan plan;
  std::string baseline_name;  ///< the file, or "what the interfaces' configuration says"
  bool applied = false;
  std::optional<bool> verified;  ///< read back and equal; null: not applied
  bool rolled_back = false;
  bool with_optional = false;         ///< what the plan only offers was to be applied as well
  bool confirmed = false;             ///< --confirmed: a restore that waited is kept; then there is no plan
  std::vector<std::string> messages;  ///< what happened while it was carried out
  /// The command that carries the plan out, for root; empty: it is not for this machine.
  std::vector<std::string> apply_argv = {};
};

}  // namespace vpndoctor
