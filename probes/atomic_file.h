// SPDX-License-Identifier: Apache-2.0
// A file that is replaced whole or not at all: a reader sees the old one or the new one, also after a crash. Knows
// nothing of what is in it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "handles.h"
#include "vpndoctor/result.h"

namespace vpndoctor {

/// Writes beside the file under another name, and takes its place in commit(). Without commit() nothing is left.
class AtomicFile {
 public:
  /// Opens for a file of mode 0600 at `path`. Follows a symbolic link that root or this user made; refuses one of
  /// somebody else, and whatever is there and no regular file.
  static Result<AtomicFile> create(const std::string& path);
  AtomicFile(AtomicFile&&) noexcept = default;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  /// Appends; the first failure is kept for commit(), and returns false from then on.
  bool write(std::string_view text);
  /// Puts the file in its place once it is on the disk.
  std::optional<Error> commit();

 private:
  AtomicFile(Fd folder, std::string path, std::string name, std::string temporary_name, Fd fd)
      : folder_(std::move(folder)),
        path_(std::move(path)),
        name_(std::move(name)),
        temporary_name_(std::move(temporary_name)),
        fd_(std::move(fd)) {}

  Fd folder_;
  std::string path_;  ///< for messages
  std::string name_;  ///< in the folder
  std::string temporary_name_;
  Fd fd_;
  int error_ = 0;
};

/// Writes all of `text`; 0, or the errno of the first failure.
int write_all(int fd, std::string_view text);

/// The error for `errno_value` while `doing` ("write 'x.jsonl'"): permission, place or usage.
Error file_error(int errno_value, const std::string& doing);

}  // namespace vpndoctor
