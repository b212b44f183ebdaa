// SPDX-License-Identifier: Apache-2.0
// Where a command reads the machine's state from: this machine, what --from names, or the baseline.
#pragma once

#include <memory>
#include <string>

#include "vpndoctor/result.h"
#include "vpndoctor/snapshot.h"
#include "vpndoctor/snapshot_store.h"

namespace vpndoctor {

/// Reads this machine's state when `from` is empty, else the saved snapshot or folder of captures ("-": standard
/// input).
Result<std::shared_ptr<const Snapshot>> read_state(const std::string& from);

/// The same with the resolver configuration.
Result<std::shared_ptr<const Snapshot>> read_dns_state(const std::string& from);

/// The same with all that the leak detector looks at, except the counters' second look, which is the caller's to add.
Result<std::shared_ptr<Snapshot>> read_leak_state(const std::string& from);

/// Finds the baseline of the invoking user. kUnavailable when none was saved.
Result<BaselinePlace> saved_baseline();

}  // namespace vpndoctor
