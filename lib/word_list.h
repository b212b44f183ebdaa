// SPDX-License-Identifier: Apache-2.0
// What the words of routes and of rules have in common.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace vpndoctor {

using Words = std::vector<std::string>;

inline void add(Words& words, std::string name, std::string value) {
  words.push_back(std::move(name));
  words.push_back(std::move(value));
}

/// "7", or "3/7" with a source realm.
inline std::string realms_text(std::uint32_t realms) {
  constexpr std::uint32_t kLow = 0xffff;
  const std::uint32_t source = realms >> 16U;
  return source == 0 ? std::to_string(realms & kLow) : fmt::format("{}/{}", source, realms & kLow);
}

}  // namespace vpndoctor
