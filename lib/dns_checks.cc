// SPDX-License-Identifier: Apache-2.0
// The table of the checks of name resolution. What a check looks for is in its own file, what they share in
// dns_check_facts.cc.
#include "dns_checks.h"

#include <algorithm>
#include <array>
#include <functional>

#include "check_needs.h"

namespace vpndoctor {
namespace {

/// A facet that a check cannot do without.
enum DnsFacet : unsigned {
  kLinks = 1,
  kAddresses = 2,
  kRoutes = 4,
  kRules = 8,
  kFile = 16,
  kResolved = 32,
  kListeners = 64,
  kBackups = 128,
  kServices = 256,
};

struct Check {
  const char* code;
  unsigned needs;
  unsigned whole;  ///< what it concludes from something not being there
  void (*run)(const DnsFacts&, DnsFindings&);
  /// Why these facts do not decide it; empty when they do. Null: they always do.
  std::string (*undecided)(const DnsFacts&) = nullptr;
};

constexpr unsigned kTables = kLinks | kAddresses | kRoutes | kRules;

constexpr auto kChecks = std::to_array<Check>({
    {"DNS001", kResolved | kLinks | kAddresses, kAddresses, check_inert_scope},
    {"DNS002", kFile | kTables, 0, check_replaced_file},
    {"DNS003", kFile | kTables, kTables, check_unreachable_server},
    {"DNS004", kTables, kRoutes | kRules, check_server_outside},
    {"DNS005", kResolved | kTables, 0, check_parallel_scopes},
    {"DNS006", kResolved, kResolved, check_fallback, fallback_undecided},
    {"DNS007", kResolved, 0, check_ghost_global, ghost_undecided},
    {"DNS008", kBackups | kFile, 0, check_backups, backups_undecided},
    {"DNS009", kFile | kTables, 0, check_lost_split},
    {"DNS010", kFile | kTables, 0, check_search_leak},
    {"DNS011", kResolved | kLinks, 0, check_multicast},
    {"DNS012", kFile | kTables, kRoutes | kRules, check_inet6_server},
    {"DNS013", kResolved | kTables, kResolved, check_reverse_zones},
    {"DNS014", kResolved | kLinks, kResolved, check_single_labels},
    {"DNS015", kServices, 0, check_foreign},
    {"DNS016", kFile | kTables, kRoutes | kRules, check_first_server},
    {"DNS017", kFile | kListeners, kListeners, check_dead_stub},
    {"DNS018", kFile | kTables, kRoutes | kRules, check_resolver_outside, resolver_undecided},
});

/// The sources that a machine may simply not have.
bool applies(const Snapshot& snapshot, const Check& check) {
  const DnsConfiguration& dns = snapshot.dns;
  if (snapshot.platform == Platform::kMacos) return check.run == check_unreachable_server;
  if ((check.needs & kResolved) != 0) {
    if (!dns.resolved) return !dns.resolved.is_absent();
    return dns.resolved->runs.value_or(true);
  }
  if (check.run == check_foreign) return dns.resolved || dns.network_manager;
  return true;
}

/// Why a check cannot be made; empty when it can.
std::string missing_facet(const Snapshot& snapshot, const Check& check) {
  FacetNeeds needs(check.needs, check.whole);
  needs.facet(kLinks, "links", snapshot.links)
      .facet(kAddresses, "addresses", snapshot.addresses)
      .facet(kRoutes, "routes", snapshot.routes);
  if (snapshot.platform == Platform::kMacos) return needs.reason();
  const DnsConfiguration& dns = snapshot.dns;
  needs.facet(kRules, "rules", snapshot.rules)
      .facet(kFile, "lines of resolv.conf", dns.resolv_conf)
      .facet(kResolved, "scopes of systemd-resolved", dns.resolved)
      .facet(kListeners, "listeners on port 53", dns.listeners)
      .facet(kBackups, "backups of resolv.conf", dns.backups)
      .facet(kServices, "name services of nsswitch.conf", dns.name_service_switch);
  if (!needs.reason().empty() || (check.needs & kResolved) == 0 || dns.resolved->foreign.empty()) {
    return needs.reason();
  }
  return "systemd-resolved is that of another network namespace: " + dns.resolved->foreign;
}

/// Why a check cannot be made, or not be decided; empty when it is.
std::string why_skipped(const DnsFacts& facts, const Check& check) {
  std::string why = missing_facet(facts.snapshot, check);
  return why.empty() && check.undecided != nullptr ? check.undecided(facts) : why;
}

}  // namespace

CheckResults check_dns(const Snapshot& snapshot, std::uint32_t uid) {
  const Fib fib(snapshot);
  return check_dns(snapshot, fib, uid);
}

CheckResults check_dns(const Snapshot& snapshot, const Fib& fib, std::uint32_t uid) {
  CheckResults results;
  DnsFacts facts{.snapshot = snapshot, .fib = fib, .uid = uid, .live = live_scopes(snapshot)};
  for (const Check& check : kChecks) {
    if (!applies(snapshot, check)) continue;
    run_check(check, facts, why_skipped(facts, check), results);
  }
  put_worst_first(results);
  return results;
}

}  // namespace vpndoctor
