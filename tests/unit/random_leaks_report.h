// SPDX-License-Identifier: Apache-2.0
// Builds reports of the leaks command out of random numbers and hostile strings, as random_report.h does for mtu.
#pragma once

#include <random>

#include "vpndoctor/report.h"

namespace vpndoctor::test {

/// Returns a report of `leaks` with every field filled or empty by chance.
Report random_leaks_report(std::mt19937_64& random);

}  // namespace vpndoctor::test
