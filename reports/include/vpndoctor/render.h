// SPDX-License-Identifier: Apache-2.0
// Shows a report. Pure: takes values, returns a string; knows nothing of terminals beyond the options.
#pragma once

#include <string>

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

}  // namespace vpndoctor
