// SPDX-License-Identifier: Apache-2.0
// Asks rtnetlink for one route, one link or one family's addresses. Decides nothing: a refusal comes back with the
// kernel's errno.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rtnl_decode.h"
#include "vpndoctor/result.h"

namespace vpndoctor {

struct RouteQuery {
  IpAddress target;
  int interface_index = 0;  ///< 0: any
  std::optional<IpAddress> source;
  std::optional<std::uint32_t> mark;
  bool fib_entry = false;  ///< RTM_F_FIB_MATCH: the configured entry instead of the path that results
};

/// The kernel's route, or why it gave none.
struct RouteAnswer {
  std::optional<RouteMessage> route;
  int error_number = 0;    ///< ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL, ...; 0 when there is a route
  std::string error_text;  ///< the kernel's sentence, often empty
};

/// RTM_GETROUTE, for this process's own uid and a packet from this machine.
Result<RouteAnswer> ask_route(const RouteQuery& query);

/// RTM_GETLINK by index or, when that is 0, by name; nullopt when there is no such interface. Without
/// the names of its master and the link below it.
Result<std::optional<Link>> ask_link(int index, const std::string& name);

/// Lists all interfaces, in the kernel's order, without the names of their masters.
Result<std::vector<Link>> ask_links();

/// Lists the machine's own addresses of a family.
Result<std::vector<IpAddress>> ask_own_addresses(Family family);

}  // namespace vpndoctor
