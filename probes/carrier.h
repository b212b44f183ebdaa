// SPDX-License-Identifier: Apache-2.0
// Chooses what carries the probes: raw sockets, else the ping socket and UDP side by side.
#pragma once

#include <memory>
#include <optional>

#include "vpndoctor/probe_channel.h"

namespace vpndoctor {

/// Opens the best carrier for the method (null: any). kPermission when none is allowed.
Result<std::unique_ptr<ProbeChannel>> open_carrier(const ChannelOptions& options, std::optional<Method> method);

}  // namespace vpndoctor
