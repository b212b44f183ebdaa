// SPDX-License-Identifier: Apache-2.0
// A folder of files that stands for a machine's root: for tests of what reads files where programs put them.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace vpndoctor::testing_support {

/// A folder that stands for the machine's root, and is gone when the test ends.
class RootFolder {
 public:
  RootFolder() {
    std::string path = (std::filesystem::temp_directory_path() / "vpndoctor-root-XXXXXX").string();
    if (mkdtemp(path.data()) == nullptr) ADD_FAILURE() << "no temporary folder";
    path_ = path;
  }
  ~RootFolder() { std::filesystem::remove_all(path_); }
  RootFolder(const RootFolder&) = delete;
  RootFolder& operator=(const RootFolder&) = delete;

  /// Writes a file; `path` is absolute on that machine.
  RootFolder& file(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(path_ + path).parent_path());
    std::ofstream(path_ + path, std::ios::binary) << text;
    return *this;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace vpndoctor::testing_support
