// SPDX-License-Identifier: Apache-2.0
// Tells whether anything of the routing state changed since a moment: the kernel flags no dump of routes or rules that
// changed while it was read. Counts no changes and does not say which they were.
#pragma once

#include "handles.h"
#include "vpndoctor/result.h"

namespace vpndoctor {

/// Subscribed to changes of routes, rules, links, addresses and nexthop objects of this namespace.
class RoutingChanges {
 public:
  /// Begins. kUnavailable when netlink cannot be used.
  static Result<RoutingChanges> subscribe();
  /// True when something changed since then, or may have: events that were lost count.
  bool any();
  /// The socket, for a reader of the events themselves.
  int descriptor() const { return nl_socket_get_fd(socket_.get()); }

 private:
  explicit RoutingChanges(NlSocket socket) : socket_(std::move(socket)) {}
  NlSocket socket_;
};

}  // namespace vpndoctor
