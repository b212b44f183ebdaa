// SPDX-License-Identifier: Apache-2.0
// Which tun or tap device a descriptor of another process is, and in which network namespace that device is now. Takes
// a copy of the descriptor for the time of two questions; never reads from it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "handles.h"

namespace vpndoctor {

struct TunDevice {
  std::string name;
  /// Inode of the device's network namespace; null: this user may not ask. Where the process lives, or lived when it
  /// opened the device, proves nothing.
  std::optional<std::uint64_t> namespace_inode;
};

/// Opens a handle on a process; owns nothing when that is not possible.
Fd open_process(pid_t pid);

/// Asks a descriptor of the process (pidfd_getfd(2), TUNGETIFF, TUNGETDEVNETNS of drivers/net/tun.c; the last needs
/// CAP_NET_ADMIN over the device's namespace), or reads its name alone from fdinfo. nullopt when no device is attached
/// to it.
std::optional<TunDevice> ask_tun_device(pid_t pid, const Fd& process, const std::string& descriptor);

}  // namespace vpndoctor
