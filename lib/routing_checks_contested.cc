// SPDX-License-Identifier: Apache-2.0
// Two tunnels that claim the same prefix where one packet could take either. Tables that different packets look up do
// not compete.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <string>

#include "claims_by_name.h"
#include "routing_checks.h"
#include "vpndoctor/ppp_use.h"
#include "vpndoctor/route_owner.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostPrefixes = 4;

/// The claims of several tunnels on one prefix.
using Contest = std::vector<TunnelClaim>;

std::set<std::string> tunnels_of(std::span<const TunnelClaim> claims) {
  std::set<std::string> tunnels;
  for (const TunnelClaim& claim : claims) tunnels.insert(*claim.tunnel);
  return tunnels;
}

/// Which PPP interfaces are the provider's line (PPPoE, a modem) and no VPN: the outer packets of another tunnel leave
/// there, or nothing else leads out of the machine.
class Uplinks {
 public:
  explicit Uplinks(const RoutingFacts& facts) : facts_(facts) {
    std::size_t lines = 0;
    for (const Link& link : *facts.snapshot.links) lines += is_ppp(link.name) && is_tunnel(facts.snapshot, link.name);
    is_only_way_ = lines == 1 && !has_other_way();
  }

  bool has(const std::string& interface) const {
    return is_ppp(interface) && (is_only_way_ || carries_a_tunnel(interface));
  }

 private:
  bool is_ppp(const std::string& interface) const {
    const Link* link = facts_.snapshot.find_link(interface);
    return link != nullptr && (link->kind == "ppp" || link->hardware_type == kHardwarePpp);
  }

  bool carries_a_tunnel(const std::string& interface) const {
    if (!facts_.snapshot.tunnels) return false;
    return std::ranges::any_of(*facts_.snapshot.tunnels, [&](const Tunnel& tunnel) {
      return tunnel.interface != interface && std::ranges::any_of(tunnel.endpoints, [&](const OuterEndpoint& end) {
               Flow outer = flow_to(facts_, end.address);
               outer.mark = tunnel.mark.value_or(0);
               return facts_.fib.lookup(outer).interface == interface;
             });
    });
  }

  /// A gateway outside all tunnels, for everything or for one host: the latter may be the server of a PPTP or L2TP VPN.
  bool has_other_way() const {
    return std::ranges::any_of(facts_.routes().routes, [&](const Route& route) {
      if (claims_by_name(route.destination) && !route.destination.is_host()) return false;
      return std::ranges::any_of(facts_.routes().hops(route), [&](const NextHop& hop) {
        return hop.gateway && !is_tunnel(facts_.snapshot, hop.interface);
      });
    });
  }

  const RoutingFacts& facts_;
  bool is_only_way_ = false;
};

/// Finds which claims on a prefix compete.
class Contests {
 public:
  explicit Contests(const RoutingFacts& facts) : facts_(facts), uplinks_(facts) {}

  /// The contests among claims on one prefix.
  std::vector<Contest> among(std::span<const TunnelClaim> claims) {
    std::map<std::uint32_t, Contest> by_table;
    for (const TunnelClaim& claim : claims) {
      // The default of the line that the VPN runs over is not a second VPN's.
      if (!claims_by_name(claim.prefix()) && uplinks_.has(*claim.tunnel)) continue;
      by_table[arena(claim)].push_back(claim);
    }
    std::vector<Contest> contests;
    for (auto& [table, contest] : by_table) {
      if (tunnels_of(contest).size() > 1) contests.push_back(std::move(contest));
    }
    return contests;
  }

 private:
  /// Where a claim competes: in its own table, or with all that an ordinary packet looks up one after the other. Those
  /// are the tables of VPN clients, and main, whose default route is the uplink's where a client has one of its own.
  std::uint32_t arena(const TunnelClaim& claim) {
    const std::uint32_t table = claim.route->table;
    const bool is_shared = table == kTableMain ? claims_by_name(claim.prefix()) : is_of_vpn(table);
    return is_shared ? std::uint32_t{kTableUnspecified} : table;
  }
  bool is_of_vpn(std::uint32_t table) {
    const auto [known, is_new] = of_vpn_.try_emplace(table, false);
    if (is_new) known->second = table_owner(facts_.snapshot, table).is_vpn;
    return known->second;
  }

  const RoutingFacts& facts_;
  Uplinks uplinks_;
  std::map<std::uint32_t, bool> of_vpn_;
};

/// Which tunnel has the prefix now, by an address that stands for it.
std::string winner_text(const RoutingFacts& facts, const IpPrefix& prefix, Finding& finding) {
  constexpr const char* kUnknown = "Only one of them gets the traffic.";
  IpAddress address = prefix.address;
  if (address.is_unspecified()) {
    // The first address of everything is this machine itself.
    address = IpAddress::parse(prefix.family() == Family::kInet ? "1.1.1.1" : "2000::1").value_or(address);
    if (!prefix.contains(address)) return kUnknown;
  }
  const FlowAnswer answer = facts.fib.lookup(flow_to(facts, address));
  if (answer.fate != FlowFate::kUnicast) return kUnknown;
  doubt(facts.snapshot, finding, answer.uncertain);
  return fmt::format("{} goes through {} now.", address, answer.interface);
}

void add_contested(const RoutingFacts& facts, const std::set<std::string>& tunnels,
                   const std::vector<Contest>& contests, Findings& findings) {
  const Contest& first = contests.front();
  const IpPrefix& prefix = first.front().prefix();
  Finding finding = make_finding("RTE010", {"prefix", prefix.to_string()});
  const std::string names = fmt::format("{}", fmt::join(tunnels, " and "));
  finding.title = contests.size() == 1
                      ? fmt::format("{} claim {}", names, prefix)
                      : fmt::format("{} claim the same {} prefixes, {} first", names, contests.size(), prefix);
  for (std::size_t i = 0; i < std::min(contests.size(), kMostPrefixes); ++i) {
    for (const TunnelClaim& claim : contests[i]) finding.evidence.push_back(route_evidence(facts, *claim.route));
  }
  finding.detail = winner_text(facts, prefix, finding);
  add_step(finding.remedy, "Narrow the prefixes of one VPN; or take the route away from one of the two.");
  for (const std::string& tunnel : tunnels) {
    std::vector<Command> commands;
    for (const TunnelClaim& claim : first) {
      if (*claim.tunnel == tunnel) commands.push_back(delete_route(facts, *claim.route));
    }
    add_step(finding.remedy, fmt::format("If {} should not have it:", tunnel), std::move(commands));
  }
  findings.push_back(std::move(finding));
}

}  // namespace

void check_tunnels_overlap(const RoutingFacts& facts, Findings& findings) {
  // One finding for each set of tunnels, however many prefixes they quarrel about.
  std::map<std::set<std::string>, std::vector<Contest>> contested;
  Contests contests(facts);
  for (auto begin = facts.claims.begin(); begin != facts.claims.end();) {
    const auto end = std::find_if(begin, facts.claims.end(),
                                  [&](const TunnelClaim& claim) { return claim.prefix() != begin->prefix(); });
    if (end - begin > 1) {
      for (Contest& contest : contests.among({begin, end})) {
        contested[tunnels_of(contest)].push_back(std::move(contest));
      }
    }
    begin = end;
  }
  for (const auto& [tunnels, each] : contested) add_contested(facts, tunnels, each, findings);
}

}  // namespace vpndoctor
