// SPDX-License-Identifier: Apache-2.0
// Routes that somebody left behind: into dead interfaces, to VPN servers.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "routing_checks.h"
#include "server_routes.h"

namespace vpndoctor {
namespace {

/// The route that came with an address, by the kernel or by what got the address.
bool is_connected(const RoutingFacts& facts, const Route& route) {
  if (route.protocol == kProtocolKernel) return true;
  if (route.protocol != kProtocolDhcp && route.protocol != kProtocolRouterAdvertisement) return false;
  return std::ranges::none_of(facts.routes().hops(route), [](const NextHop& hop) { return hop.gateway.has_value(); });
}

/// A carrier-less interface keeps the route that came with its address, which harms nobody; a tunnel's does.
bool is_expected(const RoutingFacts& facts, const Route& route, std::string_view interface) {
  if (is_tunnel(facts.snapshot, interface)) return false;
  return is_connected(facts, route) || is_container_bridge(facts.snapshot, interface);
}

bool counts_as_stale(const Route& route) {
  return route.table != kTableLocal && route.type == RouteType::kUnicast && !route.destination.address.is_multicast() &&
         !route.destination.address.is_link_local();
}

/// A dead default route has a finding of its own, which names all routes to that interface.
bool is_dead_default(const RoutingFacts& facts, std::string_view interface) {
  return facts.of(Family::kInet).is_main(interface) || facts.of(Family::kInet6).is_main(interface);
}

/// The interface that no leg of the route gets past; empty when a leg works, or there is none.
std::string dead_interface(const RoutingFacts& facts, const Route& route) {
  std::string dead;
  for (const NextHop& hop : facts.routes().hops(route)) {
    if (why_dead(facts.snapshot, hop.interface).empty()) return {};
    dead = hop.interface;
  }
  return dead;
}

/// Routes that stand in for each other: the lowest metric decides.
using Alternatives = std::tuple<std::uint32_t, IpPrefix, std::uint8_t>;

Alternatives alternatives_of(const Route& route) { return {route.table, route.destination, route.tos}; }

/// Takes the reserves away: routes that a working one with a lower metric stands before, so that nothing is sent there.
void remove_reserves(const RoutingFacts& facts, std::vector<const Route*>& stale) {
  std::map<Alternatives, std::uint32_t> highest_metric;
  for (const Route* route : stale) {
    if (route->metric == 0) continue;  // nothing is before it
    std::uint32_t& metric = highest_metric[alternatives_of(*route)];
    metric = std::max(metric, route->metric);
  }
  if (highest_metric.empty()) return;
  std::map<Alternatives, std::uint32_t> working;
  for (const Route& route : facts.routes().routes) {
    const auto found = highest_metric.find(alternatives_of(route));
    if (found == highest_metric.end() || route.metric >= found->second) continue;
    if (facts.routes().attributes(route).source || !dead_interface(facts, route).empty()) continue;
    const auto [metric, is_new] = working.try_emplace(found->first, route.metric);
    if (!is_new) metric->second = std::min(metric->second, route.metric);
  }
  std::erase_if(stale, [&](const Route* route) {
    const auto found = working.find(alternatives_of(*route));
    return found != working.end() && found->second < route->metric;
  });
}

void add_stale(const RoutingFacts& facts, const std::string& interface, const std::vector<const Route*>& routes,
               Findings& findings) {
  Finding finding = make_finding("RTE003", {"interface", interface});
  const bool tunnel = is_tunnel(facts.snapshot, interface);
  if (tunnel) finding.severity = Severity::kError;
  finding.title = fmt::format("{} route{} to {}, which {}", routes.size(), routes.size() == 1 ? " leads" : "s lead",
                              interface, why_dead(facts.snapshot, interface));
  finding.detail = tunnel ? "The tunnel is dead and still holds these routes: what is sent there vanishes."
                          : "What is sent there vanishes until the interface works again.";
  add_step(finding.remedy, fmt::format("Bring {} up again (start its VPN), or delete the routes.", interface),
           quote_and_delete(facts, routes, finding));
  findings.push_back(std::move(finding));
}

void add_server_route(const RoutingFacts& facts, const Route& route, bool by_default_gateway, Findings& findings) {
  const NextHop& hop = facts.routes().hops(route)[0];
  Finding finding = make_finding("RTE004", {"route", route.destination.to_string()});
  // Without any tunnel, and by the gateway that everything else takes, such a route has no other use.
  finding.confidence =
      facts.snapshot.tunnels->empty() && by_default_gateway ? Confidence::kLikely : Confidence::kSuspected;
  finding.title =
      fmt::format("A host route to {} by {} serves no tunnel", route.destination.address, hop.gateway->to_string());
  finding.detail = fmt::format(
      "VPN clients pin their server like this. When the machine changes its network, {} is "
      "looked for at a gateway that is not there.",
      route.destination.address);
  finding.evidence = {
      route_evidence(facts, route),
      proof(facts.snapshot.tunnels, "links",
            facts.snapshot.tunnels->empty() ? "this machine has no tunnel interface" : "no tunnel has this endpoint")};
  add_step(finding.remedy, "Delete it, unless you made it on purpose.", {delete_route(facts, route)});
  findings.push_back(std::move(finding));
}

}  // namespace

void check_stale_routes(const RoutingFacts& facts, Findings& findings) {
  std::vector<const Route*> stale;
  for (const Route& route : facts.routes().routes) {
    if (!counts_as_stale(route)) continue;
    const std::string interface = dead_interface(facts, route);
    if (!interface.empty() && !is_expected(facts, route, interface)) stale.push_back(&route);
  }
  remove_reserves(facts, stale);
  std::map<std::string, std::vector<const Route*>> by_interface;
  for (const Route* route : stale) by_interface[dead_interface(facts, *route)].push_back(route);
  for (const auto& [interface, routes] : by_interface) {
    if (!is_dead_default(facts, interface)) add_stale(facts, interface, routes, findings);
  }
}

std::string server_routes_undecided(const RoutingFacts& facts) {
  std::string why = server_routes_undecided(facts.snapshot);
  return why.empty() && ServerRoutes(facts.snapshot).are_unused_many() ? too_many_server_routes() : why;
}

void check_server_route_left(const RoutingFacts& facts, Findings& findings) {
  const ServerRoutes routes(facts.snapshot);
  for (const Route* route : routes.unused()) {
    add_server_route(facts, *route, routes.is_default_gateway(facts.routes().hops(*route)[0]), findings);
  }
}

}  // namespace vpndoctor
