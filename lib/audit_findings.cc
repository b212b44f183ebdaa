// SPDX-License-Identifier: Apache-2.0
// What is wrong with a split tunnel, as findings: prefixes that do not go where the list says, and addresses of the
// list that somebody else has as well. One finding a kind, with the worst cases as proof.
#include "audit_findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "claims_by_name.h"
#include "vpndoctor/route_owner.h"
#include "vpndoctor/route_words.h"

namespace vpndoctor {
namespace {

/// The list without slices of everything, for quick tests of overlap.
class ListIndex {
 public:
  explicit ListIndex(const CidrAudit& audit) {
    std::vector<IpPrefix> meant;
    for (const AuditedPrefix& each : audit.prefixes) {
      if (claims_by_name(each.prefix)) meant.push_back(each.prefix);
    }
    prefixes_ = aggregate(std::move(meant));
  }

  /// A prefix of the aggregated list that shares addresses with `other`; null: none.
  const IpPrefix* overlapping(const IpPrefix& other) const {
    // The aggregate's prefixes do not overlap: only the last one that begins before can contain `other`.
    const auto after = std::ranges::upper_bound(prefixes_, other.address, {}, &IpPrefix::address);
    if (after != prefixes_.begin() && std::prev(after)->overlaps(other)) return &*std::prev(after);
    return after != prefixes_.end() && after->overlaps(other) ? &*after : nullptr;
  }

