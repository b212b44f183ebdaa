// SPDX-License-Identifier: Apache-2.0
// Routes beside the tunnel that are more specific than the tunnel's: from a DHCP lease, or by whoever made them. A
// route counts when without it, and without the others of its kind, the tunnel would take its addresses.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "address_classes.h"
#include "coverage_sweep.h"
#include "default_way.h"
#include "leak_checks_coverage.h"
#include "server_routes.h"
#include "vpndoctor/route_owner.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

/// A route past the tunnel.
struct PastRoute {
  const Route* route = nullptr;
  std::string interface;
  IpAddress sample;                   ///< an address that it takes
  std::vector<std::string> prefixes;  ///< the parts that it takes out
  bool is_public = false;
  std::string tunnel;  ///< where the sample would go
  const InterfaceConfiguration* lease = nullptr;
  const ConfiguredWay* way = nullptr;  ///< of the lease
};

/// Azure's virtual host, which every machine there is given a route to by DHCP.
bool is_platform_address(const IpPrefix& prefix) {
  static const IpAddress kAzure{Family::kInet, {168, 63, 129, 16}};
  return prefix.is_host() && prefix.address == kAzure;
}

/// Classes whose traffic a tunnel is there for. Documentation is nobody's, and so whoever routes it means a public one.
bool is_public_class(AddressClass address_class) {
  return address_class == AddressClass::kPublic || address_class == AddressClass::kDocumentation;
}

bool may_matter(AddressClass address_class) {
  return is_public_class(address_class) || address_class == AddressClass::kPrivate ||
         address_class == AddressClass::kCgnat;
}

/// The lease that asks for the route, with the way in it.
void find_lease(const Snapshot& snapshot, PastRoute& past) {
  if (!snapshot.leases || past.route == nullptr) return;
  for (const InterfaceConfiguration& lease : *snapshot.leases) {
    if (!lease.interface.empty() && lease.interface != past.interface) continue;
    const auto way = std::ranges::find(lease.ways, past.route->destination, &ConfiguredWay::destination);
    if (way == lease.ways.end()) continue;
    past.lease = &lease;
    past.way = &*way;
    return;
  }
}

/// Finds them; nothing is looked up again unless something outside is more specific than a tunnel's route.
class PastRoutes {
 public:
  PastRoutes(const LeakFacts& facts, Family family)
      : facts_(facts), family_(family), unseen_end_(find_unseen_end(facts.snapshot)) {}

  std::vector<PastRoute> find() {
    collect();
    if (!suspects_.empty()) keep_those_that_decide();
    std::vector<PastRoute> found;
    found.reserve(suspects_.size());
    for (auto& [route, past] : suspects_) found.push_back(std::move(past));
    const auto by_prefix = [](const PastRoute& past) { return past.route->destination; };
    std::ranges::stable_sort(found, {}, by_prefix);
    return found;
  }

 private:
  void collect() {
    const std::vector<TunnelClaim> claims = tunnel_claims(facts_.snapshot);
    if (claims.empty()) return;
    for (const OutsidePrefix& outside : facts_.coverage.of(family_).outside) {
      if (!may_matter(outside.address_class) || is_platform_address(outside.prefix)) continue;
      const Route* route = facts_.fib.lookup(packet_to(facts_, outside.prefix.address)).route;
      // A private network beside a full tunnel is nothing that the tunnel is there for.
      const bool is_wanted = is_public_class(outside.address_class);
      if (route == nullptr || !is_within_claim(claims, route->destination, is_wanted)) continue;
      PastRoute& past = suspects_[route];
      if (past.route == nullptr) {
        past.route = route;
        past.interface = outside.interface;
        past.sample = outside.prefix.address;
        find_lease(facts_.snapshot, past);
      }
      past.is_public = past.is_public || is_public_class(outside.address_class);
      past.prefixes.push_back(outside.prefix.to_string());
    }
    std::erase_if(suspects_, [this](const auto& each) { return is_maybe_tunnel_end(each.second); });
  }

