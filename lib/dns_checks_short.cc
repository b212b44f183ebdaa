// SPDX-License-Identifier: Apache-2.0
// What becomes of short names: search domains that send them to the wrong resolver, single labels that nobody or
// everybody is asked for, and names that are multicast on the local network.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "dns_checks.h"
#include "resolved_scope_state.h"

namespace vpndoctor {
namespace {

constexpr std::uint64_t kLlmnr = kResolvedLlmnrIpv4 | kResolvedLlmnrIpv6;
constexpr std::uint64_t kMdns = kResolvedMdnsIpv4 | kResolvedMdnsIpv6;

bool is_searched(const DnsDomain& domain) {
  return !domain.route_only && domain.name != "." && !is_reverse_zone(domain.name);
}

const DnsDomain* first_searched(const ResolvedScope& scope) {
  const auto found = std::ranges::find_if(scope.domains, is_searched);
  return found == scope.domains.end() ? nullptr : &*found;
}

/// The tunnel that is to answer all names: its scope takes everything.
const ResolvedScope* tunnel_scope_for_all_names(const DnsFacts& facts) {
  const auto found = std::ranges::find_if(
      facts.live, [&](const auto* each) { return is_of_tunnel(facts, *each) && takes_everything(*each); });
  return found == facts.live.end() ? nullptr : *found;
}

/// Search domains that belong to tunnels, as NetworkManager and systemd-resolved tell.
std::set<std::string> tunnel_search_domains(const DnsFacts& facts) {
  std::set<std::string> names;
  const auto add = [&](const std::vector<DnsDomain>& domains) {
    for (const DnsDomain& each : domains) {
      if (is_searched(each)) names.insert(each.name);
    }
  };
  if (const NetworkManagerDns* manager = facts.network_manager()) {
    for (const auto& entry : manager->entries) {
      if (entry.vpn || is_tunnel(facts.snapshot, entry.interface)) add(entry.domains);
    }
  }
  for (const ResolvedScope* scope : facts.live) {
    if (is_of_tunnel(facts, *scope)) add(scope->domains);
  }
  return names;
}

/// resolv.conf appends a VPN's domain to short names, and asks a server outside of it first.
void check_file_search(const DnsFacts& facts, DnsFindings& findings) {
  const DnsServer* first = first_remote_server(facts);
  if (first == nullptr || libc_asks_resolved(facts)) return;
  const FlowAnswer answer = way_to(facts, *first);
  if (!leaves_outside(facts, answer)) return;
  const std::set<std::string> of_tunnels = tunnel_search_domains(facts);
  std::vector<std::string> tried;
  for (const std::string& name : facts.file().used_search) {
    if (of_tunnels.contains(name)) tried.push_back(name);
  }
  if (tried.empty()) return;
  Finding finding = make_finding("DNS010", {"file", facts.file().path});
  finding.title =
      fmt::format("Short names are tried below {} at {}, outside of the VPN", listed(tried), first->to_string());
  finding.detail =
      "The search list has the VPN's domains, but the first server is not the VPN's: it learns the names of "
      "inner hosts, and its \"no such name\" is final.";
  finding.evidence = {file_evidence(facts, fmt::format("search {}", fmt::join(facts.file().used_search, " "))),
                      server_lines(facts), way_evidence(facts, *first, answer)};
  doubt_way(facts, finding, answer);
  add_step(finding.remedy,
           "Put the VPN's server first, or route its domains with systemd-resolved. To see what is asked:",
           {user_command({"vpndoctor", "dns", "explain", "host"})});
  findings.push_back(std::move(finding));
}

/// A link beside a full tunnel has a search domain: systemd-resolved tries short names there.
void check_link_search(const DnsFacts& facts, DnsFindings& findings) {
  const ResolvedScope* tunnel = tunnel_scope_for_all_names(facts);
  if (tunnel == nullptr) return;
  for (const ResolvedScope* scope : facts.live) {
    const DnsDomain* domain = first_searched(*scope);
    if (domain == nullptr || is_of_tunnel(facts, *scope) || scope->kind != ResolvedScope::Kind::kLink) continue;
    Finding finding = make_finding("DNS010", {"interface", scope->interface});
    finding.severity = Severity::kNotice;
    finding.title = fmt::format("Short names are tried as NAME.{} at {}, beside {}", domain->name, asked_words({scope}),
                                tunnel->interface);
    finding.detail = fmt::format(
        "{} takes all names, but a domain of another link is a longer claim: what is typed "
        "without a dot, and names below {}, leave the machine outside of the tunnel.",
        tunnel->interface, domain->name);
    finding.evidence = {scope_evidence(facts, *scope), scope_evidence(facts, *tunnel)};
    add_step(finding.remedy, fmt::format("If {} is not to be asked for anything:", scope->interface),
             {root_command({"resolvectl", "domain", scope->interface, ""})});
    findings.push_back(std::move(finding));
  }
}

/// ResolveUnicastSingleLabel=yes: every DNS scope takes single labels, tunnel or not.
void check_labels_everywhere(const DnsFacts& facts, DnsFindings& findings) {
  const auto& settings = facts.resolved().settings;
  if (!settings || !settings->resolve_single_label.value_or(false)) return;
  std::vector<const ResolvedScope*> outside;
  const ResolvedScope* tunnel = nullptr;
  for (const ResolvedScope* scope : facts.live) {
    if (is_of_tunnel(facts, *scope)) tunnel = scope;
    if (scope->kind == ResolvedScope::Kind::kLink && !is_of_tunnel(facts, *scope)) outside.push_back(scope);
  }
  if (tunnel == nullptr || outside.empty()) return;
  Finding finding = make_finding("DNS014", {"interface", tunnel->interface});
  finding.severity = Severity::kWarning;
  finding.title =
      fmt::format("Names without a dot are asked of {} as well as of {}", asked_words(outside), tunnel->interface);
  finding.detail = "ResolveUnicastSingleLabel=yes gives every link the same claim on them, also beside a \"~.\".";
  finding.evidence = {{"file", settings.source(), "ResolveUnicastSingleLabel=yes"}, scope_evidence(facts, *tunnel)};
  for (const ResolvedScope* scope : outside) finding.evidence.push_back(scope_evidence(facts, *scope));
  add_step(finding.remedy,
           "Take the setting out of /etc/systemd/resolved.conf, and give the tunnel a search domain, in the place of "
           "DOMAIN, instead.",
           {set_domains(*tunnel, {"DOMAIN"}), root_command({"systemctl", "restart", "systemd-resolved"})});
  findings.push_back(std::move(finding));
}

/// The stub takes a single label as it is (NO_SEARCH), and systemd-resolved's static file has no search list.
void check_labels_nowhere(const DnsFacts& facts, DnsFindings& findings) {
  const DnsConfiguration& dns = facts.snapshot.dns;
  if (facts.resolved().resolv_conf_mode != "static" || !dns.resolv_conf || !facts.file().used_search.empty()) return;
  if (!dns.name_service_switch || libc_asks_resolved(facts)) return;
  const auto found = std::ranges::find_if(
      facts.live, [&](const auto* each) { return is_of_tunnel(facts, *each) && first_searched(*each) != nullptr; });
  if (found == facts.live.end()) return;
  Finding finding = make_finding("DNS014", {"interface", (*found)->interface});
  finding.title = fmt::format("Names without a dot are not found, although {} has the search domain {}",
                              (*found)->interface, first_searched(**found)->name);
  finding.detail =
      "resolv.conf is systemd-resolved's static file, which has no search list, and its stub does not append "
      "search domains to what it is asked.";
  finding.evidence = {file_evidence(facts, "no search line"), scope_evidence(facts, **found)};
  add_step(finding.remedy, "Use the file that is kept up to date.",
           {root_command({"ln", "-sf", "../run/systemd/resolve/stub-resolv.conf", "/etc/resolv.conf"})});
  findings.push_back(std::move(finding));
}

/// The protocols by which a scope multicasts names, in words; empty when it does not.
std::string multicast_words(std::uint64_t protocols) {
  const bool llmnr = (protocols & kLlmnr) != 0;
  const bool mdns = (protocols & kMdns) != 0;
  if (llmnr && mdns) return "LLMNR and mDNS";
  if (llmnr) return "LLMNR";
  return mdns ? "mDNS" : "";
}

/// systemd 252's default is LLMNR on every link. One who wrote the setting meant it.
bool is_by_default(const DnsFacts& facts, std::uint64_t protocols) {
  const auto& settings = facts.resolved().settings;
  return (protocols & kMdns) == 0 && (!settings || settings->llmnr.empty());
}

/// A tunnel's domain that mDNS has the same claim on: only "local" itself, of which any longer one is a better match.
bool claims_local(const DnsFacts& facts) {
  return std::ranges::any_of(facts.live, [&](const ResolvedScope* scope) {
    return is_of_tunnel(facts, *scope) &&
           std::ranges::find(scope->domains, "local", &DnsDomain::name) != scope->domains.end();
  });
}

void add_multicast(const DnsFacts& facts, const ResolvedScope& scope, std::uint64_t protocols, DnsFindings& findings) {
  Finding finding = make_finding("DNS011", {"interface", scope.interface});
  const bool local = (protocols & kMdns) != 0 && claims_local(facts);
  if (is_by_default(facts, protocols) || (!local && (protocols & kLlmnr) == 0)) finding.severity = Severity::kNotice;
  const std::string words = multicast_words(protocols);
  finding.title = fmt::format("Names are multicast on {} with {}, beside the VPN", scope.interface, words);
  finding.detail = (protocols & kLlmnr) != 0
                       ? "Whoever is on that network sees names without a dot that are looked up, and may answer them."
                       : "Whoever is on that network sees names below local that are looked up, and may answer them.";
  if (local) finding.detail += " The tunnel has the domain local, and is asked at the same time.";
  finding.evidence = {{"dns", "systemd-resolved, " + scope.interface, "live: " + words}};
  if (facts.resolved().settings) {
    const auto& settings = *facts.resolved().settings;
    finding.evidence.push_back(
        {"file", facts.resolved().settings.source(),
         fmt::format("LLMNR={}, MulticastDNS={}", settings.llmnr.empty() ? "(default)" : settings.llmnr,
                     settings.multicast_dns.empty() ? "(default)" : settings.multicast_dns)});
  }
  std::vector<Command> commands;
  if ((protocols & kLlmnr) != 0) commands.push_back(root_command({"resolvectl", "llmnr", scope.interface, "no"}));
  if ((protocols & kMdns) != 0) commands.push_back(root_command({"resolvectl", "mdns", scope.interface, "no"}));
  add_step(finding.remedy,
           "Switch it off there; for good, by LLMNR=no and MulticastDNS=no in /etc/systemd/resolved.conf.",
           std::move(commands));
  findings.push_back(std::move(finding));
}

}  // namespace

void check_search_leak(const DnsFacts& facts, DnsFindings& findings) {
  check_file_search(facts, findings);
  check_link_search(facts, findings);
}

void check_single_labels(const DnsFacts& facts, DnsFindings& findings) {
  check_labels_everywhere(facts, findings);
  check_labels_nowhere(facts, findings);
}

void check_multicast(const DnsFacts& facts, DnsFindings& findings) {
  if (!has_live_tunnel(facts)) return;
  for (const ResolvedScope& scope : facts.resolved().scopes) {
    if (scope.kind != ResolvedScope::Kind::kLink || is_of_tunnel(facts, scope) || !scope.live_protocols) continue;
    const std::uint64_t protocols = *scope.live_protocols & (kLlmnr | kMdns);
    if (protocols != 0) add_multicast(facts, scope, protocols, findings);
  }
}

}  // namespace vpndoctor
