// SPDX-License-Identifier: Apache-2.0
// `data` of the dns commands.
#pragma once

#include <memory>

#include "vpndoctor/dns_explain.h"
#include "vpndoctor/dns_overview.h"
#include "vpndoctor/dns_test.h"
#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// `dns show`.
struct DnsShowReport {
  std::shared_ptr<const Snapshot> snapshot;
  DnsOverview overview;
};

/// `dns explain`.
struct DnsExplainReport {
  std::shared_ptr<const Snapshot> snapshot;
  DnsExplanation explanation;
};

/// `dns test`.
struct DnsTestReport {
  std::shared_ptr<const Snapshot> snapshot;
  DnsTestResults results;
};

}  // namespace vpndoctor
