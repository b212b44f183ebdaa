// SPDX-License-Identifier: Apache-2.0
// A route in the words of `ip route add`, taken apart. Checks what the words alone can show; whether a kernel would
// take the route depends on the rest of its state.
#pragma once

#include <string_view>

#include "vpndoctor/network.h"
#include "vpndoctor/result.h"

namespace vpndoctor {

struct ParsedRoute {
  Route route;  ///< `next_hops` and `attributes` are not set
  NextHopSet next_hops;
  RouteAttributes attributes;
};

/// kUsage names the word that is wrong.
Result<ParsedRoute> parse_route(std::string_view text);

}  // namespace vpndoctor
