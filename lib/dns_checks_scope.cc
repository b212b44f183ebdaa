// SPDX-License-Identifier: Apache-2.0
// Scopes of systemd-resolved that do not do what they were set up for: a tunnel's that is not live, servers of the
// global scope that nobody configured, and the fallback servers.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "dns_checks.h"
#include "resolved_scope_state.h"

namespace vpndoctor {
namespace {

constexpr unsigned kFirstWithDemotedFallback = 257;

/// The names that a scope is meant for, in words: "names below corp.example", "all names".
std::string meant_names(const ResolvedScope& scope) {
  if (takes_everything(scope) || scope.domains.empty()) return "all names";
  std::vector<std::string> names;
  names.reserve(scope.domains.size());
  for (const DnsDomain& domain : scope.domains) names.push_back(domain.name);
  return "names below " + listed(names);
}

/// The live scopes that are asked instead of one that is not live.
std::vector<const ResolvedScope*> asked_instead(const DnsFacts& facts, const ResolvedScope& scope) {
  std::vector<const ResolvedScope*> asked;
  std::set<std::string> names;
  for (const DnsDomain& domain : scope.domains) names.insert(domain.name);
  if (names.empty()) names.insert(".");
  for (const std::string& name : names) {
    for (const ResolvedScope* each : asked_for(facts, name)) {
      if (std::ranges::find(asked, each) == asked.end()) asked.push_back(each);
    }
  }
  return asked;
}

bool is_meant_for_names(const ResolvedScope& scope) {
  return !scope.servers.empty() && (!scope.domains.empty() || scope.default_route.value_or(false));
}

void add_revival(const DnsFacts& facts, const ResolvedScope& scope, Finding& finding) {
  const Link* link = facts.snapshot.find_link(scope.interface);
  if (link != nullptr && !link->is_up()) {
    add_step(finding.remedy, fmt::format("Bring {} up, or start its VPN again.", scope.interface),
             {root_command({"ip", "link", "set", scope.interface, "up"})});
  } else {
    std::vector<std::string> argv{"resolvectl", "dns", scope.interface};
    for (const DnsServer& server : scope.servers) argv.push_back(server.to_string());
    add_step(finding.remedy,
             fmt::format("Start the VPN of {} again. If the interface works, give it its servers once more.",
                         scope.interface),
             {root_command(std::move(argv))});
  }
  add_step(finding.remedy, "If the VPN is off for good, take its DNS settings away.",
           {root_command({"resolvectl", "revert", scope.interface})});
}

Severity inert_severity(const DnsFacts& facts, const ResolvedScope& scope,
                        const std::vector<const ResolvedScope*>& instead) {
  const Link* link = facts.snapshot.find_link(scope.interface);
  // Somebody took the link down on purpose.
  if (link != nullptr && !link->is_up()) return Severity::kNotice;
  const auto leaves = [&](const ResolvedScope* each) { return may_leave_outside(facts, *each); };
  return instead.empty() || std::ranges::any_of(instead, leaves) ? Severity::kError : Severity::kWarning;
}

void add_inert(const DnsFacts& facts, const ResolvedScope& scope, DnsFindings& findings) {
  const auto instead = asked_instead(facts, scope);
  Finding finding = make_finding("DNS001", {"interface", scope.interface});
  finding.severity = inert_severity(facts, scope, instead);
  const std::string why = why_scope_is_inert(facts.snapshot, scope);
  if (instead.empty()) {
    finding.title =
        fmt::format("Nobody is asked for {}, for which {} has DNS servers", meant_names(scope), scope.interface);
    finding.detail = fmt::format("systemd-resolved does not use the servers of {} now: {}.", scope.interface, why);
  } else {
    finding.title = fmt::format("{} are asked of {} and not of the servers of {}", meant_names(scope),
                                asked_words(instead), scope.interface);
    finding.title.front() = finding.title.front() == 'n' ? 'N' : 'A';
    finding.detail = fmt::format(
        "systemd-resolved does not use the servers of {} now: {}. What is meant for the VPN is told to others, and "
        "answered wrongly or not at all.",
        scope.interface, why);
  }
  finding.evidence.push_back(scope_evidence(facts, scope));
  for (const ResolvedScope* each : instead) finding.evidence.push_back(scope_evidence(facts, *each));
  if (!scope.live_protocols) finding.confidence = Confidence::kLikely;
  add_revival(facts, scope, finding);
  findings.push_back(std::move(finding));
}

/// The links that have servers although the others' names are asked of nobody's.
std::vector<const ResolvedScope*> links_with_servers(const ResolvedState& resolved) {
  std::vector<const ResolvedScope*> links;
  for (const ResolvedScope& scope : resolved.scopes) {
    if (scope.kind == ResolvedScope::Kind::kLink && !scope.servers.empty()) links.push_back(&scope);
  }
  return links;
}

/// manager_get_dns_server() of systemd 257: the global scope takes the fallback servers when no link that takes
/// arbitrary names has any.
bool uses_fallback(const ResolvedState& resolved) {
  const auto takes_rest = [](const ResolvedScope* scope) {
    return scope->default_route.value_or(true) || takes_everything(*scope);
  };
  const auto has_global = [](const ResolvedScope& scope) {
    return scope.kind == ResolvedScope::Kind::kGlobal && !scope.servers.empty();
  };
  const auto links = links_with_servers(resolved);
  return !resolved.fallback_servers.empty() && !links.empty() && std::ranges::none_of(links, takes_rest) &&
         std::ranges::none_of(resolved.scopes, has_global);
}

std::vector<const DnsServer*> unexplained(const ResolvedScope& global, const ResolvedSettings& settings) {
  std::vector<const DnsServer*> servers;
  for (const DnsServer& server : global.servers) {
    const auto is_same = [&](const DnsServer& other) { return other.address == server.address; };
    if (std::ranges::none_of(settings.dns, is_same)) servers.push_back(&server);
  }
  return servers;
}

const ResolvedScope* global_scope(const ResolvedState& resolved) {
  const auto found = std::ranges::find(resolved.scopes, ResolvedScope::Kind::kGlobal, &ResolvedScope::kind);
  return found == resolved.scopes.end() || found->servers.empty() ? nullptr : &*found;
}

/// systemd-resolved reads the servers of a resolv.conf that is not its own: then they have their reason.
bool reads_resolv_conf(const ResolvedState& resolved) {
  return resolved.resolv_conf_mode == "foreign" || resolved.resolv_conf_mode.empty();
}

}  // namespace

void check_inert_scope(const DnsFacts& facts, DnsFindings& findings) {
  if (!has_network(facts)) return;
  for (const ResolvedScope& scope : facts.resolved().scopes) {
    if (!is_of_tunnel(facts, scope) || !is_meant_for_names(scope)) continue;
    if (!why_scope_is_inert(facts.snapshot, scope).empty()) add_inert(facts, scope, findings);
  }
}

std::string fallback_undecided(const DnsFacts& facts) {
  if (facts.resolved().version || !uses_fallback(facts.resolved())) return {};
  return "the version of systemd-resolved is not known, which decides when fallback servers are asked";
}

void check_fallback(const DnsFacts& facts, DnsFindings& findings) {
  const ResolvedState& resolved = facts.resolved();
  if (resolved.version.value_or(0) < kFirstWithDemotedFallback || !uses_fallback(resolved)) return;
  const std::string servers = server_words(resolved.fallback_servers);
  Finding finding = make_finding("DNS006", {"host", "systemd-resolved"});
  finding.title = fmt::format("Names of no configured domain are asked of the fallback servers {}", servers);
  finding.detail =
      "Every link that has DNS servers has them for its own domains alone. Since version 257 systemd-resolved then "
      "asks "
      "its fallback servers for everything else; they belong to nobody whom you chose.";
  for (const ResolvedScope* scope : links_with_servers(resolved)) {
    finding.evidence.push_back(scope_evidence(facts, *scope));
    if (finding.remedy.steps.empty()) {
      add_step(finding.remedy, "Let the link whose servers are to be asked for everything else take it:",
               {root_command({"resolvectl", "default-route", scope->interface, "yes"})});
    }
  }
  finding.evidence.push_back({"dns", "systemd-resolved", "fallback servers " + servers});
  add_step(finding.remedy,
           "Or give the machine a server of your own, or none: DNS= or an empty FallbackDNS= in "
           "/etc/systemd/resolved.conf.",
           {root_command({"systemctl", "restart", "systemd-resolved"})});
  findings.push_back(std::move(finding));
}

std::string ghost_undecided(const DnsFacts& facts) {
  const ResolvedState& resolved = facts.resolved();
  if (global_scope(resolved) == nullptr || reads_resolv_conf(resolved)) return {};
  if (!resolved.settings) {
    return "the settings of systemd-resolved are not known: " + resolved.settings.why_missing();
  }
  if (resolved.settings.is_complete()) return {};
  return "not all settings of systemd-resolved are known: " + resolved.settings.limits().front();
}

void check_ghost_global(const DnsFacts& facts, DnsFindings& findings) {
  const ResolvedState& resolved = facts.resolved();
  const ResolvedScope* global = global_scope(resolved);
  if (global == nullptr || reads_resolv_conf(resolved)) return;
  std::vector<std::string> ghosts;
  for (const DnsServer* server : unexplained(*global, *resolved.settings)) ghosts.push_back(server->to_string());
  if (ghosts.empty()) return;
  Finding finding = make_finding("DNS007", {"host", "systemd-resolved"});
  finding.confidence = Confidence::kLikely;  // credentials of the service could set them too
  finding.title = fmt::format("systemd-resolved asks {}, which no configuration names", listed(ghosts));
  finding.detail =
      "It took the servers from a resolv.conf that another program had written, and kept them after its own was put "
      "back. They are asked beside the servers of the links.";
  finding.evidence.push_back(scope_evidence(facts, *global));
  finding.evidence.push_back({"dns", "systemd-resolved", "resolv.conf mode " + resolved.resolv_conf_mode});
  finding.evidence.push_back(
      {"file", resolved.settings.source(),
       resolved.settings->dns.empty() ? "no DNS= setting" : "DNS=" + server_words(resolved.settings->dns)});
  add_step(finding.remedy, "Let systemd-resolved forget them.",
           {root_command({"systemctl", "restart", "systemd-resolved"})});
  findings.push_back(std::move(finding));
}

}  // namespace vpndoctor
