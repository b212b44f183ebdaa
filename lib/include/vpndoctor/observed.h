// SPDX-License-Identifier: Apache-2.0
// One facet of a machine's state as it was observed: the value with where it came from and what could not be seen, or
// why there is none. "No routes" and "routes not collected" can never be confused.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace [[gnu::visibility("default")]] vpndoctor {

/// A value with its provenance and its limits, or nothing with a reason. A value with limits can prove that something
/// is there, never that it is not.
template <class T>
class Observed {
 public:
  Observed() = default;
  Observed(T value, std::string source) : value_(std::move(value)), source_(std::move(source)) {}
  /// Nothing was observed; `why` is a phrase that goes after "because": "the file is not readable".
  static Observed missing(std::string why) {
    Observed observed;
    observed.why_missing_ = std::move(why);
    return observed;
  }
  /// The machine surely has none of this, for the daemon does not run or the like: a fact, not a gap. `why` as above.
  static Observed absent(std::string why) {
    Observed observed = missing(std::move(why));
    observed.is_absent_ = true;
    return observed;
  }

  bool is_known() const { return value_.has_value(); }
  explicit operator bool() const { return is_known(); }
  /// True when the value is known and nothing of it was cut or unreadable: only then absence is proof.
  bool is_complete() const { return is_known() && limits_.empty(); }

  /// True when there is no value because the machine surely has none.
  bool is_absent() const { return is_absent_; }

  /// The value; undefined unless is_known().
  const T& operator*() const { return *value_; }
  T& operator*() { return *value_; }
  const T* operator->() const { return &*value_; }
  T* operator->() { return &*value_; }
  /// The value, or null.
  const T* get() const { return value_ ? &*value_ : nullptr; }

  /// Where the value came from: "netlink", "file /run/x, line 3", "ip route".
  const std::string& source() const { return source_; }
  /// What was cut or could not be read, a phrase each.
  const std::vector<std::string>& limits() const { return limits_; }
  void add_limit(std::string limit) { limits_.push_back(std::move(limit)); }
  /// Why there is no value; meaningless when is_known().
  const std::string& why_missing() const { return why_missing_; }

 private:
  std::optional<T> value_;
  std::string source_;
  std::vector<std::string> limits_;
  std::string why_missing_ = "it was not collected";
  bool is_absent_ = false;
};

}  // namespace vpndoctor
