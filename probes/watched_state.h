// SPDX-License-Identifier: Apache-2.0
// The routing state of a namespace, kept up by rtnetlink's events. Words each change, and knows when events are not
// enough: the kernel removes IPv4 routes of a link that goes down, and those that used a lost address, without telling
// (net/ipv4/fib_semantics.c fib_sync_down_dev(), fib_sync_down_addr()). Pure: reading again is the caller's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rtnl_decode.h"
#include "vpndoctor/route_event.h"
#include "vpndoctor/snapshot.h"
#include "watched_routes.h"

namespace vpndoctor {

class WatchedState {
 public:
  explicit WatchedState(Snapshot snapshot) { assign(std::move(snapshot)); }

  /// Applies one message; appends what it changed to `events`.
  void apply(std::uint16_t type, std::uint16_t flags, Bytes payload, std::vector<RouteEvent>& events);

  /// Why the state has to be read again: "tun0 went down"; empty: it need not be.
  std::string why_read_again() const;
  /// Takes what was read again and returns what differed from the state so far.
  std::vector<RouteEvent> take_reading(Snapshot fresh);
  /// Says that events were lost.
  void doubt(std::string why);

  /// The state as it is now.
  Snapshot snapshot() const;

 private:
  void assign(Snapshot snapshot);
  void apply_link(bool is_new, Bytes payload, std::vector<RouteEvent>& events);
  void add_link(Link link, std::vector<RouteEvent>& events);
  void remove_link(const Link& link, std::vector<RouteEvent>& events);
  void apply_address(bool is_new, Bytes payload, std::vector<RouteEvent>& events);
  void add_address(Address address, std::vector<RouteEvent>& events);
  void remove_address(const Address& address, std::vector<RouteEvent>& events);
  void apply_rule(bool is_new, Bytes payload, std::vector<RouteEvent>& events);
  void apply_route(bool is_new, std::uint16_t flags, Bytes payload, std::vector<RouteEvent>& events);

  Snapshot rest_;  ///< everything but the routes
  WatchedRoutes routes_;
  InterfaceNames names_;
  std::string why_;
};

}  // namespace vpndoctor
