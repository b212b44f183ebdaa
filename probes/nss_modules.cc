// SPDX-License-Identifier: Apache-2.0
// Looks for modules of the name service switch; see the header.
#include "nss_modules.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <gnu/libc-version.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "configuration_files.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostFolders = 256;

void add_folders(std::string_view text, std::string_view separators, std::vector<std::string>& folders) {
  while (!text.empty() && folders.size() < kMostFolders) {
    const auto end = std::min(text.find_first_of(separators), text.size());
    const std::string_view folder = text.substr(0, end);
    if (folder.starts_with('/')) folders.emplace_back(folder);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

/// The folder that the C library of this process lies in: its modules are of the same architecture.
std::string folder_of_libc() {
  Dl_info library{};
  if (::dladdr(reinterpret_cast<void*>(&::gnu_get_libc_version), &library) == 0) return {};
  const std::string path = library.dli_fname == nullptr ? "" : library.dli_fname;
  return path.starts_with('/') ? path.substr(0, path.rfind('/')) : std::string();
}

/// LD_LIBRARY_PATH, the libc's own folder, what ld.so.conf and its parts list, and ld.so's defaults (ld.so(8)).
std::vector<std::string> loader_folders(const std::string& root) {
  std::vector<std::string> folders;
  const char* first = std::getenv("LD_LIBRARY_PATH");
  if (first != nullptr && root.empty()) add_folders(first, ":;", folders);
  if (std::string own = folder_of_libc(); !own.empty()) {
    folders.push_back(own);
    folders.push_back(own.starts_with("/usr/") ? own.substr(4) : "/usr" + own);
  }
  ConfigurationFiles files(root);
  std::vector<std::string> parts = files.list("/etc/ld.so.conf.d", "", ".conf");
  parts.insert(parts.begin(), "/etc/ld.so.conf");
  for (const std::string& part : parts) {
    if (const auto file = files.read(part)) add_folders(file->text, "\n \t:,", folders);
  }
  for (const char* folder : {"/lib64", "/usr/lib64", "/lib", "/usr/lib"}) folders.emplace_back(folder);
  return folders;
}

bool is_part_of_libc(std::string_view name) {
  if (name != "files" && name != "dns") return false;
  unsigned major = 0;
  unsigned minor = 0;
  if (std::sscanf(::gnu_get_libc_version(), "%u.%u", &major, &minor) != 2) return false;
  return major > 2 || minor >= 34;
}

}  // namespace

void find_nss_modules(std::vector<NssService>& services, const std::string& root) {
  const std::vector<std::string> folders = loader_folders(root);
  for (NssService& service : services) {
    const auto holds_it = [&](const std::string& folder) {
      return ::access(fmt::format("{}{}/libnss_{}.so.2", root, folder, service.name).c_str(), F_OK) == 0;
    };
    const bool is_plain = service.name.find('/') == std::string::npos;
    service.is_installed = is_part_of_libc(service.name) || (is_plain && std::ranges::any_of(folders, holds_it));
  }
}

}  // namespace vpndoctor
