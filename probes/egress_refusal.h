// SPDX-License-Identifier: Apache-2.0
// Words for what the kernel says when it has no route: turns an errno into an error that says what to do.
#pragma once

#include <string>

#include "rtnl_query.h"
#include "vpndoctor/egress.h"
#include "vpndoctor/result.h"

namespace vpndoctor {

/// Explains a refused route lookup; `network_up` is false when no interface but the loopback is up.
Error egress_refusal(const EgressQuery& query, const RouteAnswer& answer, bool network_up);

/// Explains a target that no path can be measured to: a broadcast or multicast address.
Error egress_not_unicast(const EgressQuery& query, bool broadcast);

}  // namespace vpndoctor
