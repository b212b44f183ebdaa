// SPDX-License-Identifier: Apache-2.0
// Reads the sysctls of this network namespace that decide where packets go.
#pragma once

#include "vpndoctor/snapshot.h"

namespace vpndoctor {

/// Reads /proc/sys/net, which shows the reader's own namespace. Missing when it is not mounted.
Observed<RoutingSettings> read_routing_settings();

}  // namespace vpndoctor
