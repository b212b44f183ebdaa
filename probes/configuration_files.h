// SPDX-License-Identifier: Apache-2.0
// Reads files of configuration below a folder, whole and with a bound, and remembers which were there and could not be
// read. Knows no format.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vpndoctor {

/// A file as it was read.
struct ConfigurationFile {
  std::string path;  ///< as the machine knows it, without the folder that it was read below
  std::string text;
  std::chrono::system_clock::time_point modified_at;
};

class ConfigurationFiles {
 public:
  /// All paths are below `root`; empty: the machine's own.
  explicit ConfigurationFiles(std::string root) : root_(std::move(root)) {}

  /// Reads a file; nullopt when there is none, or when it cannot be read, which is remembered.
  std::optional<ConfigurationFile> read(const std::string& path);
  /// The paths of a folder's entries with that beginning and end, in order.
  std::vector<std::string> list(const std::string& folder, std::string_view beginning, std::string_view end);
  /// The paths that match a shell pattern, in order.
  std::vector<std::string> match(const std::string& pattern) const;

  void add_failure(const std::string& path, std::string_view what);
  std::vector<std::string> take_failures() { return std::move(failures_); }

 private:
  std::string root_;
  std::vector<std::string> failures_;
};

}  // namespace vpndoctor
