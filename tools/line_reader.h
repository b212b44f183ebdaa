// SPDX-License-Identifier: Apache-2.0
// Reads a file or standard input line by line as the lines come, until it ends or the user interrupts.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "vpndoctor/result.h"

namespace vpndoctor {

class LineReader {
 public:
  /// Opens `file`, "-" for standard input. A line may have `longest` bytes. kUsage when the file cannot be opened.
  static Result<LineReader> open(const std::string& file, std::size_t longest);
  ~LineReader();
  LineReader(LineReader&& other) noexcept;
  LineReader& operator=(LineReader&&) = delete;

  /// Returns the next line without its end, valid until the next call; an Error for one that is too long or holds a
  /// NUL byte; nullopt at the end.
  std::optional<Result<std::string_view>> next();
  /// Lets the reading end when `descriptor` becomes readable.
  void end_with(int descriptor) { interrupt_ = descriptor; }
  /// True when a further line was read already, so that next() will not wait.
  bool has_more() const { return buffer_.find('\n', at_) != std::string::npos; }

 private:
  LineReader(int descriptor, std::size_t longest) : descriptor_(descriptor), longest_(longest) {}
  bool fill();

  int descriptor_;
  std::size_t longest_;
  int interrupt_ = -1;
  std::string buffer_;
  std::size_t at_ = 0;
  std::size_t number_ = 0;
};

}  // namespace vpndoctor
