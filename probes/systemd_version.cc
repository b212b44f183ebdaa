// SPDX-License-Identifier: Apache-2.0
// systemd's version by its private library; see the header.
#include "systemd_version.h"

#include <fmt/format.h>

#include <set>
#include <vector>

#include "proc_files.h"
#include "vpndoctor/resolved_reply.h"

namespace vpndoctor {
namespace {

constexpr std::string_view kLibrary = "libsystemd-shared-";

/// The folders that distributions have it in: Debian's have the architecture in their path.
std::vector<std::string> library_folders(const std::string& root) {
  std::vector<std::string> folders;
  for (const char* base : {"/usr/lib", "/usr/lib64", "/lib"}) {
    folders.push_back(root + base + "/systemd");
    for (const std::string& entry : directory_entries(root + base).value_or(std::vector<std::string>())) {
      if (entry.find("-linux-") != std::string::npos) folders.push_back(root + base + "/" + entry + "/systemd");
    }
  }
  return folders;
}

}  // namespace

std::optional<unsigned> systemd_version_of(pid_t pid) {
  const auto maps = read_small_file(fmt::format("/proc/{}/maps", pid));
  if (!maps) return std::nullopt;
  const auto at = maps->find(kLibrary);
  if (at == std::string::npos) return std::nullopt;
  return parse_systemd_version(std::string_view(*maps).substr(at + kLibrary.size(), 10));
}

std::optional<unsigned> systemd_version_on_disk(const std::string& root) {
  std::set<unsigned> versions;
  for (const std::string& folder : library_folders(root)) {
    for (const std::string& entry : directory_entries(folder).value_or(std::vector<std::string>())) {
      if (!entry.starts_with(kLibrary)) continue;
      if (const auto version = parse_systemd_version(entry)) versions.insert(*version);
    }
  }
  if (versions.size() != 1) return std::nullopt;
  return *versions.begin();
}

}  // namespace vpndoctor
