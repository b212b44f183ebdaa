// SPDX-License-Identifier: Apache-2.0
// Split DNS that was set up and does not happen: resolv.conf names the servers themselves, NetworkManager does not
// split, a domain has no server, or another link takes everything.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "dns_checks.h"

namespace vpndoctor {
namespace {

bool is_uplink(const DnsFacts& facts) {
  const ResolvedState* resolved = facts.resolved_here();
  if (resolved == nullptr || !facts.file().exists) return false;
  if (!resolved->resolv_conf_mode.empty()) return resolved->resolv_conf_mode == "uplink";
  return facts.file().real_path.ends_with("/systemd/resolve/resolv.conf");
}

/// A live scope that gets some names and not all; a tunnel's before others. Null when there is none.
const ResolvedScope* split_scope(const DnsFacts& facts) {
  const ResolvedScope* found = nullptr;
  for (const ResolvedScope* scope : facts.live) {
    const bool is_split = !scope->domains.empty() && scope->kind != ResolvedScope::Kind::kGlobal;
    if (is_split && facts.live.size() > 1 && is_of_tunnel(facts, *scope)) found = scope;
  }
  return found;
}

/// resolv.conf leads to the list of all servers, which knows no domains.
void check_uplink(const DnsFacts& facts, DnsFindings& findings) {
  const ResolvedScope* scope = is_uplink(facts) ? split_scope(facts) : nullptr;
  if (scope == nullptr || facts.file().used_servers.empty()) return;
  const DnsServer& first = facts.file().used_servers.front();
  const FlowAnswer answer = way_to(facts, first);
  const bool outside = leaves_outside(facts, answer);
  Finding finding = make_finding("DNS009", {"file", facts.file().path});
  if (!outside || libc_asks_resolved(facts)) finding.severity = Severity::kWarning;
  finding.title = fmt::format("{} names the servers themselves, so {} go to {} first", facts.file().path,
                              domain_words(scope->domains), first.to_string());
  finding.detail = fmt::format(
      "systemd-resolved knows that these names belong to {}; the file that programs read is a plain list of all "
      "servers{}.",
      scope->interface,
      libc_asks_resolved(facts) ? ". libc asks systemd-resolved; dig, Go and containers read the file" : "");
  finding.evidence = {server_lines(facts), scope_evidence(facts, *scope), way_evidence(facts, first, answer)};
  doubt_way(facts, finding, answer);
  add_step(finding.remedy, "Lead the file to the stub, which splits.",
           {root_command({"ln", "-sf", "../run/systemd/resolve/stub-resolv.conf", "/etc/resolv.conf"})});
  findings.push_back(std::move(finding));
}

/// Domains that are to be routed, of NetworkManager's entries for tunnels.
std::vector<const NetworkManagerDnsEntry*> routed_entries(const DnsFacts& facts, const NetworkManagerDns& manager) {
  std::vector<const NetworkManagerDnsEntry*> routed;
  for (const NetworkManagerDnsEntry& entry : manager.entries) {
    const bool is_routed = std::ranges::any_of(entry.domains, [](const DnsDomain& each) {
      return each.route_only && each.name != "." && !is_reverse_zone(each.name);
    });
    if (is_routed && (entry.vpn || is_tunnel(facts.snapshot, entry.interface))) routed.push_back(&entry);
  }
  return routed;
}

/// NetworkManager's mode "default" writes all servers into one list (nm-dns-manager.c).
void check_manager_split(const DnsFacts& facts, DnsFindings& findings) {
  const NetworkManagerDns* manager = facts.network_manager();
  if (manager == nullptr || manager->mode != "default" || manager->entries.size() < 2) return;
  for (const NetworkManagerDnsEntry* entry : routed_entries(facts, *manager)) {
    Finding finding = make_finding("DNS009", {"interface", entry->interface});
    finding.severity = Severity::kWarning;
    finding.title = fmt::format("NetworkManager is to route {} to {}, but does not split names",
                                domain_words(entry->domains), entry->interface);
    finding.detail =
        "Its DNS mode is \"default\": resolv.conf gets the servers of all connections in one list, and the first is "
        "asked "
        "for every name, whichever network it belongs to.";
    finding.evidence = {entry_evidence(facts, *entry),
                        {"dns", "NetworkManager", "mode default, rc-manager " + manager->rc_manager},
                        server_lines(facts)};
    add_step(
        finding.remedy, "Let NetworkManager split names with systemd-resolved (install it first) or with dnsmasq.",
        {root_command({"sh", "-c", "printf '[main]\\ndns=systemd-resolved\\n' > /etc/NetworkManager/conf.d/dns.conf"}),
         root_command({"systemctl", "reload", "NetworkManager"})});
    findings.push_back(std::move(finding));
  }
}

bool has_forward_domain(const ResolvedScope& scope) {
  return std::ranges::any_of(scope.domains, [](const DnsDomain& each) { return !is_reverse_zone(each.name); });
}

/// A tunnel's link has domains, and no server that could be asked for them.
void check_serverless(const DnsFacts& facts, DnsFindings& findings) {
  const ResolvedState* resolved = facts.resolved_here();
  if (resolved == nullptr) return;
  for (const ResolvedScope& scope : resolved->scopes) {
    if (!scope.servers.empty() || !is_of_tunnel(facts, scope) || !has_forward_domain(scope)) continue;
    const auto asked = asked_for(facts, scope.domains.front().name);
    Finding finding = make_finding("DNS009", {"interface", scope.interface});
    finding.title = fmt::format("{} has the domain{} {}, but no DNS server", scope.interface,
                                scope.domains.size() == 1 ? "" : "s", domain_words(scope.domains));
    finding.detail = asked.empty() ? "Nobody is asked for these names."
                                   : fmt::format("These names are asked of {}.", asked_words(asked));
    finding.evidence = {scope_evidence(facts, scope)};
    for (const ResolvedScope* each : asked) finding.evidence.push_back(scope_evidence(facts, *each));
    add_step(finding.remedy, "Give the tunnel its DNS server, in the place of SERVER, or restart its VPN.",
             {root_command({"resolvectl", "dns", scope.interface, "SERVER"})});
    findings.push_back(std::move(finding));
  }
}

/// A link that is no tunnel and takes every name, which a tunnel is asked for as well only when it says so.
void check_shadowed(const DnsFacts& facts, DnsFindings& findings) {
  const auto tunnel = full_tunnel(facts);
  if (!tunnel) return;
  const auto is_that = [&](const ResolvedScope* each) { return each->interface == *tunnel; };
  const auto mine = std::ranges::find_if(facts.live, is_that);
  if (mine == facts.live.end() || takes_everything(**mine) || !(*mine)->default_route.value_or(false)) return;
  for (const ResolvedScope* scope : asked_for(facts, ".")) {
    if (!takes_everything(*scope) || scope->kind != ResolvedScope::Kind::kLink || is_of_tunnel(facts, *scope)) continue;
    Finding finding = make_finding("DNS009", {"interface", *tunnel});
    finding.title = fmt::format("{} takes all names with \"~.\", before {}", scope->interface, *tunnel);
    finding.detail = fmt::format("All traffic goes through {}, but names are asked of {} outside of it.", *tunnel,
                                 asked_words({scope}));
    finding.evidence = {scope_evidence(facts, *scope), scope_evidence(facts, **mine)};
    std::vector<std::string> other{"resolvectl", "domain", scope->interface};
    for (const DnsDomain& domain : scope->domains) {
      if (domain.name != ".") other.push_back((domain.route_only ? "~" : "") + domain.name);
    }
    if (other.size() == 3) other.emplace_back("");
    add_step(finding.remedy, fmt::format("Take it from {} and give it to {}.", scope->interface, *tunnel),
             {root_command(std::move(other)), set_domains(**mine, {"~."})});
    findings.push_back(std::move(finding));
  }
}

/// A VPN's list of split domains that was given as search domains: each short name is tried below each of them.
void check_search_list(const DnsFacts& facts, DnsFindings& findings) {
  constexpr std::ptrdiff_t kMany = 3;
  for (const ResolvedScope* scope : facts.live) {
    const auto searched = std::ranges::count_if(scope->domains, [](const DnsDomain& each) { return !each.route_only; });
    if (!is_of_tunnel(facts, *scope) || searched < kMany) continue;
    Finding finding = make_finding("DNS009", {"interface", scope->interface});
    finding.severity = Severity::kNotice;
    finding.title = fmt::format("The domains of {} are search domains: each short name is tried below all {}",
                                scope->interface, searched);
    finding.detail =
        "Programs that hand a list of split domains to systemd-resolved without \"~\" do this. The names are "
        "routed all the same; short ones take as many questions as there are domains.";
    finding.evidence = {scope_evidence(facts, *scope)};
    std::vector<std::string> argv{"resolvectl", "domain", scope->interface};
    for (const DnsDomain& domain : scope->domains) argv.push_back("~" + domain.name);
    add_step(finding.remedy, "Make them route-only.", {root_command(std::move(argv))});
    findings.push_back(std::move(finding));
  }
}

}  // namespace

void check_lost_split(const DnsFacts& facts, DnsFindings& findings) {
  check_uplink(facts, findings);
  check_manager_split(facts, findings);
  check_serverless(facts, findings);
  check_shadowed(facts, findings);
  check_search_list(facts, findings);
}

}  // namespace vpndoctor
