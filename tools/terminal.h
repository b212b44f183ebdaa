// SPDX-License-Identifier: Apache-2.0
// What the standard streams are connected to, and writing to them.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "command_line.h"
#include "interrupt.h"
#include "vpndoctor/render.h"

namespace vpndoctor {

/// Call it first. Occupies standard descriptors that are closed, so that no socket takes the place of one and is sent
/// text meant for a reader; reading and writing them fails as before. A reader that goes away no longer ends the
/// program (SIGPIPE), nor does a limit on the size of files (SIGXFSZ): both are errors of the write.
void secure_standard_streams();

/// Follows --color, NO_COLOR (https://no-color.org), TERM=dumb, the terminal's width and the locale's character set.
TextOptions text_options(const OutputOptions& output);

/// Writes all of `text` to standard output. False when that failed for another reason than a reader that went away;
/// errno says why.
bool write_result(std::string_view text);

/// Says on standard error that the result could not be written, and why; returns the exit code for that.
int fail_to_write(int error_number);

/// How long a reader may take nothing when the user wants to stop.
constexpr std::chrono::milliseconds kPatience{500};
/// The same for a command with an Interrupt, also after its release: once one happened, a reader that takes nothing for
/// kPatience ends the writing, which is EINTR.
bool write_result(std::string_view text, const Interrupt& interrupt);

/// Shows what is going on, on standard error when that is a terminal and the work takes long enough to wonder; the next
/// call or finish() replaces it.
class Progress {
 public:
  static constexpr std::chrono::seconds kQuiet{1};  ///< nothing is shown before

  explicit Progress(bool wanted);
  ~Progress() { finish(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void show(const std::string& text);
  void finish();

 private:
  bool enabled_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  bool shown_ = false;
};

}  // namespace vpndoctor
