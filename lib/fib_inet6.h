// SPDX-License-Identifier: Apache-2.0
// The parts of the IPv6 lookup: one table, and the choice among the next hops of what was found there.
#pragma once

#include <vector>

#include "fib_lookup.h"

namespace vpndoctor {

/// How IPv6 tables are looked up for a flow, and what was met on the way. One for each walk over the rules.
struct Inet6Lookup {
  LinkId interface = kNoLink;      ///< the one that the flow is bound to, or arrived on; kNoLink: any
  bool only_interface = false;     ///< RT6_LOOKUP_F_IFACE: no next hop through another one will do
  bool only_reachable = false;     ///< RT6_LOOKUP_F_REACHABLE: a host avoids routers that do not answer
  bool ignore_neighbours = false;  ///< as if every router answered
  std::uint32_t choice = 0;        ///< which of several equal next hops to take

  bool avoided_router = false;  ///< a router was passed over because it does not answer
  std::size_t choices = 1;      ///< the most next hops that a hash would have chosen among
};

/// Looks one table up: net/ipv6/route.c ip6_pol_route(). `arguments.context` is an Inet6Lookup.
void look_up_inet6_table(const LookupArguments& arguments, KernelFlow& flow, FibResult& result);

/// The next hops of `route` that a hash may choose when a lookup has found `found`, which is among them:
/// net/ipv6/route.c fib6_select_path(). One: no hash takes part.
std::vector<const FibLeg*> choices6(const FibIndex& index, const Route& route, const FibLeg& found,
                                    const Inet6Lookup& how, const KernelFlow& flow);

}  // namespace vpndoctor