 private:
  std::vector<IpPrefix> prefixes_;
};

void check_other_tunnels(const CidrAudit& audit, const Snapshot& snapshot, const ListIndex& list, Findings& findings) {
  Case found("RTE023", audit, snapshot);
  for (const TunnelClaim& claim : tunnel_claims(snapshot)) {
    if (*claim.tunnel == audit.interface || !claims_by_name(claim.prefix())) continue;
    const IpPrefix* overlap = list.overlapping(claim.prefix());
    if (overlap == nullptr) continue;
    found.add("table " + snapshot.table_name(claim.route->table),
              fmt::format("{} of the list, and \"{}\"", *overlap, joined(route_words(*snapshot.routes, *claim.route))));
  }
  add_step(found.finding().remedy, "Narrow the prefixes of one of the two VPNs.");
  const std::string count = counted(found.count(), "route of another tunnel leads", "routes of other tunnels lead");
  found.finish(count + " to addresses of the list",
               "Both VPNs claim these addresses; the more specific route gets the traffic.", findings);
}

/// What an interface's network is to its user; empty: nothing that a list may not cover.
std::string network_kind(const Snapshot& snapshot, const std::string& interface) {
  if (interface == "lo") return "loopback";
  if (is_container_bridge(snapshot, interface)) {
    const Link* link = snapshot.find_link(interface);
    const Owner owner = link == nullptr ? Owner{} : link_owner(snapshot, *link);
    return owner.is_known() ? owner.name + "'s network" : "a container network";
  }
  return is_lan_interface(snapshot, interface) ? "the local network" : "";
}

void check_local_networks(const CidrAudit& audit, const Snapshot& snapshot, const ListIndex& list, Findings& findings) {
  Case found("RTE024", audit, snapshot);
  const IpPrefix loopback = IpPrefix::of({Family::kInet, {127}}, 8);
  if (const IpPrefix* overlap = list.overlapping(loopback)) {
    found.add("127.0.0.0/8", fmt::format("{} of the list, and this machine's loopback addresses", *overlap));
  }
  for (const Address& address : *snapshot.addresses) {
    if (address.interface == audit.interface || address.address.is_link_local() || address.on_link().is_host())
      continue;
    const std::string kind = network_kind(snapshot, address.interface);
    const IpPrefix* overlap =
        kind.empty() || address.address.is_loopback() ? nullptr : list.overlapping(address.on_link());
    if (overlap == nullptr) continue;
    found.add("address of " + address.interface,
              fmt::format("{} of the list, and {} {} on {}", *overlap, kind, address.on_link(), address.interface));
  }
  add_step(found.finding().remedy, "Renumber the local network, or narrow the list.");
  found.finish(
      fmt::format("The list covers {}", counted(found.count(), "local network", "local networks")),
      "The same addresses exist on this machine's own networks and behind the tunnel; only one of the two can be "
      "reached.",
      findings);
}

void check_shared_space(const CidrAudit& audit, const Snapshot& snapshot, const ListIndex& list, Findings& findings) {
  constexpr unsigned kSharedLength = 10;
  const IpPrefix shared = IpPrefix::of({Family::kInet, {100, 64}}, kSharedLength);
  const IpPrefix* overlap = list.overlapping(shared);
  if (overlap == nullptr) return;
  Case found("RTE025", audit, snapshot);
  found.add("RFC 6598", fmt::format("{} of the list is in 100.64.0.0/10", *overlap));
  for (const Address& address : *snapshot.addresses) {
    if (!shared.contains(address.address) || address.interface == audit.interface) continue;
    found.finding().severity = Severity::kWarning;
    found.add("address of " + address.interface, fmt::format("{} has {}", address.interface, address.address));
  }
  add_step(found.finding().remedy, "Leave 100.64.0.0/10 out of the list where it is not needed.");
  found.finish("The list covers shared address space, 100.64.0.0/10",
               "Providers and Tailscale number their own hosts from it.", findings);
}

/// Why it is not known where the prefixes go: a route or rule that is not seen may send them elsewhere. Empty: it is.
std::string why_not_judged(const Snapshot& snapshot) {
  const auto why = [](const char* name, const auto& facet) {
    if (!facet.is_known()) return fmt::format("the {} are not known: {}", name, facet.why_missing());
    return facet.is_complete() ? std::string{} : fmt::format("not all {} are known: {}", name, facet.limits().front());
  };
  std::string reason = why("routes", snapshot.routes);
  // macOS has no policy rules.
  if (reason.empty() && snapshot.platform == Platform::kLinux) reason = why("rules", snapshot.rules);
  return reason;
}

void check_overlaps(const CidrAudit& audit, const Snapshot& snapshot, CheckResults& results) {
  const ListIndex list(audit);
  if (snapshot.routes) {
    check_other_tunnels(audit, snapshot, list, results.findings);
  } else {
    results.skipped.push_back({"RTE023", "the routes are not known: " + snapshot.routes.why_missing()});
  }
  if (snapshot.addresses) {
    check_local_networks(audit, snapshot, list, results.findings);
    check_shared_space(audit, snapshot, list, results.findings);
    return;
  }
  for (const char* code : {"RTE024", "RTE025"}) {
    results.skipped.push_back({code, "the addresses are not known: " + snapshot.addresses.why_missing()});
  }
}

}  // namespace

std::string counted(std::size_t count, const char* one, const char* many) {
  return count == 1 ? fmt::format("1 {}", one) : fmt::format("{} {}", count, many);
}

void Case::add(std::string source, std::string text) {
  ++count_;
  if (finding_.evidence.size() < kMostEvidence) {
    finding_.evidence.push_back(proof(snapshot_->routes, std::move(source), std::move(text)));
  }
}

void Case::add_doubt(const std::string& why) {
  if (!why.empty()) doubts_.insert(why);
}

void Case::finish(std::string title, std::string detail, Findings& findings) {
  if (count_ == 0) return;
  finding_.title = std::move(title);
  finding_.detail = std::move(detail);
  if (count_ > finding_.evidence.size()) {
    finding_.detail += fmt::format(" {} are shown here; the audit lists all.", finding_.evidence.size());
  }
  for (const std::string& why : doubts_) doubt(*snapshot_, finding_, why);
  findings.push_back(std::move(finding_));
}

CheckResults audit_findings(const CidrAudit& audit, const Snapshot& snapshot) {
  CheckResults results;
  const std::string reason = why_not_judged(snapshot);
  if (reason.empty()) {
    check_ways(audit, snapshot, results.findings);
  } else {
    for (const char* code : {"RTE020", "RTE021", "RTE022"}) results.skipped.push_back({code, reason});
  }
  check_overlaps(audit, snapshot, results);
  if (snapshot.stable == false) {
    for (Finding& finding : results.findings) {
      if (finding.confidence == Confidence::kProven) doubt(snapshot, finding, "the state changed while it was read");
    }
  }
  std::ranges::stable_sort(results.findings, std::greater{}, &Finding::severity);
  return results;
}

}  // namespace vpndoctor
