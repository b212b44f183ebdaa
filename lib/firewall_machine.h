// SPDX-License-Identifier: Apache-2.0
// A machine whose packet filter is followed, with the index of its routes that the caller has already. Public
// simulate_output() and simulate_forward() make one for each packet.
#pragma once

#include <string>

#include "vpndoctor/fib.h"
#include "vpndoctor/firewall.h"
#include "vpndoctor/snapshot.h"

namespace vpndoctor {

/// The filter may be another snapshot's: that of the machine before its tunnels were taken away.
struct FilteredMachine {
  const Snapshot& snapshot;  ///< its links, addresses and routes
  const Fib& fib;            ///< of `snapshot`
  const Observed<Firewall>& firewall;
};

/// See simulate_output() and simulate_forward().
FirewallAnswer follow_output(const FilteredMachine& machine, const Flow& flow, const std::string& interface);
FirewallAnswer follow_forward(const FilteredMachine& machine, const Flow& flow, const std::string& interface);

}  // namespace vpndoctor
