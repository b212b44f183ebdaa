// SPDX-License-Identifier: Apache-2.0
// What a person on a bad day asks first: where does everything go, and which tunnels are there. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/fib.h"
#include "vpndoctor/route_owner.h"
#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// Where a part of all addresses goes.
struct WayOut {
  FlowFate fate = FlowFate::kNone;
  std::string interface;                    ///< empty: nowhere
  std::optional<IpAddress> gateway;         ///< of its largest part
  std::uint32_t table = kTableUnspecified;  ///< of its largest part
  double share_ratio = 0;                   ///< of the unicast addresses of the family's base, or beyond it
  bool is_tunnel = false;
  bool depends = false;  ///< a flow hash or a neighbour's state decides for a part of it
  std::string dead;      ///< why the interface carries nothing: "down", "no carrier", "not there"; empty: it may
};

struct FamilyOverview {
  Family family = Family::kInet;
  IpPrefix base;               ///< what `ways` are shares of: all of IPv4, of IPv6 its global unicast addresses
  std::vector<WayOut> ways;    ///< largest share first; empty: not known
  std::vector<WayOut> beyond;  ///< the same for the addresses outside of `base`; none in IPv4
  std::string uncertain;       ///< why this is not certain; empty: certain
};

struct TunnelOverview {
  std::string interface;
  std::string state;  ///< "up", "down", "no carrier", "not there"
  Owner owner;
  std::string not_seen;         ///< what could not be read of it, a phrase; empty: nothing
  std::size_t routes_inet = 0;  ///< beside those of its own addresses
  std::size_t routes_inet6 = 0;
};

struct RoutesOverview {
  FamilyOverview inet;
  FamilyOverview inet6;
  std::vector<TunnelOverview> tunnels;  ///< in the order of the links, then those that routes alone name
  bool is_without_network = false;      ///< see is_without_network()
};

/// Sums up a snapshot for packets of this machine that are unmarked, unbound and of `uid`. `fib` indexes the snapshot.
RoutesOverview routes_overview(const Snapshot& snapshot, const Fib& fib, std::uint32_t uid = 0);

/// True for an interface that leads to a network when it is up: hardware, or what stands for it in a container or above
/// it. Tunnels, the bridges of container engines and the ports of a bridge or bond are not.
bool could_lead_out(const Snapshot& snapshot, const Link& link);

/// True when no interface but the loopback is up or could be: a namespace that nobody gave one.
bool is_without_network(const Snapshot& snapshot);

/// Returns "up", "down", "no carrier" (of an interface that is up) or, for null, "not there".
const char* link_state_name(const Link* link);

}  // namespace vpndoctor
