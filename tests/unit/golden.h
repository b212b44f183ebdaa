// SPDX-License-Identifier: Apache-2.0
// Compares what a test made with a committed text file; UPDATE_GOLDEN=1 rewrites it.
#pragma once

#include <string>

namespace vpndoctor::testing_support {

/// The full name of a file below the source folder.
std::string source_file(const std::string& path);
/// Expects `text` to be what the file at `path`, below the source folder, holds.
void expect_file(const std::string& path, const std::string& text);
/// The same of tests/golden/NAME.txt.
void expect_golden(const std::string& name, const std::string& text);

}  // namespace vpndoctor::testing_support
