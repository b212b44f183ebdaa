// SPDX-License-Identifier: Apache-2.0
// Shows a report. Pure: takes values, returns a string; knows nothing of terminals beyond the options.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "vpndoctor/report.h"

namespace [[gnu::visibility("default")]] vpndoctor {

struct TextOptions {
  bool color = false;
  bool utf8 = false;  ///< the locale can show characters outside ASCII
  int width_columns = 80;
  bool verbose = false;  ///< every size, every ignored message, the evidence of every finding
  bool quiet = false;    ///< the verdict sentence alone
};

/// Returns the report as text for a person, verdict first, ending in a newline. Control characters of foreign
/// input are shown escaped.
std::string render_text(const Report& report, const TextOptions& options = {});

/// Returns exactly one JSON document, ending in a newline, as share/vpndoctor/schema/report-1.schema.json says.
/// Strings from outside that are not UTF-8 have their bad bytes replaced by U+FFFD.
std::string render_json(const Report& report);
/// Hands the same document on piece by piece, in order, each once: a million routes need no memory for their text.
void render_json(const Report& report, const std::function<void(std::string_view)>& write);

/// Returns the answer for one of many flows as a line: in the words of `ip route get`, or the object that is `data` of
/// `routes explain`.
std::string render_flow_text(const RoutesExplainReport& report);
std::string render_flow_json(const RoutesExplainReport& report);
/// Returns the line for a flow that cannot be read: "error: ...", or an object with `error`.
std::string render_flow_error_text(const Error& error);
std::string render_flow_error_json(const Error& error);

}  // namespace vpndoctor
