// SPDX-License-Identifier: Apache-2.0
// Reads systemd-resolved's configuration from its D-Bus objects.
#pragma once

#include "system_bus.h"
#include "vpndoctor/resolved_reply.h"
#include "vpndoctor/snapshot.h"

namespace vpndoctor {

inline constexpr const char* kResolvedBusName = "org.freedesktop.resolve1";

/// Reads the manager and every link that the daemon has an object for. kAbsent when the name has no owner. Links have
/// the names of the snapshot: the daemon does not tell them.
Asked<ResolvedReply> read_resolved_over_bus(SystemBus& bus, const Snapshot& snapshot, const Deadline& deadline);

}  // namespace vpndoctor
