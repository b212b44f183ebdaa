// SPDX-License-Identifier: Apache-2.0
// Reads files of configuration; see the header.
#include "configuration_files.h"

#include <fmt/format.h>
#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "proc_files.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostBytes = 4U << 20U;
constexpr std::size_t kMostEntries = 1024;

std::chrono::system_clock::time_point modification_time(const struct stat& status) {
  const auto since = std::chrono::seconds(status.st_mtim.tv_sec) + std::chrono::nanoseconds(status.st_mtim.tv_nsec);
  return std::chrono::system_clock::time_point(std::chrono::duration_cast<std::chrono::system_clock::duration>(since));
}

bool is_absence(int error) { return error == ENOENT || error == ENOTDIR; }

}  // namespace

void ConfigurationFiles::add_failure(const std::string& path, std::string_view what) {
  failures_.push_back(fmt::format("{}: {}", escape_controls(path), what));
}

std::optional<ConfigurationFile> ConfigurationFiles::read(const std::string& path) {
  struct stat status{};
  const std::string real = root_ + path;
  if (stat(real.c_str(), &status) != 0) {
    if (!is_absence(errno)) add_failure(path, std::strerror(errno));
    return std::nullopt;
  }
  if (!S_ISREG(status.st_mode)) return std::nullopt;
  auto text = read_small_file(real, kMostBytes);
  if (!text) {
    if (!is_absence(errno)) add_failure(path, std::strerror(errno));
    return std::nullopt;
  }
  if (text->size() == kMostBytes) {
    add_failure(path, "it is too large");
    return std::nullopt;
  }
  return ConfigurationFile{path, std::move(*text), modification_time(status)};
}

std::vector<std::string> ConfigurationFiles::list(const std::string& folder, std::string_view beginning,
                                                  std::string_view end) {
  std::vector<std::string> paths;
  const auto entries = directory_entries(root_ + folder);
  if (!entries) {
    if (!is_absence(errno)) add_failure(folder, std::strerror(errno));
    return paths;
  }
  for (const std::string& name : *entries) {
    const bool fits =
        name.size() >= beginning.size() + end.size() && name.starts_with(beginning) && name.ends_with(end);
    if (fits && paths.size() < kMostEntries) paths.push_back(fmt::format("{}/{}", folder, name));
  }
  std::ranges::sort(paths);
  return paths;
}

std::vector<std::string> ConfigurationFiles::match(const std::string& pattern) const {
  glob_t found{};
  std::vector<std::string> paths;
  if (glob((root_ + pattern).c_str(), 0, nullptr, &found) == 0) {
    for (std::size_t i = 0; i < found.gl_pathc && i < kMostEntries; ++i) {
      paths.emplace_back(std::string_view(found.gl_pathv[i]).substr(root_.size()));
    }
  }
  globfree(&found);
  return paths;
}

}  // namespace vpndoctor
