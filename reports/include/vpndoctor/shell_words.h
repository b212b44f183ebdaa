// SPDX-License-Identifier: Apache-2.0
// A word as a shell reads it back, for messages that name a command.
#pragma once

#include <string>
#include <string_view>

namespace [[gnu::visibility("default")]] vpndoctor {

/// Returns the word as a POSIX shell reads it back: as it is where that is safe, else quoted.
std::string shell_quoted(std::string_view word);

}  // namespace vpndoctor
