// SPDX-License-Identifier: Apache-2.0
// Names that systemd-resolved asks on several links at once, because their scopes have the same claim on them. The
// first answer counts, and everybody sees the question.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "default_way.h"
#include "dns_checks.h"

namespace vpndoctor {
namespace {

using Scopes = std::vector<const ResolvedScope*>;

/// Scopes that share claims, with the domains that are asked of all of them; "." stands for everything else.
struct SharedClaims {
  Scopes scopes;
  std::vector<std::string> domains;
  bool is_of_rest = false;     ///< everything that no domain takes is among them
  bool is_by_default = false;  ///< ... because the scopes are default routes, not by "~."
};

/// What every scope may claim, "." last.
std::vector<std::string> claimed_domains(const DnsFacts& facts) {
  std::set<std::string> domains;
  for (const ResolvedScope* scope : facts.live) {
    for (const DnsDomain& domain : scope->domains) {
      if (domain.name != ".") domains.insert(domain.name);
    }
  }
  std::vector<std::string> all(domains.begin(), domains.end());
  all.emplace_back(".");
  return all;
}

std::vector<SharedClaims> shared_claims(const DnsFacts& facts) {
  std::vector<SharedClaims> shared;
  for (const std::string& domain : claimed_domains(facts)) {
    const Scopes asked = asked_for(facts, domain);
    if (asked.size() < 2) continue;
    auto found = std::ranges::find(shared, asked, &SharedClaims::scopes);
    if (found == shared.end()) found = shared.insert(shared.end(), {asked, {}});
    if (domain != ".") found->domains.push_back(domain);
    if (domain == ".") found->is_of_rest = true;
    if (domain == ".")
      found->is_by_default = !std::ranges::any_of(asked, [](const auto* each) { return takes_everything(*each); });
  }
  return shared;
}

Severity severity_of(const DnsFacts& facts, const SharedClaims& shared) {
  const auto tunnels =
      std::ranges::count_if(shared.scopes, [&](const auto* each) { return is_of_tunnel(facts, *each); });
  const bool outside =
      std::ranges::any_of(shared.scopes, [&](const auto* each) { return may_leave_outside(facts, *each); });
  if (tunnels == 0) return Severity::kNotice;
  if (!outside) return tunnels > 1 ? Severity::kWarning : Severity::kNotice;
  // The tunnel asked for these names; without a domain only its routes tell that it is for everything.
  return !shared.domains.empty() || !shared.is_by_default || full_tunnel(facts) ? Severity::kError : Severity::kWarning;
}

std::string shared_names(const SharedClaims& shared) {
  if (shared.is_of_rest && shared.domains.empty()) {
    return shared.is_by_default ? "Names of no configured domain" : "All names";
  }
  return "Names below " + listed(shared.domains) + (shared.is_of_rest ? " and of no configured domain" : "");
}

/// The domains of a scope without those that it is to lose, as resolvectl takes them; "" for none.
std::vector<std::string> remaining_domains(const ResolvedScope& scope, const SharedClaims& shared) {
  std::vector<std::string> words;
  for (const DnsDomain& domain : scope.domains) {
    const bool is_lost =
        std::ranges::count(shared.domains, domain.name) != 0 || (shared.is_of_rest && domain.name == ".");
    if (!is_lost) words.push_back((domain.route_only ? "~" : "") + domain.name);
  }
  if (words.empty()) words.emplace_back("");
  return words;
}

/// Two default routes, one of them a tunnel: either it answers everything or it does not.
void add_choice(const ResolvedScope& tunnel, Finding& finding) {
  add_step(finding.remedy, fmt::format("If {} is to answer all names, give it the domain \"~.\".", tunnel.interface),
           {set_domains(tunnel, {"~."})});
  add_step(finding.remedy, "If it is to answer its own domains alone, it must not be a default route.",
           {root_command({"resolvectl", "default-route", tunnel.interface, "no"})});
}

/// What takes the claim away from one scope.
void add_renunciation(const ResolvedScope& scope, const SharedClaims& shared, Finding& finding) {
  if (scope.kind != ResolvedScope::Kind::kLink) {
    add_step(
        finding.remedy,
        fmt::format("If {} is not to be asked for them, take Domains= (or DNS=) out of /etc/systemd/resolved.conf.",
                    scope_words(scope)),
        {root_command({"systemctl", "restart", "systemd-resolved"})});
    return;
  }
  std::vector<std::string> argv{"resolvectl", shared.is_by_default ? "default-route" : "domain", scope.interface};
  if (shared.is_by_default) {
    argv.emplace_back("no");
  } else {
    for (std::string& word : remaining_domains(scope, shared)) argv.push_back(std::move(word));
  }
  add_step(finding.remedy, fmt::format("If {} is not to be asked for them:", scope.interface),
           {root_command(std::move(argv))});
}

/// With a tunnel among them the others give way; without one, or among tunnels, the user must choose.
void add_separation(const DnsFacts& facts, const SharedClaims& shared, Finding& finding) {
  const auto is_tunnels = [&](const ResolvedScope* each) { return is_of_tunnel(facts, *each); };
  const auto tunnel = std::ranges::find_if(shared.scopes, is_tunnels);
  if (shared.is_by_default && tunnel != shared.scopes.end()) return add_choice(**tunnel, finding);
  const bool only_others =
      std::ranges::any_of(shared.scopes, is_tunnels) && !std::ranges::all_of(shared.scopes, is_tunnels);
  for (const ResolvedScope* scope : shared.scopes) {
    if (!only_others || !is_tunnels(scope)) add_renunciation(*scope, shared, finding);
  }
}

std::string meaning_of(const DnsFacts& facts, const SharedClaims& shared, Severity severity) {
  if (severity == Severity::kNotice) return "The first answer counts; all of these servers see what is asked.";
  const bool only_tunnels =
      std::ranges::all_of(shared.scopes, [&](const auto* each) { return is_of_tunnel(facts, *each); });
  return fmt::format(
      "The scopes have the same claim, so systemd-resolved asks all of them and takes the first answer: {}.",
      only_tunnels ? "each VPN sees, and may answer, what is meant for the other"
                   : "what is meant for the tunnel is seen, and may be answered, outside of it");
}

void add_shared(const DnsFacts& facts, const SharedClaims& shared, DnsFindings& findings) {
  Finding finding = make_finding("DNS005", {"interface", shared.scopes.back()->interface});
  for (const ResolvedScope* scope : shared.scopes) {
    if (is_of_tunnel(facts, *scope)) finding.subject.id = scope->interface;
  }
  if (finding.subject.id.empty()) finding.subject = {"host", "systemd-resolved"};
  finding.severity = severity_of(facts, shared);
  finding.title = fmt::format("{} are asked of {} at once", shared_names(shared), asked_words(shared.scopes));
  finding.detail = meaning_of(facts, shared, finding.severity);
  for (const ResolvedScope* scope : shared.scopes) finding.evidence.push_back(scope_evidence(facts, *scope));
  add_separation(facts, shared, finding);
  findings.push_back(std::move(finding));
}

/// Two ways to the same servers, as those of DHCP that resolved.conf repeats: nobody else learns anything.
bool ask_the_same(const DnsFacts& facts, const SharedClaims& shared) {
  const auto& servers = shared.scopes.front()->servers;
  return std::ranges::all_of(shared.scopes, [&](const ResolvedScope* each) {
    return !is_of_tunnel(facts, *each) && each->servers == servers;
  });
}

}  // namespace

void check_parallel_scopes(const DnsFacts& facts, DnsFindings& findings) {
  for (const SharedClaims& shared : shared_claims(facts)) {
    if (!ask_the_same(facts, shared)) add_shared(facts, shared, findings);
  }
}

}  // namespace vpndoctor
