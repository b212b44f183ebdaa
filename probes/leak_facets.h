// SPDX-License-Identifier: Apache-2.0
// The facets of a snapshot that only the leak detector needs. Each is missing with its reason where it cannot be read.
#pragma once

#include <string>
#include <vector>

#include "vpndoctor/snapshot.h"

namespace vpndoctor {

/// IPsec policies and states over netlink (NETLINK_XFRM); needs CAP_NET_ADMIN.
Observed<Xfrm> read_xfrm();
/// nf_tables over netlink; names of what else filters. Needs CAP_NET_ADMIN.
Observed<Firewall> read_firewall(const std::vector<Link>& links);
/// The DHCP leases of this machine's interfaces, from the files below `root` (empty: the machine's own) of the programs
/// that got them; expired ones, and those of an address that is gone, too.
Observed<std::vector<InterfaceConfiguration>> read_leases(const Snapshot& snapshot, const std::string& root = {});
/// Programs, sockets and counters that tell of a VPN without an interface; control sockets are looked for below `root`.
Observed<std::vector<VpnSign>> read_vpn_signs(const std::string& root = {});

}  // namespace vpndoctor
