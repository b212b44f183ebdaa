// SPDX-License-Identifier: Apache-2.0
// Runs the leak checks of all fields.
#include "vpndoctor/leak_checks.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "check_needs.h"
#include "leak_check_table.h"

namespace vpndoctor {
namespace {

/// Why a check cannot be made, or not be decided; empty when it is.
std::string why_skipped(const LeakContext& facts, const LeakCheck& check) {
  const Snapshot& snapshot = facts.snapshot;
  // macOS has no policy rules.
  const unsigned not_there = snapshot.platform == Platform::kMacos ? unsigned{kLeakRules} : 0U;
  FacetNeeds needs(check.needs & ~not_there, check.whole);
  needs.facet(kLeakLinks, "links", snapshot.links)
      .facet(kLeakAddresses, "addresses", snapshot.addresses)
      .facet(kLeakRoutes, "routes", snapshot.routes)
      .facet(kLeakRules, "rules", snapshot.rules)
      .facet(kLeakTunnels, "tunnels", snapshot.tunnels)
      .facet(kLeakSettings, "settings", snapshot.settings)
      .facet(kLeakFirewall, "rules of the packet filter", snapshot.firewall)
      .facet(kLeakXfrm, "IPsec policies", snapshot.xfrm)
      .facet(kLeakLeases, "DHCP leases", snapshot.leases)
      .facet(kLeakSigns, "signs of other VPNs", snapshot.vpn_signs);
  if (!needs.reason().empty() || check.undecided == nullptr) return needs.reason();
  return check.undecided(facts);
}

}  // namespace

CheckResults check_leaks(const LeakFacts& facts) {
  CheckResults results;
  const LeakContext context(facts);
  for (const auto& checks : {tunnel_checks(), coverage_checks(), firewall_checks()}) {
    for (const LeakCheck& check : checks) {
      run_check(check, context, why_skipped(context, check), results);
    }
  }
  put_worst_first(results);
  return results;
}

}  // namespace vpndoctor
