// SPDX-License-Identifier: Apache-2.0
// Routes beside the tunnel that are more specific than the tunnel's: from a DHCP lease, or by whoever made them. A
// route counts when without it, and without the others of its kind, the tunnel would take its addresses.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "leak_checks_coverage.h"
#include "vpndoctor/route_owner.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

std::string prefix_words(const PastGroup& routes) {
  std::vector<std::string> words;
  words.reserve(routes.first.size());
  for (const PastRoute& past : routes.first) words.push_back(past.route->destination.to_string());
  return listed_words(words, routes.count);
}

Evidence lease_evidence(const PastRoute& past) {
  const std::string place = past.way->place.empty() ? "the lease" : past.way->place;
  const std::string gateway = past.way->gateway ? fmt::format(" via {}", *past.way->gateway) : " on the link";
  return {"file", past.lease->source.empty() ? "DHCP lease of " + past.interface : past.lease->source,
          fmt::format("{}: {}{}", escape_controls(place), past.way->destination, gateway)};
}

/// Quotes the routes and what says that DHCP brought them; false when the packet filter lets nothing out that way.
bool add_proof(const LeakContext& facts, const PastGroup& routes, Finding& finding) {
  const PastRoute& first = routes.first.front();
  if (leaving_kinds(facts, packet_to(facts, first.sample), first.interface, finding).empty()) return false;
  std::vector<const Route*> plain;
  for (const PastRoute& past : routes.first) {
    plain.push_back(past.route);
    if (past.lease != nullptr && finding.evidence.size() < kMostQuoted) {
      finding.evidence.push_back(lease_evidence(past));
    }
  }
  const RoutingFacts routing = routing_facts(facts);
  add_step(finding.remedy,
           fmt::format("Delete the route{}{}.", routes.count == 1 ? "" : "s",
                       finding.severity == Severity::kNotice ? ", unless that is meant" : ""),
           quote_and_delete(routing, {std::move(plain), routes.count}, finding));
  return true;
}

void add_dhcp_finding(const LeakContext& facts, const PastGroup& routes, LeakFindings& findings) {
  const PastRoute& first = routes.first.front();
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

void judge_maker(const LeakContext& facts, const Route& route, Finding& finding) {
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

void add_specific_finding(const LeakContext& facts, const PastGroup& routes, LeakFindings& findings) {
  const PastRoute& first = routes.first.front();
  Finding finding = make_finding("LEK003", {"interface", first.interface});
  finding.title = fmt::format("{} {} past {}, by {}", prefix_words(routes), routes.count == 1 ? "goes" : "go",
                              first.tunnel.empty() ? "the tunnel" : escape_controls(first.tunnel),
                              escape_controls(first.interface));
  judge_maker(facts, *first.route, finding);
  if (!add_proof(facts, routes, finding)) return;
  findings.push_back(std::move(finding));
}

}  // namespace

void check_dhcp_routes(const LeakContext& facts, LeakFindings& findings) {
  for (const Family family : {Family::kInet, Family::kInet6}) {
    for (const auto& [key, routes] : facts.past_routes(family).leased) add_dhcp_finding(facts, routes, findings);
  }
}

void check_specific_routes(const LeakContext& facts, LeakFindings& findings) {
  for (const Family family : {Family::kInet, Family::kInet6}) {
    for (const auto& [key, routes] : facts.past_routes(family).made) add_specific_finding(facts, routes, findings);
  }
}

}  // namespace vpndoctor
