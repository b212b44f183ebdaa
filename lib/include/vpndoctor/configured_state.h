// SPDX-License-Identifier: Apache-2.0
// What the physical interfaces' own configuration says the routing state should be, when no baseline was saved: DHCP
// leases, router advertisements, static configuration of the managers; and the plan that follows from it. Pure.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "vpndoctor/finding.h"
#include "vpndoctor/interface_configuration.h"
#include "vpndoctor/restore_plan.h"
#include "vpndoctor/result.h"
#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// One route that a configuration asks for.
struct ConfiguredRoute {
  StandaloneRoute route;
  std::string source;  ///< "lease /run/systemd/netif/leases/2, option 121", "/etc/network/interfaces, line 7"
  Confidence confidence = Confidence::kLikely;
  /// A stand-in until the right route comes by itself: offered, not needed, and no answer to what the route is.
  bool is_bridge = false;
};

struct ConfiguredState {
  std::vector<ConfiguredRoute> routes;
  std::vector<std::string> not_read;  ///< what exists and could not be read, understood or used, with its reason
  /// Who configures an interface, by its name, as far as a file of it was found.
  std::map<std::string, ConfigurationManager> managers = {};
};

/// Weighs what files say against the state of the machine: a lease counts while it has not expired and its address is
/// on its interface, static configuration when an address of it is there. Metric, protocol and source of a route are
/// those of the surviving routes of the same configuration, else what its program gives to new ones. The one router
/// that is a neighbour of an interface with an address from a router advertisement is no proof of a default route (an
/// advertisement with the lifetime 0 makes such a neighbour as well): it gives a bridge, beside the kernel's metric,
/// that expires.
ConfiguredState weigh_configuration(const Snapshot& now, std::span<const InterfaceConfiguration> configurations);

/// Plans the way from `now` to what the configuration says: wished routes are put back, recognised leftovers of VPN
/// clients are taken away, and everything else stays. Every operation says where it comes from and how sure it is. A
/// family whose global addresses would be left without a default route is unanswered, with what asks for one.
RestorePlan infer_restore(const Snapshot& now, const ConfiguredState& configured);

}  // namespace vpndoctor
