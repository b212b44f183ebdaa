// SPDX-License-Identifier: Apache-2.0
// Makes text from outside safe to show on a terminal. For reports and error messages; JSON has its own escapes,
// and nothing here is meant to be reversed: a backslash of the text stays as it is.
#pragma once

#include <string>
#include <string_view>

namespace [[gnu::visibility("default")]] vpndoctor {

/// Replaces what would steer a terminal or deceive a reader: C0 and C1 controls (`\n`, `\x1b`, `\u{9b}`), bidi
/// overrides, invisible format characters and line separators (`\u{202e}`), and bytes that are not UTF-8 (`\xff`).
/// Everything else is kept. The result is valid UTF-8.
std::string escape_controls(std::string_view text);

/// Like escape_controls(), and replaces everything outside ASCII too: for terminals that cannot show it.
std::string escape_non_ascii(std::string_view text);

/// Quotes what a user typed, for an error message: control characters escaped, cut where it is long.
std::string in_quotes(std::string_view text);

/// Cuts `text` to `max_columns` (at least 3) terminal columns, with "..." in the place of what is cut.
std::string shorten(std::string_view text, std::size_t max_columns);

}  // namespace vpndoctor
