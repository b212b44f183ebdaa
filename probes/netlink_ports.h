// SPDX-License-Identifier: Apache-2.0
// Finds the process behind a netlink port: the port's socket by /proc/net/netlink, and who holds that socket by
// /proc/PID/fd. What cannot be proven stays unknown: a port is often, not always, its process's id.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "vpndoctor/route_event.h"

namespace vpndoctor {

struct NetlinkPort {
  std::uint32_t port = 0;
  std::uint64_t inode = 0;
};

/// Parses /proc/net/netlink and returns the sockets of NETLINK_ROUTE; lines that are not understood are skipped.
std::vector<NetlinkPort> parse_netlink_table(std::string_view text);

/// Looks ports up, and remembers each for a moment: a burst of events comes from one port.
class PortOwners {
 public:
  /// The process that holds the port; only `port` is filled in for one that is gone or cannot be seen. Ask at once:
  /// most programs that change a route end right afterwards.
  ChangeAuthor find(std::uint32_t port);

 private:
  struct Known {
    ChangeAuthor author;
    std::chrono::steady_clock::time_point until;
  };
  std::map<std::uint32_t, Known> known_;
};

}  // namespace vpndoctor
