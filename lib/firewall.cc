// SPDX-License-Identifier: Apache-2.0
// What the packet filter does to a packet; see the header.
#include "vpndoctor/firewall.h"

#include "vpndoctor/snapshot.h"

namespace vpndoctor {

FirewallAnswer simulate_output(const Snapshot& /*snapshot*/, const Flow& /*flow*/, const std::string& /*interface*/) {
  return {};
}

FirewallAnswer simulate_forward(const Snapshot& /*snapshot*/, const Flow& /*flow*/, const std::string& /*interface*/) {
  return {};
}

}  // namespace vpndoctor
