// SPDX-License-Identifier: Apache-2.0
// Shows the registry of finding codes: one entry for `vpndoctor explain CODE`, all of them as a man page.
#pragma once

#include <string>

#include "vpndoctor/codes.h"
#include "vpndoctor/render.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// Returns what a code means as text for a person, ending in a newline.
std::string render_code_text(const CodeEntry& entry, const TextOptions& options = {});

/// Returns the codes with severity and title, one a line, ending in a newline: what `vpndoctor explain` lists.
std::string render_code_list(const TextOptions& options = {});

/// Returns the document of `vpndoctor explain CODE --json`, ending in a newline: the envelope of `report`, and as
/// `data` what the registry has of `entry`, or of every code when it is null.
std::string render_code_json(const Report& report, const CodeEntry* entry);

/// Returns the source of vpndoctor-codes(7) in mdoc. Depends on the registry alone, so that the page that is
/// committed can be compared with it.
std::string render_codes_mdoc();

}  // namespace vpndoctor
