// SPDX-License-Identifier: Apache-2.0
// Keeps the longest run of the target that the present order already has, then checks each candidate on a model of the
// kernel (net/ipv4/fib_trie.c fib_table_insert() and fib_table_delete(), net/core/fib_rules.c rule_find()).
#include "restore_sequence.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace vpndoctor {
namespace {

using Kind = SequenceStep::Kind;
using Steps = std::vector<SequenceStep>;

/// Beyond this many pairs only the whole is tried: nobody has that many routes of one key.
constexpr std::size_t kMostPairs = 1'000'000;
constexpr std::size_t kMostCandidates = 64;

/// A run of the target, [first, last), that stays where it is.
struct Kept {
  std::size_t first = 0;
  std::size_t last = 0;
  std::size_t pinned = 0;

  std::size_t size() const { return last - first; }
};

/// Follows the target from `first` on through `now`; each entry is looked for behind the one before.
Kept run_from(const EntryList& now, const EntryList& target, std::size_t first, const SequenceModel& model) {
  Kept run{first, first, 0};
  auto at = now.begin();
  while (run.last < target.size()) {
    const auto found = std::find(at, now.end(), target[run.last]);
    if (found == now.end()) break;
    if (model.is_pinned(target[run.last])) ++run.pinned;
    at = found + 1;
    ++run.last;
  }
  return run;
}

/// All runs worth trying, best first; the empty one last.
std::vector<Kept> candidates(const EntryList& now, const EntryList& target, const SequenceModel& model) {
  std::vector<Kept> runs;
  const std::size_t starts = model.has_first ? target.size() : std::min<std::size_t>(target.size(), 1);
  for (std::size_t first = 0; first < starts; ++first) {
    Kept run = run_from(now, target, first, model);
    for (; run.size() > 0; --run.last) {
      runs.push_back(run);
      if (model.is_pinned(target[run.last - 1])) --run.pinned;
    }
  }
  std::ranges::sort(runs, [](const Kept& left, const Kept& right) {
    if (left.pinned != right.pinned) return left.pinned > right.pinned;
    return left.size() != right.size() ? left.size() > right.size() : left.first < right.first;
  });
  runs.resize(std::min(runs.size(), kMostCandidates));
  runs.push_back({});
  return runs;
}

/// What of `now` is not in the run, in its order. Of equal entries the kernel deletes the first, so the last stay.
EntryList leftovers(const EntryList& now, const EntryList& target, const Kept& run, const SequenceModel& model) {
  EntryList kept(target.begin() + static_cast<std::ptrdiff_t>(run.first),
                 target.begin() + static_cast<std::ptrdiff_t>(run.last));
  EntryList left;
  for (auto entry = now.rbegin(); entry != now.rend(); ++entry) {
    const auto found = std::ranges::find(kept, *entry);
    if (found != kept.end()) {
      kept.erase(found);
    } else if (!model.is_pinned(*entry)) {
      left.push_back(*entry);
    }
  }
  std::ranges::reverse(left);
  return left;
}

void append_deletions(Steps& steps, const EntryList& entries) {
  for (const int entry : entries) steps.push_back({Kind::kDelete, entry});
}

/// What is missing before and behind the run. The first addition takes the place of `replaceable` when there is one.
Steps additions(const EntryList& target, const Kept& run, bool replaceable) {
  Steps steps;
  const bool whole = run.size() == 0;
  const std::size_t before = whole ? 0 : run.first;
  for (std::size_t i = before; i > 0; --i) steps.push_back({Kind::kAddFirst, target[i - 1]});
  for (std::size_t i = whole ? 0 : run.last; i < target.size(); ++i) steps.push_back({Kind::kAddLast, target[i]});
  if (replaceable && !steps.empty() && (whole || before > 0)) steps.front().kind = Kind::kReplaceFirst;
  return steps;
}

/// A first entry that goes anyway can be replaced: one step instead of two, and no moment without.
bool can_replace_first(const EntryList& now, const EntryList& left, const SequenceModel& model) {
  const bool any_pinned = std::ranges::any_of(now, [&](int entry) { return model.is_pinned(entry); });
  return model.has_first && !any_pinned && !now.empty() && !left.empty() && left.front() == now.front();
}

/// True when the steps lead from `now` to `target`; what is pinned and not wished for is overlooked.
bool leads_to(EntryList now, const Steps& steps, const EntryList& target, const SequenceModel& model) {
  for (const SequenceStep& step : steps) {
    auto next = after_step(now, step, model);
    if (!next) return false;
    now = std::move(*next);
  }
  std::erase_if(now, [&](int entry) { return model.is_pinned(entry) && !holds(target, entry); });
  return now == target;
}

/// The ways to keep one run, best first: with a replacement and without, additions before deletions and after them.
std::array<Steps, 4> ways(const EntryList& now, const EntryList& target, const Kept& run, const SequenceModel& model) {
  const EntryList left = leftovers(now, target, run, model);
  std::array<Steps, 4> all;
  if (can_replace_first(now, left, model)) {
    all[0] = additions(target, run, true);
    const bool replaces = !all[0].empty() && all[0].front().kind == Kind::kReplaceFirst;
    const EntryList rest = replaces ? EntryList(left.begin() + 1, left.end()) : left;
    append_deletions(all[1], rest);
    std::ranges::copy(all[0], std::back_inserter(all[1]));
    append_deletions(all[0], rest);
  }
  all[2] = additions(target, run, false);
  append_deletions(all[2], left);
  append_deletions(all[3], left);
  std::ranges::copy(additions(target, run, false), std::back_inserter(all[3]));
  return all;
}

/// The best way that keeps the run and works.
std::optional<Steps> first_way(const EntryList& now, const EntryList& target, const Kept& run,
                               const SequenceModel& model) {
  for (Steps& steps : ways(now, target, run, model)) {
    if (leads_to(now, steps, target, model)) return std::move(steps);
  }
  return std::nullopt;
}

/// The last resort, where pinned entries stand in the way of the order: the right entries in any order.
Steps as_a_set(const EntryList& now, const EntryList& target, const SequenceModel& model) {
  Steps steps;
  EntryList missing = target;
  for (const int entry : now) {
    const auto found = std::ranges::find(missing, entry);
    if (found != missing.end()) {
      missing.erase(found);
    } else if (!model.is_pinned(entry)) {
      steps.push_back({Kind::kDelete, entry});
    }
  }
  Steps all;
  for (const int entry : missing) all.push_back({Kind::kAddLast, entry});
  std::ranges::copy(steps, std::back_inserter(all));
  return all;
}

std::optional<EntryList> without(const EntryList& list, int entry, const SequenceModel& model) {
  const auto found = std::ranges::find_if(list, [&](int present) { return model.covers(entry, present); });
  if (found == list.end() || *found != entry) return std::nullopt;
  EntryList after = list;
  after.erase(after.begin() + (found - list.begin()));
  return after;
}

}  // namespace

