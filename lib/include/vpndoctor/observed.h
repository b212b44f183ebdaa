// SPDX-License-Identifier: Apache-2.0
// A fact that may not have been observed. "There are none" and "it was not read" can never be confused.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace [[gnu::visibility("default")]] vpndoctor {

/// Why a fact is not known.
struct Missing {
  std::string why;
  bool operator==(const Missing&) const = default;
};

/// Where a fact comes from ("netlink", "file /etc/x:12") and what was cut or not readable of it.
/// A value with limits can prove presence, never absence.
struct Provenance {
  std::string source;
  std::vector<std::string> limits;
  bool operator==(const Provenance&) const = default;
};

/// A value with its provenance, or the reason for its absence.
template <class T>
class Observed {
 public:
  Observed() : state_(Missing{"not collected"}) {}
  Observed(Missing missing) : state_(std::move(missing)) {}  // NOLINT(google-explicit-constructor): reads as a fact
  Observed(T value, Provenance provenance) : state_(Known{std::move(value), std::move(provenance)}) {}

  bool has_value() const { return std::holds_alternative<Known>(state_); }
  explicit operator bool() const { return has_value(); }
  /// The value; only when has_value().
  const T& operator*() const { return std::get<Known>(state_).value; }
  const T* operator->() const { return &std::get<Known>(state_).value; }
  const Provenance& provenance() const { return std::get<Known>(state_).provenance; }
  /// The reason for the absence; only when !has_value().
  const std::string& why_missing() const { return std::get<Missing>(state_).why; }

 private:
  struct Known {
    T value;
    Provenance provenance;
  };
  std::variant<Missing, Known> state_;
};

}  // namespace vpndoctor
