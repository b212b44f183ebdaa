// SPDX-License-Identifier: Apache-2.0
// Reads small files and directories of /proc and /sys whole, with a bound. Knows no format.
#pragma once

#include <cerrno>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vpndoctor {

inline constexpr std::size_t kProcFileLimit = 1 << 20;

/// Returns at most `limit` bytes of the file; nullopt with errno set when it cannot be read. Follows no FIFO into a
/// wait.
std::optional<std::string> read_small_file(const std::string& path, std::size_t limit = kProcFileLimit);

/// Names the entries of a directory except the dot entries; nullopt with errno set when it cannot be read.
std::optional<std::vector<std::string>> directory_entries(const std::string& path);

/// Names the entries of a directory that are symbolic links whose target ends with `ending`, in one pass: a process may
/// have very many descriptors. nullopt with errno set when the directory cannot be read, or a link's target may not be.
std::optional<std::vector<std::string>> entries_that_lead_to(const std::string& path, std::string_view ending);

/// True when the error of opening something below /proc/PID says that the process is gone, not that it may not be seen.
constexpr bool has_ended(int error_number) { return error_number == ENOENT || error_number == ESRCH; }

/// Returns the target of a symbolic link; empty when it cannot be read.
std::string link_target(const std::string& path);

}  // namespace vpndoctor
