// SPDX-License-Identifier: Apache-2.0
// Brings a list of entries that share one key from one order to another with the few moves that the kernel has: add at
// either end, replace the first, delete the first that matches. Entries are numbers; equal numbers mean equal entries.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

namespace vpndoctor {

using EntryList = std::vector<int>;

inline bool holds(const EntryList& list, int entry) { return std::ranges::find(list, entry) != list.end(); }
/// Where an entry stands in what is kept by number.
constexpr std::size_t slot(int entry) { return static_cast<std::size_t>(entry); }

/// What the kernel does to the entries of one key.
struct SequenceModel {
  bool has_first = true;  ///< an entry can be put before all others, and the first be replaced (IPv4 routes, not rules)
  bool allows_copies = false;  ///< equal entries can stand side by side (rules)
  /// True when a request to delete `request` would also match `present`: what is not said matches everything.
  std::function<bool(int request, int present)> covers;
  std::vector<bool> pinned;  ///< by entry: belongs to the kernel, is neither added nor deleted

  bool is_pinned(int entry) const { return slot(entry) < pinned.size() && pinned[slot(entry)]; }
};

struct SequenceStep {
  enum class Kind { kAddFirst, kAddLast, kReplaceFirst, kDelete };
  Kind kind = Kind::kAddLast;
  int entry = 0;
};

/// Returns the list after one step; nullopt when the kernel would refuse it or would hit another entry.
std::optional<EntryList> after_step(const EntryList& list, const SequenceStep& step, const SequenceModel& model);

/// Returns the steps from `now` to `target`. What both have stays untouched wherever the order allows it, and additions
/// stand before the deletions that they make up for unless the kernel would then delete the wrong entry.
std::vector<SequenceStep> sequence_steps(const EntryList& now, const EntryList& target, const SequenceModel& model);

}  // namespace vpndoctor
