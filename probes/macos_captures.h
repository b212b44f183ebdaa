// SPDX-License-Identifier: Apache-2.0
// Reads a folder of raw text captures of a macOS machine. Knows which file holds which command's output, not what is in
// it.
#pragma once

#include <string>

#include "vpndoctor/result.h"
#include "vpndoctor/snapshot.h"

namespace vpndoctor {

/// Reads `netstat -rn` (netstat*.txt), `ifconfig -v` (ifconfig*.txt) and `scutil --dns` (scutil*.txt); a facet without
/// its file is missing, with the reason. So is /etc/resolv.conf (resolv.conf, resolv.conf.txt), which alone is no
/// capture. kUsage when the folder has none of them.
Result<Snapshot> read_macos_captures(const std::string& folder);

}  // namespace vpndoctor
