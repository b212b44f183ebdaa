// SPDX-License-Identifier: Apache-2.0
// Event groups of rtnetlink; see the header.
#include "routing_changes.h"

#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>

#include "netlink.h"

namespace vpndoctor {

Result<RoutingChanges> RoutingChanges::subscribe() {
  // The socket is bound first: bind() clears memberships (net/netlink/af_netlink.c netlink_bind()), and one that is
  // not bound gets no event of the kernel's.
  auto socket = open_netlink(NETLINK_ROUTE);
  if (!socket) return std::unexpected(socket.error());
  for (const int group : {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
                          RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE, RTNLGRP_NEXTHOP}) {
    // A kernel before 5.3 has no nexthop objects, and no such group.
    const int error = nl_socket_add_membership(socket->get(), group);
    if (error < 0 && group != RTNLGRP_NEXTHOP) {
      return netlink_failure("subscribe to routing changes", errno);
    }
  }
  return RoutingChanges(std::move(*socket));
}

bool RoutingChanges::any() {
  std::byte first{};
  ssize_t got = 0;
  do {
    got = ::recv(nl_socket_get_fd(socket_.get()), &first, sizeof first, MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  // ENOBUFS: there were more events than fit.
  return got >= 0 || errno != EAGAIN;
}

}  // namespace vpndoctor
