// SPDX-License-Identifier: Apache-2.0
// Reads, compares and, when asked to, rewrites golden files.
#include "golden.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace vpndoctor::testing_support {

std::string source_file(const std::string& path) { return std::string(VPNDOCTOR_SOURCE_DIR) + "/" + path; }

void expect_file(const std::string& path, const std::string& text) {
  const std::string file = source_file(path);
  if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(file) << text;
  std::ostringstream committed;
  committed << std::ifstream(file).rdbuf();
  EXPECT_EQ(text, committed.str()) << path << ": if this is wanted, run the test again with UPDATE_GOLDEN=1";
}

void expect_golden(const std::string& name, const std::string& text) {
  expect_file("tests/golden/" + name + ".txt", text);
}

}  // namespace vpndoctor::testing_support
