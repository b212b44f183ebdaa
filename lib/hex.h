// SPDX-License-Identifier: Apache-2.0
// Bytes as hexadecimal digits and back.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vpndoctor {

/// Returns two lower-case digits for each byte.
std::string to_hex(std::string_view bytes);

/// The inverse; nullopt for an odd number of digits or anything else. Digits of both cases are taken.
std::optional<std::string> from_hex(std::string_view digits);

}  // namespace vpndoctor
