// SPDX-License-Identifier: Apache-2.0
// What every question to a local daemon has: a deadline, and how it can fail. A daemon that was stopped takes
// connections and never answers, so nothing here waits without a bound.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <expected>
#include <string>

namespace vpndoctor {

/// How long a daemon may take for everything that it is asked.
inline constexpr std::chrono::milliseconds kDaemonPatience{1000};

class Deadline {
 public:
  explicit Deadline(std::chrono::milliseconds patience) : end_(std::chrono::steady_clock::now() + patience) {}

  /// What is left of it, never below zero; rounded up, so that it has passed when this is zero.
  std::chrono::milliseconds left() const {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end_ - std::chrono::steady_clock::now());
    return std::max(left, std::chrono::milliseconds(0));
  }

 private:
  std::chrono::steady_clock::time_point end_;
};

/// Why a daemon said nothing.
struct DaemonFailure {
  enum class Kind : std::uint8_t {
    kAbsent,  ///< it does not run, or cannot be reached from here
    kSilent,  ///< it took the question and did not answer in time
    kRefused  ///< it answered something else: it does not know the question, or forbids it
  };
  Kind kind = Kind::kAbsent;
  std::string why;  ///< a phrase that goes after "because"
};

template <class T>
using Asked = std::expected<T, DaemonFailure>;

}  // namespace vpndoctor
