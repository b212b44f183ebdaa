// SPDX-License-Identifier: Apache-2.0
// What the physical interfaces' own configuration says the routing state should be, when no baseline was saved: DHCP
// leases, router advertisements, static configuration of the managers; and the plan that follows from it. Pure.
#pragma once

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
};

struct ConfiguredState {
  std::vector<ConfiguredRoute> routes;
  std::vector<std::string> not_read;  ///< what exists and could not be read, understood or used, with its reason
};

/// Weighs what files say against the state of the machine: a lease counts while it has not expired and its address is
/// on its interface, static configuration when an address of it is there. Metric, protocol and source of a route are
/// those of the surviving routes of the same configuration, else what its program gives to new ones. A router that is
/// known as a neighbour stands for a router advertisement.
ConfiguredState weigh_configuration(const Snapshot& now, std::span<const InterfaceConfiguration> configurations);

/// Plans the way from `now` to what the configuration says: wished routes are put back, recognised leftovers of VPN
/// clients are taken away, and everything else stays. Every operation says where it comes from and how sure it is.
RestorePlan infer_restore(const Snapshot& now, const ConfiguredState& configured);

}  // namespace vpndoctor
