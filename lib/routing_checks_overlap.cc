// SPDX-License-Identifier: Apache-2.0
// Addresses of this machine's own networks that something else takes: loopback, the local network, containers, the
// provider's shared space.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "claims_by_name.h"
#include "routing_checks.h"
#include "vpndoctor/prefix_set.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostEvidence = 8;

/// What part of a prefix goes where it should not, and the routes that take it there.
struct Capture {
  double share = 0;
  std::set<std::string, std::less<>> interfaces;
  std::vector<const Route*> routes;
  std::string uncertain;       ///< why an answer that was counted is not certain; empty: all are
  std::string rest_uncertain;  ///< the same of those that were not
};

/// Follows every address of `prefix`; `is_wrong` says whether an answer is a capture.
template <class IsWrong>
Capture captured(const RoutingFacts& facts, const IpPrefix& prefix, IsWrong is_wrong) {
  Capture capture;
  const auto visit = [&](const IpAddress& first, const IpAddress& last, const FlowAnswer& answer) {
    const bool is_captured = only_interface(answer) && is_wrong(answer);
    std::string& uncertain = is_captured ? capture.uncertain : capture.rest_uncertain;
    if (uncertain.empty()) uncertain = answer.uncertain;
    if (!is_captured) return;
    capture.share += share_of({first, last}, prefix);
    capture.interfaces.emplace(answer.interface);
    if (answer.route == nullptr || std::ranges::count(capture.routes, answer.route) != 0) return;
    if (capture.routes.size() < kMostEvidence) capture.routes.push_back(answer.route);
  };
  facts.fib.for_each_range(flow_to(facts, prefix.address), prefix, visit);
  return capture;
}

std::string names(const Capture& capture) {
  std::string text;
  for (const std::string& each : capture.interfaces) text += (text.empty() ? "" : ", ") + each;
  return text;
}

void add_proof(const RoutingFacts& facts, const Capture& capture, Finding& finding) {
  for (const Route* route : capture.routes) finding.evidence.push_back(route_evidence(facts, *route));
  doubt(facts.snapshot, finding, capture.uncertain);
}

std::vector<Command> deletions(const RoutingFacts& facts, const std::vector<const Route*>& routes) {
  std::vector<Command> commands;
  commands.reserve(routes.size());
  for (const Route* route : routes) commands.push_back(delete_route(facts, *route));
  return commands;
}

/// What keeps the network out of the tunnel by hand. To look main up first does, unless the routes that take it are
/// there.
RemedyStep way_around(const RoutingFacts& facts, const IpPrefix& network, const std::vector<const Route*>& routes) {
  if (std::ranges::count(routes, kTableMain, &Route::table) != 0) {
    return {"delete the routes that take it.", deletions(facts, routes)};
  }
  const char* family = network.family() == Family::kInet ? "-4" : "-6";
  return {"look it up before the VPN's tables.",
          {root_command({"ip", family, "rule", "add", "to", network.to_string(), "lookup", "main", "pref", "100"})}};
}

bool through_tunnel(const RoutingFacts& facts, const FlowAnswer& answer) {
  return answer.fate == FlowFate::kUnicast && is_tunnel(facts.snapshot, answer.interface);
}

/// A route for these addresses is the culprit. A default route is none: it gets what the local table should have kept.
void add_loopback_steps(const RoutingFacts& facts, const IpPrefix& loopback, const Capture& capture, Remedy& remedy) {
  std::vector<const Route*> culprits = capture.routes;
  std::erase_if(culprits, [&](const Route* route) { return !loopback.contains(route->destination); });
  const Link* link = facts.snapshot.find_link("lo");
  const Command up = root_command({"ip", "link", "set", "lo", "up"});
  if (!culprits.empty()) {
    add_step(remedy, culprits.size() == 1 ? "Delete the route." : "Delete the routes.", deletions(facts, culprits));
  }
  if (link != nullptr && !link->is_up()) {
    add_step(remedy, "Bring lo up: the kernel then puts its addresses into the local table.", {up});
  } else if (culprits.empty()) {
    add_step(remedy, "The local table lacks its entry, which the kernel makes when lo comes up.",
             {root_command({"ip", "link", "set", "lo", "down"}), up});
  }
}

