// SPDX-License-Identifier: Apache-2.0
// Runs a tool over scenarios and compares its answers with what they expect.
#pragma once

#include <string>
#include <vector>

#include "vpndoctor/result.h"

namespace vpndoctor::lab {

struct SuiteOptions {
  std::string tool;
  std::vector<std::string> files;
  std::uint64_t seed = 1;
  int repeat = 1;           ///< each scenario so many times, each time with the next seed
  std::string keep_folder;  ///< where answers are written: the first wrong one, else the last; empty: nowhere
};

struct SuiteResult {
  int passed = 0;
  int failed = 0;
  int skipped = 0;
};

/// Runs every scenario, prints a line for each, and returns the counts.
SuiteResult run_suite(const SuiteOptions& options);

/// Returns the scenario files of a folder by name.
Result<std::vector<std::string>> scenario_files(const std::string& folder);

}  // namespace vpndoctor::lab
