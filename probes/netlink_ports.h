// SPDX-License-Identifier: Apache-2.0
// Finds the process behind a netlink port: the port's socket by /proc/net/netlink, and who holds that socket by
// /proc/PID/fd. What cannot be proven stays unknown: a port is often, not always, its process's id.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vpndoctor/route_event.h"

namespace vpndoctor {

struct NetlinkPort {
  std::uint32_t port = 0;
  std::uint64_t inode = 0;
};

/// Parses /proc/net/netlink and returns the sockets of NETLINK_ROUTE; lines that are not understood are skipped.
std::vector<NetlinkPort> parse_netlink_table(std::string_view text);

/// Who holds a port, and the socket that shows it.
struct PortOwner {
  ChangeAuthor author;
  std::string socket;  ///< "socket:[4711]"; empty: there is none
};

/// How PortOwners asks the system; a test has its own.
struct PortLookup {
  std::function<PortOwner(std::uint32_t)> look_up;
  std::function<bool(const PortOwner&)> is_still;  ///< whether what was found holds yet
  std::function<std::chrono::steady_clock::time_point()> now;
};

/// Looks ports up, and remembers each for a moment: a burst of events comes from one port.
class PortOwners {
 public:
  PortOwners();
  explicit PortOwners(PortLookup lookup) : lookup_(std::move(lookup)) {}

  /// The process that holds the port; only `port` is filled in for one that is gone or cannot be seen. Ask at once:
  /// most programs that change a route end right afterwards.
  ChangeAuthor find(std::uint32_t port);

 private:
  using Clock = std::chrono::steady_clock;
  struct Known {
    PortOwner owner;
    Clock::time_point until;
  };
  PortLookup lookup_;
  std::map<std::uint32_t, Known> known_;
};

}  // namespace vpndoctor
