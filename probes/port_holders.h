// SPDX-License-Identifier: Apache-2.0
// Which process holds a socket, by the socket's inode, for many sockets at once.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace vpndoctor {

struct SocketHolder {
  pid_t pid = 0;
  std::string name;  ///< /proc/PID/comm, control characters replaced
};

/// Looks for the holders of these sockets among all processes, those that `likely` names first; ends as soon as all are
/// found. A socket whose holder this user may not see is not in the result.
std::map<std::uint64_t, SocketHolder> find_socket_holders(std::set<std::uint64_t> inodes,
                                                          const std::set<std::string>& likely);

/// The processes with this name in /proc/PID/comm, in the order of their numbers.
std::vector<pid_t> processes_named(const std::string& name);

}  // namespace vpndoctor