std::optional<EntryList> after_step(const EntryList& list, const SequenceStep& step, const SequenceModel& model) {
  if (step.kind == Kind::kDelete) return without(list, step.entry, model);
  if (!model.allows_copies && holds(list, step.entry)) return std::nullopt;
  EntryList after = list;
  switch (step.kind) {
    case Kind::kAddFirst:
      after.insert(after.begin(), step.entry);
      break;
    case Kind::kReplaceFirst:
      if (after.empty()) return std::nullopt;
      after.front() = step.entry;
      break;
    default:
      after.push_back(step.entry);
      break;
  }
  return after;
}

std::vector<SequenceStep> sequence_steps(const EntryList& now, const EntryList& target, const SequenceModel& model) {
  EntryList wanted = target;
  std::erase_if(wanted, [&](int entry) { return model.is_pinned(entry) && !holds(now, entry); });
  if (now.size() * wanted.size() > kMostPairs) return as_a_set(now, wanted, model);
  std::optional<Steps> best;
  Kept kept;
  for (const Kept& run : candidates(now, wanted, model)) {
    if (best && (run.pinned != kept.pinned || run.size() != kept.size())) break;
    auto steps = first_way(now, wanted, run, model);
    if (!steps || (best && best->size() <= steps->size())) continue;
    best = std::move(steps);
    kept = run;
  }
  if (best) return std::move(*best);
  return as_a_set(now, wanted, model);
}

}  // namespace vpndoctor
