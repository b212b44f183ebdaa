// SPDX-License-Identifier: Apache-2.0
// Where a daemon that answers us is: with a shared /run, another network namespace's daemon answers as readily as our
// own, and knows other links.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vpndoctor/snapshot.h"

namespace vpndoctor {

/// What is known of the process that answers.
struct DaemonProcess {
  std::optional<pid_t> pid;
  std::string_view name;  ///< that it must have in /proc (at most 15 characters): else the number is another PID
                          ///< namespace's, or the socket was made by the service manager
};

/// The network namespace that the process is in; null when that cannot be read: it takes the same user or root.
std::optional<std::uint64_t> network_namespace_of(const DaemonProcess& process);

/// Says how the daemon's interfaces (index and name; an empty name is not compared) differ from this namespace's; empty
/// when they are those of the snapshot or those that are here now, or the snapshot's are not known.
std::string difference_in_interfaces(const std::vector<std::pair<int, std::string>>& interfaces,
                                     const Snapshot& snapshot);

/// Says that the namespaces are not the same one; empty when they are, or one of them is not known.
std::string difference_in_namespaces(std::optional<std::uint64_t> daemon, const Snapshot& snapshot);

}  // namespace vpndoctor
