// SPDX-License-Identifier: Apache-2.0
// Walks a path from the root as the kernel does, through every symbolic link; see the header.
#include "file_trust.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <utility>

#include "atomic_file.h"
#include "vpndoctor/snapshot_store.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr int kMostLinks = 40;  // the kernel's own limit (MAXSYMLINKS)
constexpr const char* kHint = "a plan is applied only from a file that root or you alone can write";

/// What is wrong with the owner or the mode; empty when nothing is.
std::string distrust(const struct stat& status) {
  if (status.st_uid != 0 && status.st_uid != invoking_user()) return "belongs to another user";
  if (S_ISLNK(status.st_mode)) return {};
  // In a folder like /tmp nobody can replace what is another's.
  const bool is_sticky = S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) != 0;
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !is_sticky) return "may be written by others";
  return {};
}

Error refused(const std::string& name, const std::string& why) {
  return {ErrorKind::kPermission, in_quotes(name) + " " + why, kHint};
}

/// One walk; `rest_` is what is still to be gone, `at_` where it is: a path without links, empty for the root.
class Walk {
 public:
  explicit Walk(std::string path) : rest_(std::move(path)) {}

  std::optional<Error> go() {
    if (auto error = look("/")) return error;
    while (!rest_.empty()) {
      const std::string name = next_name();
      if (name.empty() || name == ".") continue;
      if (name == "..") {
        at_.erase(at_.empty() ? 0 : at_.rfind('/'));
        continue;
      }
      if (auto error = enter(at_ + "/" + name)) return error;
    }
    return std::nullopt;
  }
  const struct stat& status() const { return status_; }

 private:
  std::string next_name() {
    const std::size_t slash = rest_.find('/');
    std::string name = rest_.substr(0, slash);
    rest_.erase(0, slash == std::string::npos ? slash : slash + 1);
    return name;
  }

  std::optional<Error> look(const std::string& name) {
    if (::lstat(name.c_str(), &status_) != 0) return file_error(errno, "look at " + in_quotes(name));
    const std::string why = distrust(status_);
    return why.empty() ? std::nullopt : std::optional(refused(name, why));
  }

  std::optional<Error> enter(const std::string& name) {
    if (auto error = look(name)) return error;
    if (!S_ISLNK(status_.st_mode)) {
      at_ = name;
      return std::nullopt;
    }
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlink(name.c_str(), target.data(), target.size());
    if (size < 0 || ++links_ > kMostLinks) return file_error(size < 0 ? errno : ELOOP, "follow " + in_quotes(name));
    rest_ = std::string(target.data(), static_cast<std::size_t>(size)) + "/" + rest_;
    if (rest_.starts_with('/')) at_.clear();
    return std::nullopt;
  }

  std::string rest_;
  std::string at_;
  struct stat status_{};
  int links_ = 0;
};

std::optional<std::string> absolute(const std::string& path) {
  if (path.starts_with('/')) return path;
  std::array<char, PATH_MAX> folder{};
  if (::getcwd(folder.data(), folder.size()) == nullptr) return std::nullopt;
  return std::string(folder.data()) + "/" + path;
}

}  // namespace

std::optional<Error> distrust_of(const std::string& path, const struct stat& opened) {
  if (path == "-") return Error{ErrorKind::kPermission, "standard input has no owner", kHint};
  if (const std::string why = distrust(opened); !why.empty()) return refused(path, why);
  const auto whole = absolute(path);
  if (!whole) return file_error(errno, "find the current folder");
  Walk walk(*whole);
  if (auto error = walk.go()) return error;
  if (walk.status().st_dev == opened.st_dev && walk.status().st_ino == opened.st_ino) return std::nullopt;
  return refused(path, "is another file now than the one that was read");
}

}  // namespace vpndoctor
