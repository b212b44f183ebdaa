// SPDX-License-Identifier: Apache-2.0
// The two families' ways within one key behind one function.
#include <algorithm>

#include "restore_entries.h"
#include "restore_groups.h"
#include "restore_siblings.h"

namespace vpndoctor {
namespace {

SequenceModel inet_model(const EntryGroup& group) {
  SequenceModel model;
  model.pinned = group.pinned;
  model.covers = [&group](int request, int present) {
    const auto entry = [&](int number) -> const StandaloneRoute& {
      return group.entries[static_cast<std::size_t>(number)];
    };
    return deletion_covers(entry(request), entry(present));
  };
  return model;
}

}  // namespace

std::vector<SequenceStep> group_steps(const EntryGroup& group, const EntryList& from, const EntryList& to) {
  return group.is_inet6() ? sibling_steps(group, from, to) : sequence_steps(from, to, inet_model(group));
}

StepResult after_group_step(const EntryGroup& group, const EntryList& list, const SequenceStep& step) {
  if (group.is_inet6()) return after_sibling_step(group, list, step);
  const bool replaces = step.kind == SequenceStep::Kind::kReplaceFirst && !list.empty();
  return {after_step(list, step, inet_model(group)).value_or(list), replaces ? list.front() : -1};
}

}  // namespace vpndoctor
