// SPDX-License-Identifier: Apache-2.0
// What the routing checks share: where each family's addresses go, and what an interface is. One small function a code.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "finding_parts.h"
#include "vpndoctor/fib.h"
#include "vpndoctor/routing_checks.h"

namespace vpndoctor {

/// Which share of the family's whole (whole_of()) goes through each interface, for an unmarked local flow; "" is no
/// route at all.
/// Where a hash or a neighbour decides between interfaces, none has the share.
struct FamilyShares {
  struct Share {
    double all = 0;
    double certain = 0;  ///< of it, by answers that are certain
  };
  std::map<std::string, Share, std::less<>> through;
  double unrouted() const;
  /// The interface that most addresses go through; empty when no one has more than half.
  std::string main_interface() const;
  /// True for that interface.
  bool is_main(std::string_view interface) const;
  /// True when that interface ("": no route) has more than half by certain answers alone.
  bool is_certain(std::string_view interface) const;
};

/// A tunnel's claim on a prefix: a route that leads into that tunnel alone.
struct TunnelClaim {
  const Route* route = nullptr;
  const std::string* tunnel = nullptr;  ///< the interface
  const IpPrefix& prefix() const { return route->destination; }
};

/// All that a check may look at; the snapshot and its index belong to the caller.
struct RoutingFacts {
  const Snapshot& snapshot;
  const Fib& fib;
  std::uint32_t uid = 0;               ///< whose packets are asked about
  std::array<FamilyShares, 2> shares;  ///< by Family
  std::vector<TunnelClaim> claims;     ///< of all tunnels, ordered by prefix

  const RouteTable& routes() const { return *snapshot.routes; }
  const FamilyShares& of(Family family) const { return shares[static_cast<std::size_t>(family)]; }
};

/// Finds every claim of a tunnel, ordered by prefix; without multicast and link-local prefixes, which are each link's
/// own.
std::vector<TunnelClaim> tunnel_claims(const Snapshot& snapshot);
/// A flow of this machine and of the user who asks, unmarked and unbound.
Flow flow_to(const RoutingFacts& facts, const IpAddress& destination);
/// The interface that the packet leaves by whatever decides; nullopt when its ways lead to several.
std::optional<std::string_view> only_interface(const FlowAnswer& answer);
/// Lowers a finding that rests on what is not certain, and says why; an empty `why` changes nothing.
void doubt(const Snapshot& snapshot, Finding& finding, std::string_view why);
/// One line of proof from a facet, which tells whether the kernel said it or a capture of another machine.
template <class T>
Evidence proof(const Observed<T>& facet, std::string source, std::string text) {
  const bool is_live = facet.source().starts_with("netlink");
  return {is_live ? "netlink" : "capture", std::move(source), std::move(text)};
}
/// Why an interface cannot carry packets: "is not there", "is down", "has no carrier"; empty when it can.
std::string why_dead(const Snapshot& snapshot, std::string_view interface);
/// True for the bridge of a container engine or of virtual machines, by the names that they give.
bool is_container_bridge(const Snapshot& snapshot, std::string_view interface);
/// True for an up interface that is neither loopback, tunnel nor container bridge, with the addresses of a network.
bool is_lan_interface(const Snapshot& snapshot, std::string_view interface);
/// The route in the words of `ip route`.
std::string route_text(const RoutingFacts& facts, const Route& route);
/// One line of proof from the table.
Evidence route_evidence(const RoutingFacts& facts, const Route& route);
/// How many routes a finding quotes, and takes away one by one.
inline constexpr std::size_t kMostQuoted = 8;
/// Routes for a finding.
struct QuotedRoutes {
  QuotedRoutes(const std::vector<const Route*>& all) : first(all), count(all.size()) {}  // NOLINT(*-explicit-*)
  /// `its_first`: of `its_count` ones, at least as many as are quoted.
  QuotedRoutes(std::vector<const Route*> its_first, std::size_t its_count)
      : first(std::move(its_first)), count(its_count) {}
  std::vector<const Route*> first;
  std::size_t count;
};
/// Quotes the routes and says how to take them away: one by one, or, when they are many, by the plan that recognises
/// them. What the kernel made goes with the interface's address.
std::vector<Command> quote_and_delete(const RoutingFacts& facts, const QuotedRoutes& routes, Finding& finding);
/// The command that deletes the route.
Command delete_route(const RoutingFacts& facts, const Route& route);
/// The command that deletes the rule.
Command delete_rule(const Rule& rule);

using Findings = std::vector<Finding>;
void check_default_missing(const RoutingFacts& facts, Findings& findings);
void check_default_dead(const RoutingFacts& facts, Findings& findings);
void check_equal_defaults(const RoutingFacts& facts, Findings& findings);
void check_stale_routes(const RoutingFacts& facts, Findings& findings);
void check_server_route_left(const RoutingFacts& facts, Findings& findings);
/// Why it cannot be told whether a tunnel uses a route that looks left behind; empty when it can, or there is none.
std::string server_routes_undecided(const RoutingFacts& facts);
void check_rule_to_empty_table(const RoutingFacts& facts, Findings& findings);
void check_endpoint_loop(const RoutingFacts& facts, Findings& findings);
void check_reverse_path_filter(const RoutingFacts& facts, Findings& findings);
void check_loopback_captured(const RoutingFacts& facts, Findings& findings);
void check_lan_captured(const RoutingFacts& facts, Findings& findings);
void check_tunnels_overlap(const RoutingFacts& facts, Findings& findings);
void check_container_network(const RoutingFacts& facts, Findings& findings);
void check_cgnat_conflict(const RoutingFacts& facts, Findings& findings);

}  // namespace vpndoctor
