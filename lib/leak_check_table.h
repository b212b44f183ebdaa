// SPDX-License-Identifier: Apache-2.0
// What a leak check is: its code, the facets that it needs, its function. Each field keeps its rows in a file of its
// own; leak_checks.cc runs them all.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "finding_parts.h"
#include "leak_context.h"
#include "vpndoctor/leak_checks.h"

namespace vpndoctor {

/// A facet that a check cannot do without.
enum LeakFacet : unsigned {
  kLeakLinks = 1,
  kLeakAddresses = 2,
  kLeakRoutes = 4,
  kLeakRules = 8,
  kLeakTunnels = 16,
  kLeakSettings = 32,
  kLeakFirewall = 64,
  kLeakXfrm = 128,
  kLeakLeases = 256,
  kLeakSigns = 512,
};
inline constexpr unsigned kLeakTables = kLeakLinks | kLeakAddresses | kLeakRoutes | kLeakRules;

struct LeakCheck {
  const char* code;
  unsigned needs;
  unsigned whole;  ///< what it concludes from something not being there
  void (*run)(const LeakContext&, std::vector<Finding>&);
  /// Why these facts do not decide it; empty when they do. Null: they always do.
  std::string (*undecided)(const LeakContext&) = nullptr;
};

std::span<const LeakCheck> tunnel_checks();    ///< TUN
std::span<const LeakCheck> coverage_checks();  ///< LEK001 to LEK029
std::span<const LeakCheck> firewall_checks();  ///< FWL

}  // namespace vpndoctor
