// SPDX-License-Identifier: Apache-2.0
// Writes a command so that it can be pasted into a shell or a configuration file. Runs nothing.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "vpndoctor/finding.h"
#include "vpndoctor/shell_words.h"

namespace vpndoctor {

/// True for a line of a configuration file ("wireguard", "openvpn"), which no shell reads.
bool is_configuration(const Command& command);

/// Returns the command in lines of at most `columns`, indented by `indent`; a shell command goes on after a backslash
/// at the end of a line and is pasted as a whole. Preceded by sudo when it needs root.
std::vector<std::string> command_lines(const Command& command, std::size_t columns, std::size_t indent);

}  // namespace vpndoctor
