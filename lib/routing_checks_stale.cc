// SPDX-License-Identifier: Apache-2.0
// What somebody left behind: routes into dead interfaces, host routes of VPN servers, rules to empty tables.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "filled_tables.h"
#include "routing_checks.h"
#include "vpndoctor/route_owner.h"
#include "vpndoctor/route_words.h"

namespace vpndoctor {
namespace {

/// A carrier-less interface keeps the route that came with its address, which harms nobody; a tunnel's does.
bool is_expected(const RoutingFacts& facts, const Route& route, std::string_view interface) {
  if (is_tunnel(facts.snapshot, interface)) return false;
  return route.protocol == kProtocolKernel || is_container_bridge(facts.snapshot, interface);
}

bool counts_as_stale(const Route& route) {
  return route.table != kTableLocal && route.type == RouteType::kUnicast && !route.destination.address.is_multicast() &&
         !route.destination.address.is_link_local();
}

/// A dead default route has a finding of its own, which names all routes to that interface.
bool is_dead_default(const RoutingFacts& facts, std::string_view interface) {
  return facts.of(Family::kInet).main_interface() == interface ||
         facts.of(Family::kInet6).main_interface() == interface;
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

bool is_in_use(const RoutingFacts& facts, const IpAddress& server) {
  return std::ranges::any_of(*facts.snapshot.tunnels, [&](const Tunnel& tunnel) {
    // A tunnel whose endpoints are not known may be the one.
    return tunnel.endpoints.empty() ||
           std::ranges::any_of(tunnel.endpoints, [&](const OuterEndpoint& each) { return each.address == server; });
  });
}

/// The default route's gateway on that interface.
bool is_default_gateway(const RoutingFacts& facts, const NextHop& hop) {
  return std::ranges::any_of(facts.routes().routes, [&](const Route& route) {
    return route.destination.is_default() && std::ranges::any_of(facts.routes().hops(route), [&](const NextHop& each) {
             return each.interface == hop.interface && each.gateway == hop.gateway;
           });
  });
}

/// What a VPN client adds for its server: a host route by a gateway, made by no manager and no protocol.
bool looks_like_server_route(const RoutingFacts& facts, const Route& route) {
  if (!route.destination.is_host() || route.type != RouteType::kUnicast || route.table != kTableMain) return false;
  if (route.protocol != kProtocolBoot && route.protocol != kProtocolStatic && route.protocol != kProtocolUnspecified) {
    return false;
  }
  const auto& hops = facts.routes().hops(route);
  return hops.size() == 1 && hops[0].gateway && !is_tunnel(facts.snapshot, hops[0].interface) &&
         !route.destination.contains(*hops[0].gateway);
}

void add_server_route(const RoutingFacts& facts, const Route& route, Findings& findings) {
  const NextHop& hop = facts.routes().hops(route)[0];
  const bool by_default_gateway = is_default_gateway(facts, hop);
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
      {"netlink", "links",
       facts.snapshot.tunnels->empty() ? "this machine has no tunnel interface" : "no tunnel has this endpoint"}};
  add_step(finding.remedy, "Delete it, unless you made it on purpose.", {delete_route(facts, route)});
  findings.push_back(std::move(finding));
}

bool matches_everything(const Rule& rule) {
  return !rule.source && !rule.destination && rule.input_interface.empty() && rule.output_interface.empty() &&
         !rule.uids && rule.ip_protocol == 0 && (rule.mark_mask == 0 || rule.inverted);
}

Command delete_rule(const Rule& rule) {
  std::vector<std::string> argv{"ip", rule.family == Family::kInet ? "-4" : "-6", "rule", "del"};
  for (std::string& word : rule_words(rule)) argv.push_back(std::move(word));
  return root_command(std::move(argv));
}

void add_empty_table(const RoutingFacts& facts, const std::vector<const Rule*>& rules, Findings& findings) {
  const Rule& first = *rules[0];
  const Owner owner = rule_owner(facts.snapshot, first);
  Finding finding = make_finding("RTE006", {"table", std::to_string(first.table)});
  const bool leaks =
      owner.is_vpn && std::ranges::any_of(rules, [](const Rule* each) { return matches_everything(*each); });
  if (leaks) finding.severity = Severity::kError;
  finding.title = fmt::format("{} {} rule{} to table {}, which has no routes", rules.size(), family_title(first.family),
                              rules.size() == 1 ? " leads" : "s lead", facts.snapshot.table_name(first.table));
  finding.detail = leaks ? fmt::format("{} left it behind: what was meant for its tunnel leaves in clear.", owner.name)
                         : "The lookup fails there and goes on with the next rule.";
  std::vector<Command> commands;
  for (const Rule* rule : rules) {
    finding.evidence.push_back({"netlink", fmt::format("rule {}", rule->priority), joined(rule_words(*rule))});
    commands.push_back(delete_rule(*rule));
  }
  if (owner.is_known()) finding.evidence.push_back({"netlink", "owner", owner.name + ": " + owner.evidence});
  add_step(finding.remedy, "Delete the rules, or start what made them again.", std::move(commands));
  findings.push_back(std::move(finding));
}

}  // namespace

void check_stale_routes(const RoutingFacts& facts, Findings& findings) {
  std::map<std::string, std::vector<const Route*>> stale;
  for (const Route& route : facts.routes().routes) {
    if (!counts_as_stale(route)) continue;
    const std::string interface = dead_interface(facts, route);
    if (!interface.empty() && !is_expected(facts, route, interface)) stale[interface].push_back(&route);
  }
  for (const auto& [interface, routes] : stale) {
    if (!is_dead_default(facts, interface)) add_stale(facts, interface, routes, findings);
  }
}

void check_server_route_left(const RoutingFacts& facts, Findings& findings) {
  // Repeated crashes leave a few; more of them are somebody's list of hosts.
  constexpr std::size_t kMostServers = 8;
  std::vector<const Route*> left;
  for (const Route& route : facts.routes().routes) {
    if (!looks_like_server_route(facts, route) || is_in_use(facts, route.destination.address)) continue;
    if (left.size() == kMostServers) return;
    left.push_back(&route);
  }
  for (const Route* route : left) add_server_route(facts, *route, findings);
}

void check_rule_to_empty_table(const RoutingFacts& facts, Findings& findings) {
  if (!facts.snapshot.rules) return;  // macOS has none
  Tables filled = filled_tables(facts.routes());
  // The default table is empty on nearly every machine, and rules of the kernel's own tables are its business.
  for (const std::uint32_t table : {kTableDefault, kTableMain, kTableLocal}) {
    filled.emplace(Family::kInet, table);
    filled.emplace(Family::kInet6, table);
  }
  std::map<std::pair<Family, std::uint32_t>, std::vector<const Rule*>> empty;
  for (const Rule& rule : *facts.snapshot.rules) {
    if (rule.action != RuleAction::kToTable || rule.l3mdev || rule.table == kTableUnspecified) continue;
    if (!filled.contains({rule.family, rule.table})) empty[{rule.family, rule.table}].push_back(&rule);
  }
  // A limit on what was read proves no absence.
  if (!facts.snapshot.routes.is_complete()) return;
  for (const auto& [key, rules] : empty) add_empty_table(facts, rules, findings);
}

}  // namespace vpndoctor
