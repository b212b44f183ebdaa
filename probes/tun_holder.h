// SPDX-License-Identifier: Apache-2.0
// Finds the process that holds a tun or tap device, by /proc/PID/fdinfo, in this network namespace. What this user may
// not read is counted, so that "nobody holds it" and "not allowed to see" stay apart.
#pragma once

#include <sys/types.h>

#include <map>
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

/// The holders of all tun and tap devices, from one scan of the processes.
struct TunScan {
  std::multimap<std::string, TunHolder> holders;  ///< by interface; a process is named once for each
  int unreadable = 0;                             ///< as in TunHolders
  bool cut = false;
};

TunScan scan_tun_holders();

/// Scans all processes for an open descriptor of the device `interface`.
TunHolders find_tun_holders(const std::string& interface);

}  // namespace vpndoctor
