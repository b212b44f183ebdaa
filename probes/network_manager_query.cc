// SPDX-License-Identifier: Apache-2.0
// Asks NetworkManager; see dns_sources.h.
#include "dns_sources.h"

namespace vpndoctor {

Observed<NetworkManagerDns> read_network_manager_dns(const Snapshot& /*snapshot*/) { return {}; }

}  // namespace vpndoctor
