// SPDX-License-Identifier: Apache-2.0
// The names of a namespace's interfaces by index: netlink speaks of indexes, the model of names. Pure.
#pragma once

#include <string>
#include <unordered_map>
#include <utility>

namespace vpndoctor {

/// Remembers that it was asked for an index which it does not have: an interface went away, or came, in the meantime.
class InterfaceNames {
 public:
  void set(int index, std::string name) { names_[index] = std::move(name); }

  /// The name, empty for index 0 and for one that is not known.
  std::string name_of(int index) {
    if (index == 0) return {};
    const auto found = names_.find(index);
    if (found != names_.end()) return found->second;
    missed_ = true;
    return {};
  }
  bool missed() const { return missed_; }

 private:
  std::unordered_map<int, std::string> names_;
  bool missed_ = false;
};

}  // namespace vpndoctor
