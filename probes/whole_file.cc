// SPDX-License-Identifier: Apache-2.0
// Reads files whole; see the header.
#include "whole_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "proc_files.h"

namespace vpndoctor {
namespace {

bool is_null_device(const struct stat& facts) { return S_ISCHR(facts.st_mode) && facts.st_rdev == ::makedev(1, 3); }

/// At most one byte more than `most`, so that the caller sees that there is more; nullopt with errno set.
std::optional<std::string> read_all(int fd, std::size_t most) {
  std::string text;
  std::array<char, 16384> block;
  while (text.size() <= most) {
    const ssize_t got = ::read(fd, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) break;
    text.append(block.data(), static_cast<std::size_t>(got));
  }
  return text;
}

std::string size_text(std::size_t bytes) {
  return bytes >= 1U << 20U ? fmt::format("{} MiB", bytes >> 20U) : fmt::format("{} KiB", bytes >> 10U);
}

WholeFile failed(const std::string& path, int error) {
  WholeFile file;
  file.is_absent = error == ENOENT || error == ENOTDIR;
  file.why_missing = file.is_absent ? "there is no " + path : fmt::format("{}: {}", path, std::strerror(error));
  return file;
}

}  // namespace

Fd open_below(const std::string& root, const std::string& path, int flags) {
  const int all = flags | O_CLOEXEC;
  if (root.empty()) return Fd(::open(path.c_str(), all));
  const Fd folder(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return {};
  open_how how{};
  how.flags = static_cast<std::uint64_t>(all);
  how.resolve = RESOLVE_IN_ROOT;
  Fd file(static_cast<int>(::syscall(SYS_openat2, folder.get(), path.c_str(), &how, sizeof how)));
  if (!file && errno == ENOSYS) file.reset(::open((root + path).c_str(), all));
  return file;
}

WholeFile read_whole_file(const std::string& root, const std::string& path, std::size_t most_bytes) {
  const Fd opened = open_below(root, path, O_RDONLY | O_NONBLOCK);
  if (!opened) return failed(path, errno);
  struct stat facts{};
  if (::fstat(opened.get(), &facts) != 0) return failed(path, errno);
  WholeFile file;
  if (is_null_device(facts)) {
    file.content.emplace();
    file.is_null_device = true;
    return file;
  }
  if (!S_ISREG(facts.st_mode)) {
    file.why_missing = path + " is no regular file";
    return file;
  }
  file.content = read_all(opened.get(), most_bytes);
  if (!file.content) return failed(path, errno);
  if (file.content->size() <= most_bytes) return file;
  file.content.reset();
  file.why_missing = fmt::format("{} is larger than {}", path, size_text(most_bytes));
  return file;
}

std::string real_path_below(const std::string& root, const std::string& path) {
  const Fd opened = open_below(root, path, O_PATH);
  if (!opened) return {};
  std::string real = link_target(fmt::format("/proc/self/fd/{}", opened.get()));
  if (root.empty()) return real;
  const Fd folder(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const std::string real_root = link_target(fmt::format("/proc/self/fd/{}", folder.get()));
  return real.starts_with(real_root) && real_root != "/" ? real.substr(real_root.size()) : real;
}

}  // namespace vpndoctor
