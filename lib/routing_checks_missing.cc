// SPDX-License-Identifier: Apache-2.0
// No default route: because no interface is up, because it was lost, or because the network never had one.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "default_way.h"
#include "routing_checks.h"
#include "vpn_leftovers.h"
#include "vpndoctor/routes_overview.h"

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

/// A route that somebody made who knew a router, or DHCP or a router did.
bool is_of_a_router(const RoutingFacts& facts, const Route& route) {
  const auto& hops = facts.routes().hops(route);
  const bool is_learned = route.protocol == kProtocolDhcp || route.protocol == kProtocolRouterAdvertisement;
  return !hops.empty() && (is_learned || hops[0].gateway) && !is_tunnel(facts.snapshot, hops[0].interface);
}

const Route* route_of_a_router(const RoutingFacts& facts, Family family) {
  for (const Route& route : facts.routes().routes) {
    if (route.destination.family() == family && is_of_a_router(facts, route)) return &route;
  }
  return nullptr;
}

const Address* leased_address(const RoutingFacts& facts, Family family) {
  for (const Address& each : *facts.snapshot.addresses) {
    if (each.address.family == family && each.valid_seconds && !each.address.is_link_local()) return &each;
  }
  return nullptr;
}

/// What shows that there was a default route once; nullopt: nothing does, and the network may be meant to have none.
std::optional<Evidence> trace_of_default(const RoutingFacts& facts, Family family) {
  if (const Route* route = route_of_a_router(facts, family)) return route_evidence(facts, *route);
  if (const Address* leased = leased_address(facts, family)) {
    return proof(
        facts.snapshot.addresses, "address of " + leased->interface,
        fmt::format("{}/{} was given by DHCP or a router, for a time", leased->address, leased->prefix_length));
  }
  const VpnLeftovers left = find_vpn_leftovers(facts.snapshot, {});
  for (const auto* each : {&left.routes, &left.rules, &left.addresses}) {
    if (!each->empty()) return proof(facts.snapshot.routes, each->front().source, each->front().reason);
  }
  return std::nullopt;
}

void add_missing(const RoutingFacts& facts, Family family, Findings& findings) {
  const bool other_works = has_default(facts, family == Family::kInet ? Family::kInet6 : Family::kInet);
  const std::string interface = connected_interface(facts, family);
  auto trace = trace_of_default(facts, family);
  Finding finding = make_finding("RTE001", {"interface", interface});
  if (other_works || !trace) finding.severity = Severity::kWarning;
  finding.title = fmt::format("There is no {} default route: {:.0f} % of all addresses are unreachable",
                              family_title(family), facts.of(family).unrouted() * 100);
  finding.detail = fmt::format(
      "{} is up and has an {} address, but nothing beyond its own network can be reached{}.", interface,
      family_title(family), trace ? "" : "; nothing shows that there ever was a way, and the network may be meant so");
  finding.evidence = {proof(facts.snapshot.routes, "rules and tables",
                            fmt::format("{:.2f} % of {} has no route, for an unmarked flow of this machine",
                                        facts.of(family).unrouted() * 100, whole_of(family)))};
  if (trace) finding.evidence.push_back(std::move(*trace));
  if (!facts.of(family).is_certain("")) {
    doubt(facts.snapshot, finding, "the lookups that find no route are not certain themselves");
  }
  add_way_back(facts, interface, finding);
  findings.push_back(std::move(finding));
}

/// Interfaces that a machine leaves by when they are up.
std::vector<const Link*> outward_links(const Snapshot& snapshot) {
  std::vector<const Link*> found;
  for (const Link& link : *snapshot.links) {
    if (could_lead_out(snapshot, link)) found.push_back(&link);
  }
  return found;
}

void add_none_up(const RoutingFacts& facts, const std::vector<const Link*>& links, Findings& findings) {
  Finding finding = make_finding("RTE001", {"interface", links.front()->name});
  std::string state;
  std::vector<Command> commands;
  for (std::size_t i = 0; i < std::min(links.size(), kMostQuoted); ++i) {
    const std::string& name = links[i]->name;
    const std::string why = why_dead(facts.snapshot, name);
    state += fmt::format("{}{} {}", i == 0 ? "" : ", ", name, why);
    finding.evidence.push_back(proof(facts.snapshot.links, "link " + name, fmt::format("{} {}", name, why)));
    if (!links[i]->is_up()) commands.push_back(root_command({"ip", "link", "set", "dev", name, "up"}));
  }
  if (links.size() > kMostQuoted) state += fmt::format(", and {} more", links.size() - kMostQuoted);
  finding.title = fmt::format("No interface is up: {}", state);
  finding.detail =
      "There is no default route, and no interface that one could lead through: nothing leaves this machine.";
  if (!commands.empty()) add_step(finding.remedy, "Bring the interface up.", std::move(commands));
  add_step(finding.remedy, "An interface without a carrier needs its cable, or its wireless network.");
  findings.push_back(std::move(finding));
}

void add_without_network(const RoutingFacts& facts, Findings& findings) {
  Finding finding = make_finding("RTE001", {"interface", "lo"});
  finding.severity = Severity::kNotice;
  finding.title = "No interface but the loopback is there: nothing leaves this machine";
  finding.detail = "A namespace is like this until somebody gives it an interface.";
  finding.evidence = {proof(facts.snapshot.links, "links", "no interface but the loopback is up or could be")};
  findings.push_back(std::move(finding));
}

/// The machine as a whole has no way out; true when that is said.
bool check_interfaces(const RoutingFacts& facts, Findings& findings) {
  const Snapshot& snapshot = facts.snapshot;
  const auto has_no_default = [&facts](Family family) { return !has_default(facts, family); };
  if (snapshot.platform != Platform::kLinux || !std::ranges::all_of(kFamilies, has_no_default)) return false;
  if (is_without_network(snapshot)) {
    add_without_network(facts, findings);
    return true;
  }
  const std::vector<const Link*> links = outward_links(snapshot);
  const auto is_running = [](const Link* link) { return link->is_running(); };
  if (!snapshot.links.is_complete() || links.empty() || std::ranges::any_of(links, is_running)) return false;
  add_none_up(facts, links, findings);
  return true;
}

}  // namespace

void check_default_missing(const RoutingFacts& facts, Findings& findings) {
  if (check_interfaces(facts, findings)) return;
  for (const Family family : kFamilies) {
    if (wants_default(facts, family) && !has_default(facts, family)) add_missing(facts, family, findings);
  }
}

}  // namespace vpndoctor
