// SPDX-License-Identifier: Apache-2.0
// Control sockets of VPN programs below /run, and which of them nobody listens on. A socket file has its listener in
// any network namespace: only a refused connection proves that it has none (net/unix/af_unix.c,
// unix_find_socket_byinode()).
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace vpndoctor {

/// What was found, and what could not be asked, a phrase each.
struct AbandonedSockets {
  std::vector<std::string> paths;
  std::vector<std::string> not_asked;
};

/// The paths of listening sockets in a table /proc/PID/net/unix. Pure.
std::set<std::string> listening_unix_paths(std::string_view table);

/// Looks below `root` at *.sock of WireGuard's and OpenVPN's folders, and at the sockets of known daemons. One whose
/// listener is in `listening` is left alone; the others are connected to, which a listener that was not seen would
/// notice.
AbandonedSockets find_abandoned_sockets(const std::string& root, const std::set<std::string>& listening);

}  // namespace vpndoctor
