// SPDX-License-Identifier: Apache-2.0
// Every step works on descriptors of the folder, so that nobody moves the folder away between two of them.
#include "atomic_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr mode_t kOwnerOnly = 0600;

struct FreeText {
  void operator()(char* text) const { std::free(text); }  // NOLINT: realpath() allocates with malloc()
};

/// Returns where a path really leads when it is a symbolic link that may be followed, else the path itself.
Result<std::string> followed(const std::string& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return path;
  if (S_ISLNK(status.st_mode)) {
    if (status.st_uid != 0 && status.st_uid != ::geteuid()) {
      return failure(ErrorKind::kPermission, fmt::format("{} is a symbolic link of another user", in_quotes(path)),
                     "name the file that it leads to, or another one");
    }
    const std::unique_ptr<char, FreeText> real(::realpath(path.c_str(), nullptr));
    if (!real) return std::unexpected(file_error(errno, "follow " + in_quotes(path)));
    return followed(real.get());
  }
  if (S_ISREG(status.st_mode)) return path;
  return failure(ErrorKind::kUsage,
                 fmt::format("{} is {}", in_quotes(path), S_ISDIR(status.st_mode) ? "a folder" : "no regular file"),
                 "name a regular file, or one that is not there yet");
}

std::string random_suffix() {
  unsigned long long number = 0;
  if (::getrandom(&number, sizeof number, GRND_NONBLOCK) != sizeof number) {
    number = static_cast<unsigned long long>(::getpid());
  }
  return fmt::format("{:016x}", number);
}

}  // namespace

int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

Error file_error(int errno_value, const std::string& doing) {
  const std::string message = fmt::format("cannot {}: {}", doing, std::strerror(errno_value));
  switch (errno_value) {
    case EACCES:
    case EPERM:
    case EROFS:
      return {ErrorKind::kPermission, message, "name a file that you may use"};
    case ENOSPC:
    case EDQUOT:
    case EIO:
    case EFBIG:
    case EPIPE:
      return {ErrorKind::kUnavailable, message, "name another file"};
    default:
      return {ErrorKind::kUsage, message, "name another file"};
  }
}

Result<AtomicFile> AtomicFile::create(const std::string& path) {
  auto target = followed(path);
  if (!target) return std::unexpected(std::move(target.error()));
  const std::size_t slash = target->rfind('/');
  const std::string folder_name = slash == std::string::npos ? "." : target->substr(0, slash + 1);
  std::string name = slash == std::string::npos ? *target : target->substr(slash + 1);
  const std::string doing = "write " + in_quotes(path);
  if (name.empty() || name == "." || name == "..") return std::unexpected(file_error(EISDIR, doing));
  Fd folder(::open(folder_name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return std::unexpected(file_error(errno, doing));
  std::string temporary = fmt::format(".vpndoctor-{}", random_suffix());
  Fd fd(::openat(folder.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kOwnerOnly));
  if (!fd) return std::unexpected(file_error(errno, doing));
  return AtomicFile(std::move(folder), path, std::move(name), std::move(temporary), std::move(fd));
}

AtomicFile::~AtomicFile() {
  if (fd_) ::unlinkat(folder_.get(), temporary_name_.c_str(), 0);
}

bool AtomicFile::write(std::string_view text) {
  if (error_ == 0) error_ = write_all(fd_.get(), text);
  return error_ == 0;
}

std::optional<Error> AtomicFile::commit() {
  const std::string doing = "write " + in_quotes(path_);
  if (error_ != 0) return file_error(error_, doing);
  // The umask may have taken bits away, never added any.
  if (::fchmod(fd_.get(), kOwnerOnly) != 0 || ::fsync(fd_.get()) != 0) return file_error(errno, doing);
  if (::renameat(folder_.get(), temporary_name_.c_str(), folder_.get(), name_.c_str()) != 0) {
    return file_error(errno, doing);
  }
  fd_.reset();
  // The name, too, must be on the disk; a file system that cannot say so is no reason to fail.
  const Fd readable(::openat(folder_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (readable) ::fsync(readable.get());
  return std::nullopt;
}

}  // namespace vpndoctor