void check_loopback(const RoutingFacts& facts, const IpPrefix& loopback, Findings& findings) {
  const Capture capture = captured(facts, loopback, [&](const FlowAnswer& answer) {
    const Link* link = facts.snapshot.find_link(answer.interface);
    return answer.fate == FlowFate::kUnicast && link != nullptr && !link->is_loopback();
  });
  if (capture.share == 0) return;
  Finding finding = make_finding("RTE008", {"prefix", loopback.to_string()});
  finding.title = fmt::format("{:.3g} % of {} is routed through {}", capture.share * 100, loopback, names(capture));
  finding.detail = "Local resolvers, proxies and programs that talk to themselves break.";
  add_proof(facts, capture, finding);
  add_loopback_steps(facts, loopback, capture, finding.remedy);
  findings.push_back(std::move(finding));
}

/// The gateway of a route that leaves through `interface` outside every tunnel.
bool holds_a_gateway(const RoutingFacts& facts, const IpPrefix& prefix, std::string_view interface) {
  return std::ranges::any_of(facts.routes().next_hop_sets, [&](const NextHopSet& set) {
    return std::ranges::any_of(set.hops, [&](const NextHop& hop) {
      if (hop.interface != interface || !hop.gateway || !prefix.contains(*hop.gateway)) return false;
      return through_tunnel(facts, facts.fib.lookup(flow_to(facts, *hop.gateway)));
    });
  });
}

/// The networks that are on a link, for addresses that bring no route themselves. NetworkManager sets them so, and adds
/// the route; without one the address is meant to have no network.
class ConnectedRoutes {
 public:
  explicit ConnectedRoutes(const RoutingFacts& facts) {
    std::set<Network> wanted;
    for (const Address& address : *facts.snapshot.addresses) {
      if ((address.flags & kAddressNoPrefixRoute) != 0) wanted.emplace(address.on_link(), address.interface);
    }
    if (wanted.empty()) return;
    for (const Route& route : facts.routes().routes) {
      if (route.table != kTableMain || route.type != RouteType::kUnicast) continue;
      for (const NextHop& hop : facts.routes().hops(route)) {
        if (!hop.gateway && wanted.contains({route.destination, hop.interface})) {
          found_.emplace(route.destination, hop.interface);
        }
      }
    }
  }
  bool has(const Address& address) const {
    return (address.flags & kAddressNoPrefixRoute) == 0 || found_.contains({address.on_link(), address.interface});
  }

 private:
  using Network = std::pair<IpPrefix, std::string>;
  std::set<Network> found_;
};

/// A network with others in it, whose tables an unbound packet looks up: not that of a VRF.
bool is_local_network(const Snapshot& snapshot, const Address& address) {
  if (!is_lan_interface(snapshot, address.interface) || address.address.is_link_local()) return false;
  const Link* master = snapshot.find_link(snapshot.find_link(address.interface)->master);
  return !address.on_link().is_host() && (master == nullptr || !master->is_vrf());
}

void add_lan(const RoutingFacts& facts, const Address& address, const Capture& capture, Findings& findings) {
  const IpPrefix network = address.on_link();
  Finding finding = make_finding("RTE009", {"interface", address.interface});
  finding.title = fmt::format("{:.3g} % of the local network {} of {} is routed through {}", capture.share * 100,
                              network, address.interface, names(capture));
  finding.detail = "Hosts of the local network cannot be reached, unless the VPN means to forbid it.";
  // A next hop is a neighbour: no route to its address is asked for what it forwards (net/ipv4/ip_output.c).
  if (holds_a_gateway(facts, network, address.interface)) {
    finding.detail +=
        " The gateway itself is among it: its name server, DHCP and web page cannot be reached; what it "
        "forwards still gets through.";
  }
  add_proof(facts, capture, finding);
  RemedyStep by_hand = way_around(facts, network, capture.routes);
  add_step(finding.remedy, "Exclude the local network in the VPN's settings; or " + by_hand.summary,
           std::move(by_hand.commands));
  findings.push_back(std::move(finding));
}

