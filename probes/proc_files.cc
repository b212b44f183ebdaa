// SPDX-License-Identifier: Apache-2.0
// Reads small files; see the header.
#include "proc_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <span>

#include "handles.h"

namespace vpndoctor {
namespace {

struct Closer {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, Closer>;

}  // namespace

std::optional<std::string> read_small_file(const std::string& path, std::size_t limit) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return std::nullopt;
  struct stat facts{};
  if (::fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) return std::nullopt;
  std::string text;
  std::array<char, 4096> block;
  while (text.size() < limit) {
    const ssize_t got = ::read(file.get(), block.data(), std::min(block.size(), limit - text.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) break;
    text.append(block.data(), static_cast<std::size_t>(got));
  }
  return text;
}

std::optional<std::vector<std::string>> directory_entries(const std::string& path) {
  const Directory directory(::opendir(path.c_str()));
  if (!directory) return std::nullopt;
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(directory.get())) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  return names;
}

namespace {

/// Like readlinkat(). A process that ends after its descriptor was found is refused as if it were hidden
/// (fs/proc/base.c, proc_pid_readlink()); asked again, it is not there.
ssize_t read_link(int directory, const char* path, std::span<char> target) {
  const ssize_t size = ::readlinkat(directory, path, target.data(), target.size());
  return size < 0 && errno == EACCES ? ::readlinkat(directory, path, target.data(), target.size()) : size;
}

}  // namespace

std::optional<std::vector<std::string>> entries_that_lead_to(const std::string& path, std::string_view ending) {
  const Directory directory(::opendir(path.c_str()));
  if (!directory) return std::nullopt;
  std::vector<std::string> names;
  std::array<char, PATH_MAX> target;
  while (const dirent* entry = ::readdir(directory.get())) {
    if (entry->d_name[0] == '.') continue;
    const ssize_t size = read_link(::dirfd(directory.get()), entry->d_name, target);
    // Who may list a process's descriptors may not always see what they are (CAP_DAC_OVERRIDE without CAP_SYS_PTRACE).
    if (size < 0 && (errno == EACCES || errno == EPERM)) return std::nullopt;
    if (size > 0 && std::string_view(target.data(), static_cast<std::size_t>(size)).ends_with(ending)) {
      names.emplace_back(entry->d_name);
    }
  }
  return names;
}

std::string link_target(const std::string& path) {
  std::array<char, PATH_MAX> target;
  const ssize_t size = read_link(AT_FDCWD, path.c_str(), target);
  return size < 0 ? std::string() : std::string(target.data(), static_cast<std::size_t>(size));
}

}  // namespace vpndoctor
