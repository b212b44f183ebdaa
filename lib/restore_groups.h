// SPDX-License-Identifier: Apache-2.0
// Finds the keys whose routes differ between two tables, and steps from one to the other within a key. Knows nothing of
// the order among keys.
#pragma once

#include <cstdint>
#include <vector>

#include "restore_place.h"
#include "restore_sequence.h"
#include "vpndoctor/restore_plan.h"

namespace vpndoctor {

/// The routes of one key, as indexes into the two tables, in their order.
struct KeyGroup {
  std::vector<std::uint32_t> now;
  std::vector<std::uint32_t> target;
};

/// Returns the keys whose routes are not the same in the same order, in the order of the tables. Entries of caches are
/// left out.
std::vector<KeyGroup> differing_keys(const RouteTable& now, const RouteTable& target);

/// The routes of one key as a list of numbered entries.
struct EntryGroup {
  std::vector<StandaloneRoute> entries;  ///< by number
  std::vector<std::uint32_t> now_index;  ///< by number: the first such route of today's table; kNone: none
  EntryList now;
  EntryList target;
  std::vector<bool> pinned;          ///< by number: kernel-made, or kept on purpose
  std::vector<std::string> why_not;  ///< by number: why it cannot be restored, or must not be deleted; empty: it can
  static constexpr std::uint32_t kNone = 0xffffffff;

  bool is_inet6() const { return entries.front().route.destination.family() == Family::kInet6; }
  bool is_missing(int entry) const;  ///< the target has it, today's table has not
  bool is_extra(int entry) const;    ///< the other way round, and it is not the kernel's
};

/// Numbers the routes of a key and pins what belongs to the kernel.
EntryGroup numbered(const KeyGroup& key, const Snapshot& now, const Snapshot& target, const Place& place);

/// Returns the steps from `from` to `to`, two lists of the group's entries.
std::vector<SequenceStep> group_steps(const EntryGroup& group, const EntryList& from, const EntryList& to);
/// Returns the list after a step that group_steps() gave, and which entry a replacement replaced (-1: none).
struct StepResult {
  EntryList list;
  int replaced = -1;
};
StepResult after_group_step(const EntryGroup& group, const EntryList& list, const SequenceStep& step);

}  // namespace vpndoctor
