// SPDX-License-Identifier: Apache-2.0
// The answer of a userspace WireGuard while it is read: lines of private and preshared keys are dropped and wiped
// before anything else sees them. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace vpndoctor {

/// Takes an answer piece by piece; is wiped when it goes.
class KeylessAnswer {
 public:
  KeylessAnswer() = default;
  KeylessAnswer(const KeylessAnswer&) = delete;
  KeylessAnswer& operator=(const KeylessAnswer&) = delete;
  ~KeylessAnswer();

  /// Adds what was received; false when that is more than any answer, or comes after its end.
  bool take(std::string_view piece);
  /// True when the empty line that ends an answer was taken.
  bool is_whole() const { return whole_; }
  /// The lines without those of keys, each with its end.
  const std::string& text() const { return text_; }

 private:
  void end_line();

  std::string text_;
  std::string line_;  ///< of which the end has not come yet
  std::size_t taken_ = 0;
  bool whole_ = false;
};

}  // namespace vpndoctor
