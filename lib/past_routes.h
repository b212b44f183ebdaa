// SPDX-License-Identifier: Apache-2.0
// Routes that pull addresses past a tunnel: without them, and without the others of their kind, the tunnel would take
// these addresses. Finds all of them, however many there are, and keeps a few of each kind to show.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "vpndoctor/interface_configuration.h"
#include "vpndoctor/snapshot.h"

namespace vpndoctor {

class LeakContext;

/// A route past the tunnel.
struct PastRoute {
  const Route* route = nullptr;
  std::string interface;
  IpAddress sample;  ///< an address that it takes
  bool is_public = false;
  std::string tunnel;  ///< where the sample would go
  const InterfaceConfiguration* lease = nullptr;
  const ConfiguredWay* way = nullptr;  ///< of the lease
};

/// Routes of one kind.
struct PastGroup {
  std::size_t count = 0;
  std::vector<PastRoute> first;  ///< by their prefix, as many as a finding quotes; never empty
};

struct PastRoutes {
  std::map<std::pair<std::string, bool>, PastGroup> leased;        ///< by interface and whether they are public
  std::map<std::pair<std::string, std::uint8_t>, PastGroup> made;  ///< public ones without a lease, by interface, maker
};

/// Finds those of a family. What the remains of a VPN that is gone tell of is none of them.
PastRoutes find_past_routes(const LeakContext& facts, Family family);

}  // namespace vpndoctor
