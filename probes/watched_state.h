// SPDX-License-Identifier: Apache-2.0
// The routing state of a namespace, kept up by rtnetlink's events. Words each change, and knows when events are not
// enough: the kernel removes IPv4 routes of a link that goes down, and those that used a lost address, without telling
// (net/ipv4/fib_semantics.c fib_sync_down_dev(), fib_sync_down_addr()). Pure: reading again is the caller's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
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
  /// Takes what was read again, which must be exact: no event of before it may be applied afterwards. Tells `begin` how
  /// many differences there are from the state so far, then hands over one after the other: there may be a million.
  void take_reading(Snapshot fresh, const std::function<void(std::size_t)>& begin,
                    const std::function<void(RouteEvent)>& take);
  /// Says that events do not tell everything since something happened; the first reason is kept.
  void doubt(std::string why);
  /// Says that events were lost: a reason to read again that outranks every other.
  void lose_events() { lost_events_ = true; }
  bool has_lost_events() const { return lost_events_; }

  /// The state as it is now.
  Snapshot snapshot() const;

 private:
  void assign(Snapshot snapshot);
  Snapshot release();
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
  bool lost_events_ = false;
};

}  // namespace vpndoctor
