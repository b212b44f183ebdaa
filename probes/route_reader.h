// SPDX-License-Identifier: Apache-2.0
// Builds a RouteTable from route messages, quickly: of the routes that share next hops and attributes only the first is
// decoded whole. Pure; knows nothing of where messages come from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "rtnl_decode.h"
#include "vpndoctor/route_table_builder.h"

namespace vpndoctor {

class RouteReader {
 public:
  /// Both must outlive this. The objects give the legs of routes whose message has none of its own
  /// (net.ipv4.nexthop_compat_mode=0).
  RouteReader(InterfaceNames& names, const std::vector<NextHopObject>& objects) : names_(names), objects_(objects) {}

  /// Takes the payload of an RTM_NEWROUTE. Entries of the route cache and those of another family are left out.
  void take(Family family, Bytes payload);
  /// How many messages could not be decoded.
  std::size_t malformed() const { return malformed_; }
  RouteTable finish() { return builder_.take(); }

 private:
  struct Shared {
    std::uint32_t next_hops = 0;
    std::uint32_t attributes = 0;
  };
  std::optional<Shared> shared_of(Bytes payload);

  InterfaceNames& names_;
  const std::vector<NextHopObject>& objects_;
  RouteTableBuilder builder_;
  std::unordered_map<std::string, Shared> known_;
  std::string rest_;
  std::string last_rest_;
  Shared last_;
  std::size_t malformed_ = 0;
};

/// Completes the legs of a route that uses a nexthop object: all of them where its message has none, their weights
/// where it has, since a message has only one byte for each (struct rtnexthop). False when the object is not known, or
/// its legs are not those of the route.
bool complete_legs(NextHopSet& set, const std::vector<NextHopObject>& objects);

/// Returns the legs of a nexthop object, those of its members for a group; none for a blackhole and an unknown one.
std::vector<NextHop> legs_of_object(std::uint32_t id, const std::vector<NextHopObject>& objects);

}  // namespace vpndoctor
