// SPDX-License-Identifier: Apache-2.0
// Reads the machine's state, live or saved.
#include "state_source.h"

#include <utility>

#include "vpndoctor/collect.h"
#include "vpndoctor/snapshot_store.h"

namespace vpndoctor {

Result<std::shared_ptr<const Snapshot>> read_state(const std::string& from) {
  auto snapshot = from.empty() ? collect_snapshot() : load_snapshot(from);
  if (!snapshot) return std::unexpected(std::move(snapshot.error()));
  return std::make_shared<const Snapshot>(std::move(*snapshot));
}

}  // namespace vpndoctor