  /// True when a tunnel has a route for a larger prefix around it; `or_default`: its default counts.
  static bool is_within_claim(const std::vector<TunnelClaim>& claims, const IpPrefix& prefix, bool or_default) {
    for (unsigned length = prefix.length; length-- > 0;) {
      const IpPrefix around = IpPrefix::of(prefix.address, length);
      if (!or_default && is_default_part(around)) return false;
      const auto claim = std::ranges::lower_bound(claims, around, {}, &TunnelClaim::prefix);
      if (claim != claims.end() && claim->prefix() == around) return true;
    }
    return false;
  }

  bool is_maybe_tunnel_end(const PastRoute& past) const {
    return past.lease == nullptr && past.route->destination.is_host() && past.route->protocol != kProtocolDhcp &&
           !unseen_end_.empty();
  }

  /// Asks a machine that has none of the suspects.
  void keep_those_that_decide() {
    Snapshot without = facts_.snapshot;
    const Route* first = facts_.snapshot.routes->routes.data();
    std::set<std::size_t> dropped;
    for (const auto& [route, past] : suspects_) dropped.insert(static_cast<std::size_t>(route - first));
    std::size_t at = 0;
    std::erase_if(without.routes->routes, [&](const Route&) { return dropped.contains(at++); });
    const Fib fib(without);
    for (auto each = suspects_.begin(); each != suspects_.end();) {
      const PacketPath path = packet_path(without, fib, packet_to(facts_, each->second.sample));
      each->second.tunnel = std::string(path.interface);
      each = path.way == PacketWay::kTunnel ? std::next(each) : suspects_.erase(each);
    }
  }

  const LeakFacts& facts_;
  Family family_;
  std::string unseen_end_;  ///< why a host route may be for a tunnel's other end; empty: all are known
  std::map<const Route*, PastRoute> suspects_;
};

std::string prefix_words(const std::vector<const PastRoute*>& routes) {
  std::vector<std::string> words;
  words.reserve(routes.size());
  for (const PastRoute* past : routes) words.push_back(past->route->destination.to_string());
  return listed_words(words);
}

Evidence lease_evidence(const PastRoute& past) {
  const std::string place = past.way->place.empty() ? "the lease" : past.way->place;
  const std::string gateway = past.way->gateway ? fmt::format(" via {}", *past.way->gateway) : " on the link";
  return {"file", past.lease->source.empty() ? "DHCP lease of " + past.interface : past.lease->source,
          fmt::format("{}: {}{}", escape_controls(place), past.way->destination, gateway)};
}

/// Quotes the routes and what says that DHCP brought them; false when the packet filter lets nothing out that way.
bool add_proof(const LeakFacts& facts, const std::vector<const PastRoute*>& routes, Finding& finding) {
  const PastRoute& first = *routes.front();
  if (!passes_filter(facts, packet_to(facts, first.sample), first.interface, finding)) return false;
  std::vector<const Route*> plain;
  for (const PastRoute* past : routes) {
    plain.push_back(past->route);
    if (past->lease != nullptr && finding.evidence.size() < kMostQuoted) {
      finding.evidence.push_back(lease_evidence(*past));
    }
  }
  const RoutingFacts routing = routing_facts(facts);
  add_step(finding.remedy, routes.size() == 1 ? "Delete the route." : "Delete the routes.",
           quote_and_delete(routing, plain, finding));
  return true;
}

/// By interface and whether public addresses are among them.
using Groups = std::map<std::pair<std::string, bool>, std::vector<const PastRoute*>>;

void add_dhcp_finding(const LeakFacts& facts, const std::vector<const PastRoute*>& routes, LeakFindings& findings) {
  const PastRoute& first = *routes.front();
  const std::string interface = escape_controls(first.interface);
  Finding finding = make_finding("LEK002", {"interface", first.interface});
  if (!first.is_public) finding.severity = Severity::kWarning;
  finding.title = fmt::format("The DHCP lease of {} leads {} past {}", interface, prefix_words(routes),
                              first.tunnel.empty() ? "the tunnel" : escape_controls(first.tunnel));
  finding.detail = fmt::format(
      "Whoever answers DHCP on this network decides by it which traffic leaves outside of the tunnel, by {}, while the "
      "VPN says that it is connected.",
      interface);
  if (!add_proof(facts, routes, finding)) return;
  add_step(finding.remedy,
           "Let the DHCP client ignore such routes: UseRoutes=no (systemd-networkd), ipv4.ignore-auto-routes "
           "(NetworkManager), \"nooption classless_static_routes\" (dhcpcd), no rfc3442-classless-static-routes in the "
           "request (dhclient). Do not trust this network.");
  findings.push_back(std::move(finding));
}

