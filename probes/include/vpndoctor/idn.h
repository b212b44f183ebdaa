// SPDX-License-Identifier: Apache-2.0
// Internationalised names in the form that DNS asks for. Looks nothing up.
#pragma once

#include <expected>
#include <string>

namespace [[gnu::visibility("default")]] vpndoctor {

/// Converts to ASCII (IDNA 2008, RFC 5891); what is ASCII is returned as it is. What is not UTF-8 is taken in the
/// locale's charset. The error is a phrase that says what is wrong.
std::expected<std::string, std::string> idn_to_ascii(const std::string& name);

}  // namespace vpndoctor
