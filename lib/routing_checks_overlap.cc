// SPDX-License-Identifier: Apache-2.0
// Addresses that two sides claim: loopback, the local network, containers, two tunnels, the provider's shared space.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <span>

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
  std::string uncertain;  ///< why an answer that was counted is not certain; empty: all are
};

/// Follows every address of `prefix`; `is_wrong` says whether an answer is a capture.
template <class IsWrong>
Capture captured(const RoutingFacts& facts, const IpPrefix& prefix, IsWrong is_wrong) {
  Capture capture;
  const auto visit = [&](const IpAddress& first, const IpAddress& last, const FlowAnswer& answer) {
    if (!only_interface(answer) || !is_wrong(answer)) return;
    if (capture.uncertain.empty()) capture.uncertain = answer.uncertain;
    capture.share += share_of({first, last}, prefix);
    capture.interfaces.emplace(answer.interface);
    if (answer.route == nullptr || std::ranges::count(capture.routes, answer.route) != 0) return;
    if (capture.routes.size() < kMostEvidence) capture.routes.push_back(answer.route);
  };
  facts.fib.for_each_range(flow_to(prefix.address), prefix, visit);
  return capture;
}

std::string names(const Capture& capture) {
  std::string text;
  for (const std::string& each : capture.interfaces) text += (text.empty() ? "" : ", ") + each;
  return text;
}

void add_proof(const RoutingFacts& facts, const Capture& capture, Finding& finding) {
  for (const Route* route : capture.routes) finding.evidence.push_back(route_evidence(facts, *route));
  doubt(finding, capture.uncertain);
}

std::vector<Command> deletions(const RoutingFacts& facts, const Capture& capture) {
  std::vector<Command> commands;
  for (const Route* route : capture.routes) commands.push_back(delete_route(facts, *route));
  return commands;
}

bool through_tunnel(const RoutingFacts& facts, const FlowAnswer& answer) {
  return answer.fate == FlowFate::kUnicast && is_tunnel(facts.snapshot, answer.interface);
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
  add_step(finding.remedy, "Delete the route; without one that takes it, set the loopback interface up again.",
           deletions(facts, capture));
  add_step(finding.remedy, "If no such route is listed, the local table lacks its entry: bring lo up.",
           {root_command({"ip", "link", "set", "lo", "up"})});
  findings.push_back(std::move(finding));
}

/// The gateway of a route that leaves through `interface` outside every tunnel.
bool holds_a_gateway(const RoutingFacts& facts, const IpPrefix& prefix, std::string_view interface) {
  return std::ranges::any_of(facts.routes().next_hop_sets, [&](const NextHopSet& set) {
    return std::ranges::any_of(set.hops, [&](const NextHop& hop) {
      if (hop.interface != interface || !hop.gateway || !prefix.contains(*hop.gateway)) return false;
      return through_tunnel(facts, facts.fib.lookup(flow_to(*hop.gateway)));
    });
  });
}

void add_lan(const RoutingFacts& facts, const Address& address, const Capture& capture, Findings& findings) {
  const IpPrefix network = address.on_link();
  Finding finding = make_finding("RTE009", {"interface", address.interface});
  if (holds_a_gateway(facts, network, address.interface)) finding.severity = Severity::kError;
  finding.title = fmt::format("{:.3g} % of the local network {} of {} is routed through {}", capture.share * 100,
                              network, address.interface, names(capture));
  finding.detail = finding.severity == Severity::kError
                       ? "The gateway of this network is among it: what leaves the machine cannot reach it."
                       : "Hosts of the local network cannot be reached, unless the VPN means to forbid it.";
  add_proof(facts, capture, finding);
  const std::string family = network.family() == Family::kInet ? "-4" : "-6";
  add_step(finding.remedy, "Exclude the local network in the VPN's settings; or look it up before the VPN's tables.",
           {root_command({"ip", family, "rule", "add", "to", network.to_string(), "lookup", "main", "pref", "100"})});
  findings.push_back(std::move(finding));
}

using Contested = std::vector<std::span<const TunnelClaim>>;

std::set<std::string> tunnels_of(std::span<const TunnelClaim> claims) {
  std::set<std::string> tunnels;
  for (const TunnelClaim& claim : claims) tunnels.insert(*claim.tunnel);
  return tunnels;
}

