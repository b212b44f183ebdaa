// SPDX-License-Identifier: Apache-2.0
// Tells loss that depends on size from loss that strikes whatever is in the way.
#pragma once

#include "probe_ledger.h"

namespace vpndoctor {

/// True when large sizes that are known to pass (full TTL, this method) get lost clearly more often than smaller ones
/// sent at about the same time. A burst counts as one loss, and where answers had to queue nothing counts: there the
/// probing itself was the cause.
bool loss_depends_on_size(const ProbeLedger& ledger, Method method);

}  // namespace vpndoctor
