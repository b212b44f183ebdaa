// SPDX-License-Identifier: Apache-2.0
// Reads the state of this network namespace into a Snapshot. What changes while it is read is read again; what cannot
// be read is said in its facet.
#pragma once

#include <vector>

#include "vpndoctor/result.h"
#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

struct CollectOptions {
  bool tunnels = true;    ///< look for holders and endpoints of tunnels in /proc, over generic netlink and UAPI sockets
  bool dns = false;       ///< read the resolver configuration (dns_collect.h)
  bool leaks = false;     ///< read IPsec policies, the packet filter, DHCP leases and signs of other VPNs
  int most_attempts = 5;  ///< how often a dump that changed is read again before it is called unstable
};

/// Reads links, addresses, routes of all tables and both families, rules, nexthop objects, neighbours, settings,
/// tunnels and, when asked for, the resolver configuration. Fails only when netlink itself cannot be used.
Result<Snapshot> collect_snapshot(const CollectOptions& options = {});

}  // namespace vpndoctor
