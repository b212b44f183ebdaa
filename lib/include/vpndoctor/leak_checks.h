// SPDX-License-Identifier: Apache-2.0
// The checks of tunnels, of what the tables let out beside them, and of the packet filter that should stop it. The
// tables of rows are in leak_checks_{tunnel,coverage,firewall}.cc. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/coverage.h"
#include "vpndoctor/routing_checks.h"
#include "vpndoctor/tunnel_state.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// What the user says should be so (--expect, --vpn).
struct VpnExpectation {
  std::optional<CoverageMode> mode;  ///< full or split; null: nothing is expected
  std::string interface;             ///< the tunnel that should be there; empty: any
};

/// All that a leak check may look at; what it points to belongs to the caller.
struct LeakFacts {
  const Snapshot& snapshot;
  const Fib& fib;
  std::uint32_t uid = 0;
  const std::vector<TunnelReport>& tunnels;
  const Coverage& coverage;
  VpnExpectation expectation;
  const Snapshot* before = nullptr;  ///< the saved state that growth is measured against; null: none
};

CheckResults check_leaks(const LeakFacts& facts);

}  // namespace vpndoctor