void judge_maker(const LeakFacts& facts, const Route& route, Finding& finding) {
  const Owner owner = route_owner(facts.snapshot, route);
  finding.confidence = std::min(finding.confidence, Confidence::kLikely);
  if (route.protocol == kProtocolRouterAdvertisement) {
    finding.severity = Severity::kError;
    finding.detail = "A router advertisement made the route: any machine of the local network can send one.";
  } else if (route.protocol == kProtocolDhcp) {
    finding.detail = "A DHCP client made the route, but no lease was found that says so.";
  } else if (!facts.snapshot.leases.is_complete()) {
    finding.confidence = Confidence::kSuspected;
    finding.detail = "Who made the route is not known, since not all DHCP leases could be read.";
  } else {
    finding.severity = Severity::kNotice;
    finding.detail = "No DHCP lease asks for the route: a program or an administrator set it.";
  }
  if (owner.is_known()) {
    finding.evidence.push_back(
        proof(facts.snapshot.routes, "owner",
              fmt::format("{}, by its {}", escape_controls(owner.name), escape_controls(owner.evidence))));
  }
}

void add_specific_finding(const LeakFacts& facts, const std::vector<const PastRoute*>& routes, LeakFindings& findings) {
  const PastRoute& first = *routes.front();
  Finding finding = make_finding("LEK003", {"interface", first.interface});
  finding.title = fmt::format("{} {} past {}, by {}", prefix_words(routes), routes.size() == 1 ? "goes" : "go",
                              first.tunnel.empty() ? "the tunnel" : escape_controls(first.tunnel),
                              escape_controls(first.interface));
  judge_maker(facts, *first.route, finding);
  if (!add_proof(facts, routes, finding)) return;
  findings.push_back(std::move(finding));
}

}  // namespace

void check_dhcp_routes(const LeakFacts& facts, LeakFindings& findings) {
  for (const Family family : {Family::kInet, Family::kInet6}) {
    const std::vector<PastRoute> found = PastRoutes(facts, family).find();
    Groups groups;
    for (const PastRoute& past : found) {
      if (past.lease != nullptr) groups[{past.interface, past.is_public}].push_back(&past);
    }
    for (const auto& [key, routes] : groups) add_dhcp_finding(facts, routes, findings);
  }
}

namespace {

/// A host route of a VPN that is gone, which the remains of that VPN tell of, past a tunnel that carries nothing.
bool is_remains(const LeakFacts& facts, const PastRoute& past) {
  const auto tunnel = std::ranges::find(facts.tunnels, past.tunnel, &TunnelReport::interface);
  if (tunnel == facts.tunnels.end()) return false;
  if (tunnel->state != TunnelState::kDead && tunnel->state != TunnelState::kOrphan) return false;
  return std::ranges::count(ServerRoutes(facts.snapshot).abandoned(), past.route) != 0;
}

}  // namespace

void check_specific_routes(const LeakFacts& facts, LeakFindings& findings) {
  for (const Family family : {Family::kInet, Family::kInet6}) {
    const std::vector<PastRoute> found = PastRoutes(facts, family).find();
    std::map<std::pair<std::string, std::uint8_t>, std::vector<const PastRoute*>> groups;
    for (const PastRoute& past : found) {
      if (past.lease == nullptr && past.is_public && !is_remains(facts, past))
        groups[{past.interface, past.route->protocol}].push_back(&past);
    }
    for (const auto& [key, routes] : groups) add_specific_finding(facts, routes, findings);
  }
}

}  // namespace vpndoctor
