// SPDX-License-Identifier: Apache-2.0
// What is wrong with a split tunnel, as findings: prefixes that do not go where the list says, and addresses of the
// list that somebody else has as well. One finding a kind, with the worst cases as proof.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "finding_parts.h"
#include "routing_checks.h"
#include "vpndoctor/cidr_audit.h"
#include "vpndoctor/route_owner.h"
#include "vpndoctor/route_words.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostEvidence = 8;

std::string counted(std::size_t count, const char* one, const char* many) {
  return count == 1 ? fmt::format("1 {}", one) : fmt::format("{} {}", count, many);
}

std::string where(const std::string& interface) { return interface.empty() ? "nowhere" : "through " + interface; }

/// "10.1.0.0/16 goes through eth0 by the route ... of table main".
std::string exception_text(const Snapshot& snapshot, const AuditException& exception) {
  std::string text = fmt::format("{} goes {}", exception.prefix, where(exception.interface));
  if (exception.route.empty()) return text + "; no route matches";
  return text + fmt::format(" by \"{}\", table {}", exception.route, snapshot.table_name(exception.table));
}

bool covers_everything(const IpPrefix& prefix) {
  return prefix.length <= 1 || (prefix.family() == Family::kInet6 && prefix.length <= 3);
}

/// Collects what one finding is about.
class Case {
 public:
  Case(const char* code, const CidrAudit& audit) : finding_(make_finding(code, {"interface", audit.interface})) {}

  void add(std::string source, std::string text) {
    ++count_;
    if (finding_.evidence.size() < kMostEvidence) {
      finding_.evidence.push_back({"netlink", std::move(source), std::move(text)});
    }
  }
  std::size_t count() const { return count_; }
  Finding& finding() { return finding_; }

  void finish(std::string title, std::string detail, Findings& findings) {
    if (count_ == 0) return;
    finding_.title = std::move(title);
    finding_.detail = std::move(detail);
    if (count_ > finding_.evidence.size()) {
      finding_.detail += fmt::format(" {} are shown here; the audit lists all.", finding_.evidence.size());
    }
    findings.push_back(std::move(finding_));
  }

 private:
  Finding finding_;
  std::size_t count_ = 0;
};

void add_prefix(const Snapshot& snapshot, const AuditedPrefix& audited, Case& into) {
  const auto worst = std::ranges::find(audited.exceptions, false, &AuditException::is_expected);
  const auto& exceptions = audited.exceptions;
  std::string text = "nothing but this machine's own addresses";
  if (!exceptions.empty()) {
    text = exception_text(snapshot, worst == exceptions.end() ? exceptions.front() : *worst);
  }
  into.add(audited.prefix.to_string(), std::move(text));
}

std::vector<std::string> add_route_argv(const CidrAudit& audit, const IpPrefix& prefix) {
  return {"ip",           prefix.family() == Family::kInet ? "-4" : "-6", "route", "add", prefix.to_string(), "dev",
          audit.interface};
}

void add_route_steps(const CidrAudit& audit, PrefixStatus status, Remedy& remedy) {
  std::vector<Command> commands;
  for (const AuditedPrefix& each : audit.prefixes) {
    if (each.status == status && commands.size() < kMostEvidence) {
      commands.push_back(root_command(add_route_argv(audit, each.prefix)));
    }
  }
  add_step(remedy,
           "Reconnect the VPN, which sets its routes; or add them by hand, in the VPN's own table if it has one.",
           std::move(commands));
}

void check_outside(const CidrAudit& audit, const Snapshot& snapshot, Findings& findings) {
  Case found("RTE020", audit);
  for (const AuditedPrefix& each : audit.prefixes) {
    if (each.status == PrefixStatus::kOutside) add_prefix(snapshot, each, found);
  }
  add_route_steps(audit, PrefixStatus::kOutside, found.finding().remedy);
  const std::string count = counted(found.count(), "prefix of the list does", "prefixes of the list do");
  found.finish(fmt::format("{} not go through {}", count, audit.interface),
               "Traffic for these addresses leaves this machine outside the tunnel.", findings);
}

void check_partial(const CidrAudit& audit, const Snapshot& snapshot, bool unexpected, Findings& findings) {
  Case found("RTE021", audit);
  if (!unexpected) found.finding().severity = Severity::kNotice;
  for (const AuditedPrefix& each : audit.prefixes) {
    if (each.status == PrefixStatus::kPartial && each.has_unexpected == unexpected) add_prefix(snapshot, each, found);
  }
  if (unexpected) {
    add_step(found.finding().remedy, "See which route takes each part and who made it, and delete it if it is wrong.",
             {user_command({"vpndoctor", "routes", "show", "--all"})});
  }
  const std::string count = counted(found.count(), "prefix of the list goes", "prefixes of the list go");
  found.finish(fmt::format("{} only partly through {}", count, audit.interface),
               unexpected ? "More specific routes take the rest."
                          : "The rest is networks that this machine is directly connected to, or the way to the "
                            "tunnel's own server, which belong outside.",
               findings);
}

void check_unrouted(const CidrAudit& audit, const Snapshot& snapshot, Findings& findings) {
  Case found("RTE022", audit);
  for (const AuditedPrefix& each : audit.prefixes) {
    if (each.status == PrefixStatus::kUnrouted) add_prefix(snapshot, each, found);
  }
  add_route_steps(audit, PrefixStatus::kUnrouted, found.finding().remedy);
  const std::string count = counted(found.count(), "prefix of the list goes", "prefixes of the list go");
  found.finish(count + " nowhere", "Packets to these addresses are refused or dropped on this machine.", findings);
}

/// The list without what has everything in it, for quick tests of overlap.
class ListIndex {
 public:
  explicit ListIndex(const CidrAudit& audit) {
    std::vector<IpPrefix> meant;
    for (const AuditedPrefix& each : audit.prefixes) {
      if (!covers_everything(each.prefix)) meant.push_back(each.prefix);
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
  Case found("RTE023", audit);
  for (const TunnelClaim& claim : tunnel_claims(snapshot)) {
    if (*claim.tunnel == audit.interface || covers_everything(claim.prefix())) continue;
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
  Case found("RTE024", audit);
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
  Case found("RTE025", audit);
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

}  // namespace

std::vector<Finding> audit_findings(const CidrAudit& audit, const Snapshot& snapshot) {
  Findings findings;
  check_outside(audit, snapshot, findings);
  check_partial(audit, snapshot, true, findings);
  check_unrouted(audit, snapshot, findings);
  check_partial(audit, snapshot, false, findings);
  const ListIndex list(audit);
  if (snapshot.routes) check_other_tunnels(audit, snapshot, list, findings);
  if (snapshot.addresses) {
    check_local_networks(audit, snapshot, list, findings);
    check_shared_space(audit, snapshot, list, findings);
  }
  std::ranges::stable_sort(findings, std::greater{}, &Finding::severity);
  return findings;
}

}  // namespace vpndoctor