void add_claimed_twice(const RoutingFacts& facts, const std::set<std::string>& tunnels, const Contested& contested,
                       Findings& findings) {
  const IpPrefix& prefix = contested.front().front().prefix();
  Finding finding = make_finding("RTE010", {"prefix", prefix.to_string()});
  finding.title = contested.size() == 1 ? fmt::format("{} claim {}", fmt::join(tunnels, " and "), prefix)
                                        : fmt::format("{} claim the same {} prefixes, {} first",
                                                      fmt::join(tunnels, " and "), contested.size(), prefix);
  const FlowAnswer answer = facts.fib.lookup(flow_to(prefix.address));
  finding.detail = answer.interface.empty() ? "Only one of them gets the traffic."
                                            : fmt::format("{} goes through {} now.", prefix.address, answer.interface);
  for (std::size_t i = 0; i < std::min(contested.size(), kMostEvidence / 2); ++i) {
    for (const TunnelClaim& claim : contested[i]) finding.evidence.push_back(route_evidence(facts, *claim.route));
  }
  std::vector<Command> commands;
  for (const TunnelClaim& claim : contested.front()) commands.push_back(delete_route(facts, *claim.route));
  add_step(finding.remedy, "Narrow the prefixes of one VPN; or delete the route of the one that should not have it.",
           std::move(commands));
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
                       ? "Containers cannot be reached: their addresses go into the tunnel."
                       : fmt::format("Hosts of {} behind {} cannot be reached: their addresses stay on {}.", network,
                                     *claim.tunnel, address.interface);
  finding.evidence = {
      route_evidence(facts, *claim.route),
      {"netlink", "address of " + address.interface, fmt::format("{}/{}", address.address, address.prefix_length)}};
  add_step(finding.remedy,
           "Give the containers another network: default-address-pools in /etc/docker/daemon.json, then create the "
           "network again; or with podman:",
           {user_command({"podman", "network", "create", "--subnet", "10.201.0.0/24", "NAME"})});
  findings.push_back(std::move(finding));
}

/// True when the route claims so little that an overlap is a conflict and no default.
bool is_specific(const IpPrefix& prefix) { return prefix.length > 3; }

bool is_ours(const RoutingFacts& facts, const Address& address) {
  return is_tunnel(facts.snapshot, address.interface) || is_container_bridge(facts.snapshot, address.interface);
}

void add_cgnat(const RoutingFacts& facts, const Address& address, const TunnelClaim& claim, Findings& findings) {
  Finding finding = make_finding("RTE012", {"interface", address.interface});
  finding.title = fmt::format("{} has {} of the provider's shared space, and {} claims {}", address.interface,
                              address.address, *claim.tunnel, claim.prefix());
  finding.detail = "The provider's gateway and resolvers, or the tunnel's peers, may be unreachable.";
  finding.evidence = {
      route_evidence(facts, *claim.route),
      {"netlink", "address of " + address.interface, fmt::format("{}/{}", address.address, address.prefix_length)}};
  const std::string network = address.on_link().to_string();
  add_step(finding.remedy, "Give the tunnel another range; or keep the provider's network out of it.",
           {root_command({"ip", "-4", "rule", "add", "to", network, "lookup", "main", "pref", "100"})});
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
  for (const Address& address : *facts.snapshot.addresses) {
    if (!is_lan_interface(facts.snapshot, address.interface) || address.address.is_link_local()) continue;
    if (address.on_link().is_host() || (address.flags & kAddressNoPrefixRoute) != 0) continue;
    const Capture capture =
        captured(facts, address.on_link(), [&](const FlowAnswer& answer) { return through_tunnel(facts, answer); });
    if (capture.share > 0) add_lan(facts, address, capture, findings);
  }
}

void check_tunnels_overlap(const RoutingFacts& facts, Findings& findings) {
  // One finding for each set of tunnels, however many prefixes they quarrel about.
  std::map<std::set<std::string>, Contested> contested;
  for (auto begin = facts.claims.begin(); begin != facts.claims.end();) {
    const auto end = std::find_if(begin, facts.claims.end(),
                                  [&](const TunnelClaim& claim) { return claim.prefix() != begin->prefix(); });
    if (end - begin > 1) {
      auto tunnels = tunnels_of({begin, end});
      if (tunnels.size() > 1) contested[std::move(tunnels)].emplace_back(begin, end);
    }
    begin = end;
  }
  for (const auto& [tunnels, prefixes] : contested) add_claimed_twice(facts, tunnels, prefixes, findings);
}

void check_container_network(const RoutingFacts& facts, Findings& findings) {
  for (const Address& address : *facts.snapshot.addresses) {
    if (!is_container_bridge(facts.snapshot, address.interface) || address.address.is_link_local()) continue;
    const auto overlap = std::ranges::find_if(facts.claims, [&](const TunnelClaim& claim) {
      return is_specific(claim.prefix()) && claim.prefix().overlaps(address.on_link());
    });
    if (overlap != facts.claims.end()) add_container(facts, address, *overlap, findings);
  }
}

void check_cgnat_conflict(const RoutingFacts& facts, Findings& findings) {
  const auto shared = IpPrefix::of(IpAddress{.family = Family::kInet, .bytes = {100, 64}}, 10);
  for (const Address& address : *facts.snapshot.addresses) {
    if (is_ours(facts, address) || !shared.contains(address.address)) continue;
    const auto overlap = std::ranges::find_if(facts.claims, [&](const TunnelClaim& claim) {
      return is_specific(claim.prefix()) && claim.prefix().overlaps(shared);
    });
    if (overlap != facts.claims.end()) add_cgnat(facts, address, *overlap, findings);
  }
}

}  // namespace vpndoctor
