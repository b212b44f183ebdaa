// SPDX-License-Identifier: Apache-2.0
// Where most addresses go: no default route, one into a dead interface, several that compete.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "routing_checks.h"
#include "vpndoctor/route_words.h"

namespace vpndoctor {
namespace {

constexpr double kMost = 0.5;

/// An interface with an address through which this family could reach the world.
std::string connected_interface(const RoutingFacts& facts, Family family) {
  for (const Address& address : *facts.snapshot.addresses) {
    if (address.address.family != family || address.address.is_link_local() || address.address.is_loopback()) continue;
    if (is_lan_interface(facts.snapshot, address.interface)) return address.interface;
  }
  return {};
}

/// Unique local addresses (RFC 4193) are not for the world: a machine that has no others needs no default route.
bool is_unique_local(const IpAddress& address) {
  return address.family == Family::kInet6 && (address.bytes[0] & 0xfeU) == 0xfc;
}

bool wants_default(const RoutingFacts& facts, Family family) {
  if (family == Family::kInet) return !connected_interface(facts, family).empty();
  return std::ranges::any_of(*facts.snapshot.addresses, [&](const Address& each) {
    return each.address.family == family && each.scope == kScopeUniverse && !is_unique_local(each.address) &&
           is_lan_interface(facts.snapshot, each.interface);
  });
}

bool has_default(const RoutingFacts& facts, Family family) { return facts.of(family).unrouted() <= kMost; }

void add_way_back(const RoutingFacts& facts, const std::string& interface, Finding& finding) {
  if (facts.snapshot.platform == Platform::kMacos) {
    add_step(finding.remedy, "Have the interface configured anew.",
             {{"macos", {"ipconfig", "set", interface, "DHCP"}, true}});
    return;
  }
  add_step(finding.remedy, "See what the interfaces' own configuration says the table should be, and apply it.",
           {user_command({"vpndoctor", "routes", "restore", "--infer"}),
            root_command({"vpndoctor", "routes", "restore", "--infer", "--apply"})});
  add_step(finding.remedy, "Or go back to a state that was saved before.",
           {root_command({"vpndoctor", "routes", "restore", "--apply"})});
}

void add_missing(const RoutingFacts& facts, Family family, Findings& findings) {
  const Family other = family == Family::kInet ? Family::kInet6 : Family::kInet;
  const bool other_works = has_default(facts, other);
  const std::string interface = connected_interface(facts, family);
  Finding finding = make_finding("RTE001", {"interface", interface});
  if (other_works) finding.severity = Severity::kWarning;
  finding.title = fmt::format("There is no {} default route: {:.0f} % of all addresses are unreachable",
                              family_title(family), facts.of(family).unrouted() * 100);
  finding.detail = fmt::format("{} is up and has an {} address, but nothing beyond its own network can be reached.",
                               interface, family_title(family));
  finding.evidence = {
      {"netlink", "rules and tables",
       fmt::format("{:.2f} % of the {} address space has no route, for an unmarked flow of this machine",
                   facts.of(family).unrouted() * 100, family_title(family))}};
  if (!facts.of(family).is_certain("")) doubt(finding, "the lookups that find no route are not certain themselves");
  add_way_back(facts, interface, finding);
  findings.push_back(std::move(finding));
}

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
  finding.evidence.push_back(
      {"netlink", "link " + interface, fmt::format("{} {}", interface, why_dead(facts.snapshot, interface))});
  if (!facts.of(family).is_certain(interface)) doubt(finding, "the lookups that lead there are not certain themselves");
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
  add.insert(add.end(), words.begin(), words.end());
  add.insert(add.end(), {"metric", std::to_string(metric + 100)});
  add_step(finding.remedy, "Give the one that should be the reserve a higher metric.",
           {root_command(std::move(add)), delete_route(facts, *routes.back())});
  findings.push_back(std::move(finding));
}

}  // namespace

void check_default_missing(const RoutingFacts& facts, Findings& findings) {
  for (const Family family : {Family::kInet, Family::kInet6}) {
    if (wants_default(facts, family) && !has_default(facts, family)) add_missing(facts, family, findings);
  }
}

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
