// SPDX-License-Identifier: Apache-2.0
// Builds reports out of random numbers and hostile strings, for the properties that every rendering must have. The
// parts do not fit together as those of a real report do.
#pragma once

#include <random>
#include <string>

#include "vpndoctor/report.h"

namespace vpndoctor::test {

/// Returns a text of words, control characters, bidi overrides, wide characters, broken UTF-8 and very long words;
/// never empty.
std::string hostile_text(std::mt19937_64& random);

/// Returns a report of the mtu command with every field filled or empty by chance, or now and then an error.
Report random_report(std::mt19937_64& random);

}  // namespace vpndoctor::test