void add_container(const RoutingFacts& facts, const Address& address, const TunnelClaim& claim, Findings& findings) {
  const IpPrefix network = address.on_link();
  Finding finding = make_finding("RTE011", {"interface", address.interface});
  finding.title = fmt::format("The container network {} of {} and {} through {} overlap", network, address.interface,
                              claim.prefix(), *claim.tunnel);
  const Capture capture =
      captured(facts, network, [&](const FlowAnswer& answer) { return through_tunnel(facts, answer); });
  finding.detail = capture.share > 0
                       ? fmt::format("{:.3g} % of {} goes into the tunnel: containers there cannot be reached.",
                                     capture.share * 100, network)
                       : fmt::format("Hosts of {} behind {} cannot be reached: their addresses stay on {}.", network,
                                     *claim.tunnel, address.interface);
  finding.evidence = {route_evidence(facts, *claim.route),
                      proof(facts.snapshot.addresses, "address of " + address.interface,
                            fmt::format("{}/{}", address.address, address.prefix_length))};
  doubt(facts.snapshot, finding, capture.share > 0 ? capture.uncertain : capture.rest_uncertain);
  add_step(finding.remedy,
           "Give the containers another network: default-address-pools in /etc/docker/daemon.json, then create the "
           "network again; or with podman:",
           {user_command({"podman", "network", "create", "--subnet", "10.201.0.0/24", "NAME"})});
  findings.push_back(std::move(finding));
}

bool is_ours(const RoutingFacts& facts, const Address& address) {
  return is_tunnel(facts.snapshot, address.interface) || is_container_bridge(facts.snapshot, address.interface);
}

void add_cgnat(const RoutingFacts& facts, const Address& address, const TunnelClaim& claim, Findings& findings) {
  Finding finding = make_finding("RTE012", {"interface", address.interface});
  finding.title = fmt::format("{} has {} of the provider's shared space, and {} claims {}", address.interface,
                              address.address, *claim.tunnel, claim.prefix());
  finding.detail = "The provider's gateway and resolvers, or the tunnel's peers, may be unreachable.";
  finding.evidence = {route_evidence(facts, *claim.route),
                      proof(facts.snapshot.addresses, "address of " + address.interface,
                            fmt::format("{}/{}", address.address, address.prefix_length))};
  RemedyStep by_hand = way_around(facts, address.on_link(), {claim.route});
  add_step(finding.remedy, "Give the tunnel another range; or " + by_hand.summary, std::move(by_hand.commands));
  findings.push_back(std::move(finding));
}

}  // namespace

void check_loopback_captured(const RoutingFacts& facts, Findings& findings) {
  const auto loopback4 = IpPrefix::of(IpAddress{.family = Family::kInet, .bytes = {127}}, 8);
  IpAddress loopback6{.family = Family::kInet6, .bytes = {}};
  loopback6.bytes.back() = 1;
  check_loopback(facts, loopback4, findings);
  check_loopback(facts, IpPrefix::host(loopback6), findings);
}

void check_lan_captured(const RoutingFacts& facts, Findings& findings) {
  const ConnectedRoutes connected(facts);
  for (const Address& address : *facts.snapshot.addresses) {
    if (!is_local_network(facts.snapshot, address) || !connected.has(address)) continue;
    const Capture capture =
        captured(facts, address.on_link(), [&](const FlowAnswer& answer) { return through_tunnel(facts, answer); });
    if (capture.share > 0) add_lan(facts, address, capture, findings);
  }
}

void check_container_network(const RoutingFacts& facts, Findings& findings) {
  for (const Address& address : *facts.snapshot.addresses) {
    if (!is_container_bridge(facts.snapshot, address.interface) || address.address.is_link_local()) continue;
    const auto overlap = std::ranges::find_if(facts.claims, [&](const TunnelClaim& claim) {
      return claims_by_name(claim.prefix()) && claim.prefix().overlaps(address.on_link());
    });
    if (overlap != facts.claims.end()) add_container(facts, address, *overlap, findings);
  }
}

void check_cgnat_conflict(const RoutingFacts& facts, Findings& findings) {
  const auto shared = IpPrefix::of(IpAddress{.family = Family::kInet, .bytes = {100, 64}}, 10);
  for (const Address& address : *facts.snapshot.addresses) {
    if (is_ours(facts, address) || !shared.contains(address.address)) continue;
    const auto overlap = std::ranges::find_if(facts.claims, [&](const TunnelClaim& claim) {
      return claims_by_name(claim.prefix()) && claim.prefix().overlaps(shared);
    });
    if (overlap != facts.claims.end()) add_cgnat(facts, address, *overlap, findings);
  }
}

}  // namespace vpndoctor
