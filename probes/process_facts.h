// SPDX-License-Identifier: Apache-2.0
// What /proc says of one process: its name, its state, when it began. A process chooses its own name: nothing in it is
// taken for more than text.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vpndoctor {

/// A part of /proc/PID/stat (proc(5)).
struct ProcessStat {
  char state = 0;             ///< 'R', 'S', 'D', 'T' stopped, 't' traced, 'Z', ...
  std::uint64_t started = 0;  ///< clock ticks after the machine's start
};

/// Parses /proc/PID/stat, whose second field is the process's own name in brackets, whatever that holds; nullopt when
/// it is no such line.
std::optional<ProcessStat> parse_process_stat(std::string_view text);

/// Reads /proc/PID/stat; nullopt when the process has ended or may not be seen.
std::optional<ProcessStat> read_process_stat(pid_t pid);

/// Reads /proc/PID/comm, what no terminal should see escaped (escape_controls()); empty when it cannot be read.
std::string process_name(pid_t pid);

/// True when this process has the capability, a CAP_* of linux/capability.h, in its effective set.
bool has_capability(unsigned capability);

}  // namespace vpndoctor
