// SPDX-License-Identifier: Apache-2.0
// What the kernel does to IPv6 routes of one key (net/ipv6/ip6_fib.c fib6_add_rt2node()): a replacement takes the place
// of the first that joins siblings just as it does, else of the first; an addition is refused beside an equal next hop.
#include "restore_siblings.h"

#include <algorithm>

#include "restore_entries.h"

namespace vpndoctor {
namespace {

using Kind = SequenceStep::Kind;

bool joins(const EntryGroup& group, int entry) { return joins_siblings(group.entries[slot(entry)]); }

/// The entry that a replacement by `entry` takes the place of; -1: none.
int replaced_by(const EntryGroup& group, const EntryList& list, int entry) {
  for (const int present : list) {
    if (joins(group, present) == joins(group, entry)) return present;
  }
  return list.empty() ? -1 : list.front();
}

EntryList difference(const EntryList& list, EntryList without) {
  EntryList rest;
  for (const int entry : list) {
    const auto found = std::ranges::find(without, entry);
    if (found == without.end()) {
      rest.push_back(entry);
    } else {
      without.erase(found);
    }
  }
  return rest;
}

/// Both at once are refused with EEXIST (rt6_duplicate_nexthop()).
bool clash(const StandaloneRoute& left, const StandaloneRoute& right) {
  for (const NextHop& hop : left.next_hops.hops) {
    const auto equals = [&](const NextHop& other) {
      return other.interface == hop.interface && other.gateway == hop.gateway &&
             other.encapsulation == hop.encapsulation;
    };
    if (std::ranges::any_of(right.next_hops.hops, equals)) return true;
  }
  return false;
}

/// Plans on a copy of the list that follows the kernel.
class SiblingPlan {
 public:
  SiblingPlan(const EntryGroup& group, const EntryList& from, const EntryList& to)
      : group_(&group), list_(from), extra_(difference(from, to)), missing_(difference(to, from)) {
    std::erase_if(extra_, [&](int entry) { return group.pinned[slot(entry)]; });
    std::erase_if(missing_, [&](int entry) { return group.pinned[slot(entry)]; });
  }

  std::vector<SequenceStep> steps() {
    replace_where_possible();
    for (const int entry : missing_) {
      clear_clashes(entry);
      take({Kind::kAddLast, entry});
    }
    while (!extra_.empty()) remove(extra_.front());
    return std::move(steps_);
  }

 private:
  void replace_where_possible() {
    const EntryList missing = missing_;
    for (const int entry : missing) {
      const int replaced = replaced_by(*group_, list_, entry);
      if (std::ranges::find(extra_, replaced) == extra_.end()) continue;
      take({Kind::kReplaceFirst, entry});
      std::erase(extra_, replaced);
      std::erase(missing_, entry);
    }
  }
  void clear_clashes(int entry) {
    const EntryList extra = extra_;
    for (const int other : extra) {
      if (clash(group_->entries[slot(entry)], group_->entries[slot(other)])) remove(other);
    }
  }
  void remove(int entry) {
    take({Kind::kDelete, entry});
    extra_.erase(std::ranges::find(extra_, entry));
  }
  void take(const SequenceStep& step) {
    list_ = after_sibling_step(*group_, list_, step).list;
    steps_.push_back(step);
  }

  const EntryGroup* group_;
  EntryList list_;
  EntryList extra_;
  EntryList missing_;
  std::vector<SequenceStep> steps_;
};

}  // namespace

StepResult after_sibling_step(const EntryGroup& group, const EntryList& list, const SequenceStep& step) {
  StepResult result{list, -1};
  if (step.kind == Kind::kReplaceFirst) {
    result.replaced = replaced_by(group, list, step.entry);
    std::ranges::replace(result.list, result.replaced, step.entry);
  } else if (step.kind == Kind::kDelete) {
    const auto found = std::ranges::find(result.list, step.entry);
    if (found != result.list.end()) result.list.erase(found);
  } else {
    result.list.push_back(step.entry);
  }
  return result;
}

std::vector<SequenceStep> sibling_steps(const EntryGroup& group, const EntryList& from, const EntryList& to) {
  return SiblingPlan(group, from, to).steps();
}

}  // namespace vpndoctor
