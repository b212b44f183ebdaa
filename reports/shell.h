// SPDX-License-Identifier: Apache-2.0
// Writes a command so that it can be pasted into a shell or a configuration file. Runs nothing.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "vpndoctor/finding.h"

namespace vpndoctor {

/// Returns the word as a POSIX shell reads it back: as it is where that is safe, else quoted.
std::string shell_quoted(std::string_view word);

/// True for a line of a configuration file ("wireguard", "openvpn"), which no shell reads.
bool is_configuration(const Command& command);

/// Returns the command in lines of at most `columns`, indented by `indent`; a shell command goes on after a backslash
/// at the end of a line and is pasted as a whole. Preceded by sudo when it needs root.
std::vector<std::string> command_lines(const Command& command, std::size_t columns, std::size_t indent);

}  // namespace vpndoctor
