// SPDX-License-Identifier: Apache-2.0
// A map that remembers what was asked for lately and never more than a bound: for flows, of which a hostile network
// makes as many as it likes.
#pragma once

#include <cstddef>
#include <unordered_map>
#include <utility>

namespace vpndoctor {

/// Holds two generations: when the young one is full, the old one is forgotten and the young one becomes the old.
template <class Key, class Value, class Hash>
class RecentMap {
 public:
  /// Keeps at most `limit` entries, and forgets none of the last `limit / 2` that were used.
  explicit RecentMap(std::size_t limit) : half_(limit / 2) {}

  /// The value, null when it is not known or forgotten. Valid until the next call.
  Value* find(const Key& key) {
    if (const auto found = young_.find(key); found != young_.end()) return &found->second;
    const auto found = old_.find(key);
    return found == old_.end() ? nullptr : &set(key, Value(found->second));
  }
  Value& set(const Key& key, Value value) {
    if (young_.size() >= half_ && !young_.contains(key)) {
      old_ = std::move(young_);
      young_.clear();
    }
    return young_.insert_or_assign(key, std::move(value)).first->second;
  }
  std::size_t size() const { return young_.size() + old_.size(); }

 private:
  std::size_t half_;
  std::unordered_map<Key, Value, Hash> young_;
  std::unordered_map<Key, Value, Hash> old_;
};

}  // namespace vpndoctor
