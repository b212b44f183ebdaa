// SPDX-License-Identifier: Apache-2.0
// What the rows of the leak checks get: the facts, and what several of them conclude from these, each worked out when
// it is first asked for, and once an analysis.
#pragma once

#include <array>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "crash_remains.h"
#include "kill_switch.h"
#include "named_tunnel.h"
#include "past_routes.h"
#include "routing_checks.h"
#include "vpndoctor/leak_checks.h"

namespace vpndoctor {

/// The facts with their conclusions. A row asks only for those whose facets it needs. For one thread at a time.
class LeakContext : public LeakFacts {
 public:
  explicit LeakContext(const LeakFacts& facts) : LeakFacts(facts) {}

  const KillSwitch& kill_switch() const;
  /// What the checks of name resolution find.
  const CheckResults& dns() const;
  const std::vector<TunnelClaim>& claims() const;
  const std::vector<CrashRemains>& crash_remains() const;
  /// What was judged of the tunnel; null when it is none.
  const TunnelReport* report_of(const std::string& interface) const;
  /// The tunnels that carry something, of both families, ascending.
  const std::set<std::string>& carriers() const;
  /// The tunnel that the expectation names, and what the tables send into it. Only where one is named.
  const NamedTunnel& named_tunnel() const;
  const NamedCoverage& named_coverage() const;
  const PastRoutes& past_routes(Family family) const;
  /// Why a host route may be for a tunnel's other end; empty: all ends are known.
  const std::string& unseen_end() const;
  /// The physical interfaces that lead further than their link, ascending.
  const std::set<std::string>& uplinks() const;
  /// The first sample of all public addresses that goes through a tunnel; nullopt when none does.
  const std::optional<IpAddress>& tunnelled_sample(Family family) const;
  /// True when most of them do: the tunnel is meant to be a full one.
  bool takes_most(Family family) const;

 private:
  template <class T>
  using OfFamilies = std::array<std::optional<T>, 2>;

  mutable std::optional<KillSwitch> kill_switch_;
  mutable std::optional<CheckResults> dns_;
  mutable std::optional<std::vector<TunnelClaim>> claims_;
  mutable std::optional<std::vector<CrashRemains>> crash_remains_;
  mutable std::optional<std::set<std::string>> carriers_;
  mutable std::optional<NamedTunnel> named_tunnel_;
  mutable std::optional<NamedCoverage> named_coverage_;
  mutable OfFamilies<PastRoutes> past_routes_;
  mutable std::optional<std::string> unseen_end_;
  mutable std::optional<std::set<std::string>> uplinks_;
  mutable OfFamilies<std::optional<IpAddress>> tunnelled_sample_;
  mutable OfFamilies<bool> takes_most_;
};

}  // namespace vpndoctor
