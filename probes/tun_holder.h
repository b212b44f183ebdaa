// SPDX-License-Identifier: Apache-2.0
// Finds the process that holds a tun or tap device, by /proc/PID/fdinfo, in this network namespace. What this user may
// not read is counted, so that "nobody holds it" and "not allowed to see" stay apart.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace vpndoctor {

struct TunHolder {
  pid_t pid = 0;
  std::string name;  ///< /proc/PID/comm
};

struct TunHolders {
  std::vector<TunHolder> holders;
  int unreadable = 0;  ///< processes whose descriptors this user may not see
  bool cut = false;    ///< stopped before the last process: too many of them
};

/// Scans all processes for an open descriptor of the device `interface`.
TunHolders find_tun_holders(const std::string& interface);

/// Returns the path of the userspace WireGuard control socket of `interface`, empty when there is none.
std::string wireguard_control_socket(const std::string& interface);

}  // namespace vpndoctor
