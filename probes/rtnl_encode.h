// SPDX-License-Identifier: Apache-2.0
// Writes routes, rules and addresses as messages that change the kernel's tables: the inverse of rtnl_decode.h. Sends
// nothing and decides nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "handles.h"
#include "vpndoctor/restore_plan.h"

namespace vpndoctor {

/// Returns the index of an interface; nullopt when there is none of that name.
using IndexOfInterface = std::function<std::optional<int>(const std::string& name)>;

/// Each returns the message for one operation; null when an interface that it names does not exist. `flags` are NLM_F_*
/// beside NLM_F_REQUEST.
NlMessage encode_route(std::uint16_t type, int flags, const StandaloneRoute& route, const IndexOfInterface& index_of);
NlMessage encode_rule(std::uint16_t type, int flags, const Rule& rule);
NlMessage encode_address(std::uint16_t type, int flags, const Address& address, const IndexOfInterface& index_of);

}  // namespace vpndoctor
