// SPDX-License-Identifier: Apache-2.0
// Writes and reads snapshot files, and says whom a file may be trusted to come from.
#include "vpndoctor/snapshot_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "atomic_file.h"
#include "file_trust.h"
#include "handles.h"
#include "macos_captures.h"
#include "vpndoctor/snapshot_file.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr mode_t kOwnerOnlyFolder = 0700;
constexpr std::size_t kPiece = 1U << 18U;

/// While it lives, files are used with the rights of another user, and those made are his: under sudo a link that he
/// laid must lead root nowhere that he could not go himself.
class ActingAs {
 public:
  explicit ActingAs(const BaselinePlace* user) : user_(user != nullptr && user->through_sudo ? user : nullptr) {
    if (user_ == nullptr) return;
    ::setfsgid(user_->gid);
    ::setfsuid(user_->uid);
  }
  ~ActingAs() {
    if (user_ == nullptr) return;
    ::setfsuid(::geteuid());
    ::setfsgid(::getegid());
  }
  ActingAs(const ActingAs&) = delete;
  ActingAs& operator=(const ActingAs&) = delete;

 private:
  const BaselinePlace* user_;
};

bool is_standard_output(const std::string& path) { return path == "-" || path == "/dev/stdout"; }

std::optional<Error> make_folders(const std::string& path) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    const std::string folder = path.substr(0, slash);
    if (::mkdir(folder.c_str(), kOwnerOnlyFolder) == 0 || errno == EEXIST) continue;
    const int error = errno;
    struct stat status{};  // a folder that is there may be one that nobody may make: EROFS, EACCES
    if (::stat(folder.c_str(), &status) == 0) continue;
    return file_error(error, "make the folder " + in_quotes(folder));
  }
  return std::nullopt;
}

Result<void> write_to_standard_output(const Snapshot& snapshot) {
  int error = 0;
  const bool written = write_snapshot(snapshot, [&](std::string_view piece) {
    error = write_all(STDOUT_FILENO, piece);
    return error == 0;
  });
  if (written) return {};
  // That its reader went away matters here, for it was to be kept.
  if (error == EPIPE) return std::unexpected(file_error(error, "write to standard output"));
  return failure(ErrorKind::kInternal, fmt::format("cannot write the result: {}", std::strerror(error)));
}

Fd open_input(const std::string& path) {
  if (path == "-") return Fd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
  return Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
}

Result<Snapshot> read_snapshot(int fd, const std::string& name) {
  SnapshotReader reader;
  std::vector<char> piece(kPiece);
  while (true) {
    const ssize_t size = ::read(fd, piece.data(), piece.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return std::unexpected(file_error(errno, "read " + name));
    if (size == 0 || reader.feed({piece.data(), static_cast<std::size_t>(size)})) break;
  }
  auto snapshot = reader.finish();
  if (!snapshot) snapshot.error().message = fmt::format("{}: {}", name, snapshot.error().message);
  return snapshot;
}

}  // namespace

Result<void> save_snapshot(const Snapshot& snapshot, const std::string& path, const BaselinePlace* owner) {
  if (is_standard_output(path)) return write_to_standard_output(snapshot);
  const ActingAs user(owner);
  if (owner != nullptr) {
    if (auto error = make_folders(path)) return std::unexpected(std::move(*error));
  }
  auto file = AtomicFile::create(path);
  if (!file) return std::unexpected(std::move(file.error()));
  write_snapshot(snapshot, [&](std::string_view piece) { return file->write(piece); });
  if (auto error = file->commit()) return std::unexpected(std::move(*error));
  return {};
}

Result<LoadedSnapshot> load_snapshot_file(const std::string& path) {
  const std::string name = path == "-" ? "standard input" : in_quotes(path);
  const Fd input = open_input(path);
  struct stat status{};
  if (!input || ::fstat(input.get(), &status) != 0) {
    const int number = errno;
    Error error = file_error(number, "read " + name);
    if (number == ENOENT) error.hint = "name another file, or make one with 'vpndoctor routes save FILE'";
    return std::unexpected(std::move(error));
  }
  auto snapshot = S_ISDIR(status.st_mode) ? read_macos_captures(path) : read_snapshot(input.get(), name);
  if (!snapshot) return std::unexpected(std::move(snapshot.error()));
  return LoadedSnapshot{std::move(*snapshot), distrust_of(path, status)};
}

Result<Snapshot> load_snapshot(const std::string& path) {
  auto loaded = load_snapshot_file(path);
  if (!loaded) return std::unexpected(std::move(loaded.error()));
  return std::move(loaded->snapshot);
}

}  // namespace vpndoctor
