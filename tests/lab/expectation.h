// SPDX-License-Identifier: Apache-2.0
// Compares what a command answered with what a scenario expects. Pure: texts in, differences out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/ip.h"

namespace vpndoctor::lab {

/// The two texts that a scenario file holds, with placeholders already replaced.
struct ExpectationTexts {
  std::string base;
  std::string patch;  ///< RFC 7396; empty: nothing differs
};

/// What the command did.
struct Observation {
  int exit_code = 0;
  std::string output;  ///< its JSON document
  Family family = Family::kInet;
  std::optional<std::uint32_t> cache_before;  ///< the kernel's path MTU to the target, before the command
  std::optional<std::uint32_t> cache_after;
};

/// Returns one line for each difference; empty when all is as expected.
std::vector<std::string> differences(const ExpectationTexts& expectation, const Observation& observation);

}  // namespace vpndoctor::lab
