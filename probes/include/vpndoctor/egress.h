// SPDX-License-Identifier: Apache-2.0
// Reads how packets to an address leave this machine: the kernel's own route lookup over netlink. Changes nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "vpndoctor/path_mtu.h"
#include "vpndoctor/result.h"

namespace [[gnu::visibility("default")]] vpndoctor {

struct EgressQuery {
  IpAddress target;
  std::string interface;              ///< --interface, or a link-local target's zone; empty: any
  std::optional<IpAddress> source;    ///< --source
  std::optional<std::uint32_t> mark;  ///< --mark
};

/// Asks RTM_GETROUTE, then RTM_GETLINK and RTM_GETROUTE of the FIB entry (RTM_F_FIB_MATCH) for the metric.
/// kNoRoute when the kernel has none (the message says which: unreachable, prohibited, blackhole, network is down),
/// kUsage when the interface does not exist or the source address is not this machine's, or the target is a broadcast
/// address of a local subnet.
Result<Egress> query_egress(const EgressQuery& query);

/// Reads only the cached path MTU exception; null when there is none. For the check after probing.
Result<std::optional<std::uint32_t>> query_cached_path_mtu(const EgressQuery& query);

/// Returns the interface's index; kUsage with a hint listing the existing interfaces when there is none.
Result<int> interface_index(const std::string& name);

}  // namespace vpndoctor
