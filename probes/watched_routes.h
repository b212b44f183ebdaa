// SPDX-License-Identifier: Apache-2.0
// A route table that is kept up by route events. Knows in which cases the events alone do not say where a route went,
// and says so: then the table has to be read again. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "rtnl_decode.h"
#include "vpndoctor/network.h"

namespace vpndoctor {

/// What an event did to the table; indexes into the routes of table().
struct RouteChange {
  std::optional<Route> before;  ///< null: the route was added
  std::optional<Route> after;   ///< null: the route was removed
};

class WatchedRoutes {
 public:
  /// Begins anew with a table that was read, and the nexthop objects of that time: events tell the legs that come from
  /// one without their whole weights, or not at all.
  void assign(RouteTable table, std::vector<NextHopObject> objects);
  /// Forgets what event bytes stand for: the name of an interface changed.
  void forget_names() { known_.clear(); }

  /// Applies the payload of an RTM_NEWROUTE with its nlmsg_flags; nullopt when it changes nothing.
  std::optional<RouteChange> add(Bytes payload, std::uint16_t flags, InterfaceNames& names);
  /// Applies the payload of an RTM_DELROUTE.
  std::optional<RouteChange> remove(Bytes payload, InterfaceNames& names);

  /// True when the table may differ from the kernel's since assign().
  bool is_doubtful() const { return doubtful_; }

  /// The sets that a change's routes point into; its `routes` are in no use.
  const RouteTable& sets() const { return table_; }
  /// The table as it is now.
  RouteTable table() const;
  /// The same without a copy; assign() begins anew.
  RouteTable release();

 private:
  using Slot = std::uint32_t;
  std::optional<Route> decode(Bytes payload, InterfaceNames& names);
  std::vector<Slot> slots_of(const Route& route) const;
  std::optional<Slot> find_same(const std::vector<Slot>& slots, const Route& route) const;
  std::optional<Slot> find_related(const std::vector<Slot>& slots, const Route& route, bool smaller) const;
  std::optional<RouteChange> replace(Slot slot, const Route& route);
  RouteChange append(const Route& route);
  RouteChange erase(Slot slot);
  std::optional<RouteChange> shrink(Slot slot, const Route& route);
  std::uint32_t add_set(NextHopSet set);
  void index(Slot slot);

  RouteTable table_;
  std::vector<NextHopObject> objects_;
  std::vector<bool> alive_;
  std::unordered_multimap<std::uint64_t, Slot> by_key_;
  struct Sets {
    std::uint32_t next_hops = 0;
    std::uint32_t attributes = 0;
  };
  std::unordered_map<std::string, Sets> known_;  ///< by the bytes of a message that are not its key
  std::string rest_;
  bool doubtful_ = false;
  std::size_t dead_ = 0;  ///< how many routes of `table_` are not alive
};

}  // namespace vpndoctor
