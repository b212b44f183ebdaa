// SPDX-License-Identifier: Apache-2.0
// The registry of finding codes: the one source of the constants, of `vpndoctor explain CODE`, of
// vpndoctor-codes(7) and of the JSON schema's enumerations. A code is never renumbered or reused.
#pragma once

#include <span>
#include <string_view>

#include "vpndoctor/finding.h"

namespace [[gnu::visibility("default")]] vpndoctor {

struct CodeEntry {
  std::string_view code;         ///< "MTU001"
  std::string_view slug;         ///< "mtu-black-hole"
  Severity severity;             ///< the usual one; a finding may lower or raise it where its text says so
  std::string_view title;        ///< what it is, without numbers
  std::string_view explanation;  ///< what it means, how it is proven, what to do: plain sentences
};

/// Returns every entry, ordered by code.
std::span<const CodeEntry> all_codes();
/// Finds an entry by its code or slug, in any letter case; null when there is none.
const CodeEntry* find_code(std::string_view code_or_slug);

}  // namespace vpndoctor
