// SPDX-License-Identifier: Apache-2.0
// Finds the processes that hold the tun and tap devices of this network namespace, wherever those processes live. What
// this user may not see is counted, so that "nobody holds it" and "not allowed to see" stay apart.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "vpndoctor/network.h"

namespace vpndoctor {

struct TunHolder {
  pid_t pid = 0;
  std::string name = {};      ///< /proc/PID/comm
  char state = 0;             ///< of /proc/PID/stat: 'S', 'T' stopped, ...; 0: not known
  std::uint64_t started = 0;  ///< clock ticks after the machine's start; 0: not known
  bool is_elsewhere = false;  ///< the process lives in another network namespace
};

/// Who holds one device.
struct TunHolders {
  std::vector<TunHolder> holders;     ///< of this namespace's device, the oldest process first
  std::vector<TunHolder> candidates;  ///< hold a device of this name; this user may not see in which namespace
  int unreadable = 0;                 ///< processes whose descriptors this user may not see
  pid_t first_unreadable = 0;         ///< one of them
  bool cut = false;                   ///< stopped before the last process: too many of them

  /// The holders, else the candidates that live in this namespace: for what need not be certain.
  std::vector<TunHolder> likely() const;
};

/// The holders of all tun and tap devices, from one scan of the processes.
struct TunScan {
  std::multimap<std::string, TunHolder> holders;     ///< by interface; a process is named once for each
  std::multimap<std::string, TunHolder> candidates;  ///< as in TunHolders
  int unreadable = 0;
  pid_t first_unreadable = 0;
  bool cut = false;

  TunHolders of(const std::string& interface) const;
};

TunScan scan_tun_holders();

/// Scans all processes for an open descriptor of the device `interface`.
TunHolders find_tun_holders(const std::string& interface);

/// Why it is not known who holds the device, a phrase; empty when it is known who does, or that nobody does.
std::string unseen_holder(const TunHolders& found, const Link& link);

}  // namespace vpndoctor
