// SPDX-License-Identifier: Apache-2.0
// Numbers in files of the system and in the environment.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace vpndoctor {

/// Reads all of the text as a number; nullopt for anything else, also for one that does not fit.
template <class Number>
std::optional<Number> parse_number(std::string_view text, int base = 10) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace vpndoctor
