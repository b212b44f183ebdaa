// SPDX-License-Identifier: Apache-2.0
// Default routes that are there: one into a dead interface, several that compete.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "routing_checks.h"
#include "vpndoctor/route_words.h"

namespace vpndoctor {
namespace {

/// The routes that lead into `interface`, whoever made them; the kernel's own go with its addresses.
std::vector<const Route*> routes_through(const RoutingFacts& facts, std::string_view interface) {
  std::vector<const Route*> found;
  for (const Route& route : facts.routes().routes) {
    if (route.protocol == kProtocolKernel) continue;
    const auto& hops = facts.routes().hops(route);
    if (std::ranges::any_of(hops, [&](const NextHop& hop) { return hop.interface == interface; })) {
      found.push_back(&route);
    }
  }
  std::ranges::stable_sort(found, {}, [](const Route* route) { return route->destination.length; });
  return found;
}

void add_dead(const RoutingFacts& facts, Family family, const std::string& interface, Findings& findings) {
  Finding finding = make_finding("RTE002", {"interface", interface});
  finding.title = fmt::format("The {} default route leads to {}, which {}", family_title(family), interface,
                              why_dead(facts.snapshot, interface));
  finding.detail = is_tunnel(facts.snapshot, interface)
                       ? "The tunnel is dead and still holds the routes: everything that is sent vanishes in it."
                       : "Everything that is sent vanishes until the interface has a carrier again.";
  std::vector<Command> commands = quote_and_delete(facts, routes_through(facts, interface), finding);
  finding.evidence.push_back(proof(facts.snapshot.links, "link " + interface,
                                   fmt::format("{} {}", interface, why_dead(facts.snapshot, interface))));
  if (!facts.of(family).is_certain(interface)) {
    doubt(facts.snapshot, finding, "the lookups that lead there are not certain themselves");
  }
  add_step(finding.remedy, "Start the VPN or the interface again, or take its routes away.", std::move(commands));
  findings.push_back(std::move(finding));
}

using DefaultKey = std::tuple<Family, std::uint32_t, std::uint8_t, std::uint32_t>;

bool is_advertised(const Route* route) { return route->protocol == kProtocolRouterAdvertisement; }

/// Several routers that advertise themselves on one link are meant to share it (RFC 4311); a preference (RFC 4191)
/// decides by itself.
bool compete(const RoutingFacts& facts, const std::vector<const Route*>& routes) {
  std::set<std::string> interfaces;
  std::set<std::uint8_t> preferences;
  for (const Route* route : routes) {
    preferences.insert(facts.routes().attributes(*route).preference);
    for (const NextHop& hop : facts.routes().hops(*route)) interfaces.insert(hop.interface);
  }
  if (std::ranges::all_of(routes, is_advertised) && interfaces.size() == 1) return false;
  return routes.size() > 1 && preferences.size() == 1;
}

void add_equal(const RoutingFacts& facts, const DefaultKey& key, const std::vector<const Route*>& routes,
               Findings& findings) {
  const auto& [family, table, tos, metric] = key;
  Finding finding = make_finding("RTE007", {"table", std::to_string(table)});
  finding.title = fmt::format("{} {} default routes of table {} have the same metric {}", routes.size(),
                              family_title(family), facts.snapshot.table_name(table), metric);
  finding.detail = "Which one is used depends on their order and on whether their gateways answer.";
  for (const Route* route : routes) finding.evidence.push_back(route_evidence(facts, *route));
  // The last one gets a higher metric: the first is what is used now.
  std::vector<std::string> words = route_words(facts.routes(), *routes.back());
  std::vector<std::string> add{"ip", family == Family::kInet ? "-4" : "-6", "route", "add"};
  const auto at = std::ranges::find(words, "metric");
  if (at != words.end() && at + 1 != words.end()) words.erase(at, at + 2);
  // What follows `nexthop` is a leg's, which has no metric of its own.
  const std::vector<std::string> higher{"metric", std::to_string(metric + 100)};
  words.insert(std::ranges::find(words, "nexthop"), higher.begin(), higher.end());
  add.insert(add.end(), words.begin(), words.end());
  add_step(finding.remedy, "Give the one that should be the reserve a higher metric.",
           {root_command(std::move(add)), delete_route(facts, *routes.back())});
  findings.push_back(std::move(finding));
}

}  // namespace

void check_default_dead(const RoutingFacts& facts, Findings& findings) {
  for (const Family family : {Family::kInet, Family::kInet6}) {
    const std::string interface = facts.of(family).main_interface();
    if (!interface.empty() && !why_dead(facts.snapshot, interface).empty())
      add_dead(facts, family, interface, findings);
  }
}

void check_equal_defaults(const RoutingFacts& facts, Findings& findings) {
  std::map<DefaultKey, std::vector<const Route*>> defaults;
  for (const Route& route : facts.routes().routes) {
    const RouteAttributes& attributes = facts.routes().attributes(route);
    if (!route.destination.is_default() || route.type != RouteType::kUnicast || attributes.source) continue;
    if (attributes.macos_flags.find('I') != std::string::npos) continue;  // scoped to its interface
    defaults[{route.destination.family(), route.table, route.tos, route.metric}].push_back(&route);
  }
  for (const auto& [key, routes] : defaults) {
    if (compete(facts, routes)) add_equal(facts, key, routes, findings);
  }
}

}  // namespace vpndoctor
