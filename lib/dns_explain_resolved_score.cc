// SPDX-License-Identifier: Apache-2.0
// The score of each scope of systemd-resolved: dns_scope_good_domain() of resolved-dns-scope.c, rule by rule in its
// order, each with the sentence that says why.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "dns_explain_resolved.h"
#include "dns_reverse.h"
#include "resolved_names.h"
#include "resolved_scope_state.h"

namespace vpndoctor {

namespace {

using Rank = DnsScore::Rank;

struct Score {
  DnsScore score;
  std::string rule;
  std::string matched_domain;
};

Score no(std::string rule) { return {{Rank::kNo, 0}, std::move(rule), {}}; }
Score yes(unsigned labels, std::string rule, std::string domain = {}) {
  return {{Rank::kYes, labels}, std::move(rule), std::move(domain)};
}

/// The longest of the scope's domains that the name equals or lies below; null: none fits.
const DnsDomain* longest_match(const ResolvedScope& scope, const std::string& name) {
  const DnsDomain* best = nullptr;
  for (const auto& domain : scope.domains) {
    if (!is_below_domain(name, domain.name)) continue;
    if (best == nullptr || count_labels(domain.name) > count_labels(best->name)) best = &domain;
  }
  return best;
}

const DnsDomain* first_search_domain(const ResolvedScope& scope) {
  const auto found = std::ranges::find_if(
      scope.domains, [](const DnsDomain& domain) { return !domain.route_only && domain.name != "."; });
  return found == scope.domains.end() ? nullptr : &*found;
}

std::string shown(const DnsDomain& domain) { return (domain.route_only ? "~" : "") + domain.name; }

/// match_subnet_reverse_lookups(): nullopt when no subnet of the link has the address.
std::optional<Score> subnet_score(const ResolvedQuestion& question, const ResolvedScope& scope, bool exclude_own) {
  const auto address = address_of_reverse_name(question.name);
  if (scope.kind != ResolvedScope::Kind::kLink || !address) return std::nullopt;
  if (!question.snapshot.addresses.is_known()) return std::nullopt;
  for (const auto& own : *question.snapshot.addresses) {
    if (own.interface != scope.interface || own.address.family != address->family) continue;
    if (exclude_own && own.address == *address) return no(fmt::format("{} is this machine's own address", *address));
    if (question.rules.modern && own.broadcast == *address) {
      return no(fmt::format("{} is the broadcast address of {}", *address, scope.interface));
    }
    const IpPrefix subnet = IpPrefix::of(own.address, own.prefix_length);
    if (subnet.contains(*address)) return yes(0, fmt::format("{} is in its subnet {}", *address, subnet));
  }
  return std::nullopt;
}

Score default_route_score(const ResolvedScope& scope, bool are_fallback) {
  if (!is_default_scope(scope)) return no("no domain of it fits, and it is not a default route");
  if (are_fallback) {
    return {{Rank::kLastResort, 0}, "its servers are the fallback ones, asked when nothing else takes the name", {}};
  }
  return {{Rank::kMaybe, 0},
          scope.kind == ResolvedScope::Kind::kGlobal
              ? "no domain of it fits, but global servers take what no scope claims"
              : "no domain of it fits, but it is a default route, which takes what no scope claims",
          {}};
}

/// The part of dns_scope_good_domain() about domains; nullopt: none of them decides.
std::optional<Score> domain_score(const ResolvedQuestion& question, const ResolvedScope& scope) {
  if (is_single_label(question.name)) {
    if (const DnsDomain* search = first_search_domain(scope)) {
      return yes(1, fmt::format("it has the search domain {}, and the name is a single label", search->name),
                 search->name);
    }
    if (question.resolves_single_label) {
      return yes(1, "the name is a single label, and ResolveUnicastSingleLabel= is on");
    }
  }
  const DnsDomain* match = longest_match(scope, question.name);
  if (match == nullptr) return std::nullopt;
  const unsigned labels = count_labels(match->name);
  return yes(labels,
             match->name == "."
                 ? fmt::format("its domain {} takes every name", shown(*match))
                 : fmt::format("its domain {} fits with {} label{}", shown(*match), labels, labels == 1 ? "" : "s"),
             match->name);
}

Score dns_score(const ResolvedQuestion& question, const ResolvedScope& scope, bool are_fallback) {
  if (question.name == "." && (question.type == kDnsTypeA || question.type == kDnsTypeAaaa)) {
    return no("addresses of the root are asked nowhere");
  }
  if (auto score = domain_score(question, scope)) return *std::move(score);
  if (link_local_reverse_labels(question.name) > 0) {
    return no("no domain of it fits, and link-local addresses are looked up by LLMNR and mDNS alone");
  }
  if (is_below_domain(question.name, "local")) {
    return no("names below local go to mDNS, unless a domain of the scope claims them");
  }
  if (auto score = subnet_score(question, scope, false)) return *std::move(score);
  return default_route_score(scope, are_fallback);
}

/// dns_type_suitable_for_protocol(), systemd 257.
bool is_multicast_type(std::uint16_t type, ResolvedScopeProtocol protocol) {
  constexpr std::array<std::uint16_t, 6> kBoth = {kDnsTypeA,   kDnsTypeCname, kDnsTypePtr,
                                                  kDnsTypeTxt, kDnsTypeAaaa,  255};
  constexpr std::array<std::uint16_t, 3> kMdnsAlone = {13, kDnsTypeSrv, 47};  // HINFO, SRV, NSEC
  if (std::ranges::find(kBoth, type) != kBoth.end()) return true;
  return protocol == ResolvedScopeProtocol::kMdns && std::ranges::find(kMdnsAlone, type) != kMdnsAlone.end();
}

/// The rule of a name itself in LLMNR and mDNS.
Score multicast_name_score(const ResolvedQuestion& question, ResolvedScopeProtocol protocol) {
  const std::string& name = question.name;
  if (is_own_host_name(name, question.snapshot.host_name)) return no("it is this machine's own name");
  if (name == "local") return no("local itself is no host");
  if (protocol == ResolvedScopeProtocol::kMdns) {
    return is_below_domain(name, "local") ? yes(1, "it is a name below local", "local") : no("it is not below local");
  }
  return is_single_label(name) ? yes(1, "it is a single label") : no("LLMNR takes single labels only");
}

Score multicast_score(const ResolvedQuestion& question, const ResolvedScope& scope, ResolvedScopeProtocol protocol,
                      Family family) {
  if (question.rules.modern && !is_multicast_type(question.type, protocol)) {
    return no("it is not asked for this type");
  }
  if (const unsigned labels = link_local_reverse_labels(question.name)) {
    return yes(labels, "it is the reverse name of a link-local address");
  }
  const auto address = address_of_reverse_name(question.name);
  if (address && address->family == family) {
    if (auto score = subnet_score(question, scope, true)) return *std::move(score);
  }
  if (is_below_domain(question.name, family == Family::kInet ? "in-addr.arpa" : "ip6.arpa")) {
    return {{Rank::kLastResort, 0}, "it is a reverse name that nothing else may take", {}};
  }
  return multicast_name_score(question, protocol);
}

void apply(ScopeVerdict& verdict, Score score) {
  verdict.candidate.score = score.score;
  verdict.candidate.rule = std::move(score.rule);
  verdict.candidate.matched_domain = std::move(score.matched_domain);
}

std::string why_pinned_elsewhere(const ResolvedQuestion& question, const ResolvedScope& scope) {
  if (question.pinned_interface.empty()) return {};
  if (scope.kind == ResolvedScope::Kind::kLink && scope.interface == question.pinned_interface) return {};
  return fmt::format("the question is bound to {}", question.pinned_interface);
}

std::string why_refused(const ResolvedQuestion& question, const ResolvedScope& scope) {
  std::string why = why_pinned_elsewhere(question, scope);
  return why.empty() ? why_every_scope_refuses(question) : why;
}

/// Fills in the servers that the scope has now, and its score.
void score_with_servers(const ResolvedQuestion& question, ScopeVerdict& verdict) {
  const ResolvedScope& scope = *verdict.scope;
  GlobalServers now;
  if (scope.kind == ResolvedScope::Kind::kGlobal) {
    now = global_servers(question);
  } else {
    now.servers = with_current_first(scope);
    if (now.servers.empty()) now.why_none = "it has no server";
  }
  Score score = dns_score(question, scope, now.are_fallback);
  verdict.possible = score.score;
  apply(verdict, now.why_none.empty() ? std::move(score) : no(std::move(now.why_none)));
  verdict.servers = std::move(now.servers);
  if (!now.uncertain.empty()) verdict.uncertain = std::move(now.uncertain);
}

ScopeVerdict dns_verdict(const ResolvedQuestion& question, const ResolvedScope& scope) {
  ScopeVerdict verdict;
  verdict.scope = &scope;
  verdict.candidate.scope = scope_name(scope);
  const ResolvedScopeState state = resolved_scope_state(question.snapshot, scope);
  verdict.uncertain = state.uncertain;
  if (!state.why_no_dns.empty()) {
    apply(verdict, no(fmt::format("it is not live: {}", state.why_no_dns)));
    return verdict;
  }
  if (std::string why = why_refused(question, scope); !why.empty()) {
    apply(verdict, no(std::move(why)));
    return verdict;
  }
  score_with_servers(question, verdict);
  return verdict;
}

struct MulticastScope {
  ResolvedScopeProtocol protocol;
  const char* name;
  std::uint64_t inet;
  std::uint64_t inet6;
};

/// A protocol has a scope for each family; they are one candidate here, with the better score of the two.
std::optional<ScopeVerdict> multicast_verdict(const ResolvedQuestion& question, const ResolvedScope& scope,
                                              const MulticastScope& multicast) {
  const ResolvedScopeState state = resolved_scope_state(question.snapshot, scope);
  if (scope.kind != ResolvedScope::Kind::kLink || (state.protocols & (multicast.inet | multicast.inet6)) == 0) {
    return std::nullopt;
  }
  ScopeVerdict verdict;
  verdict.scope = &scope;
  verdict.protocol = multicast.protocol;
  verdict.candidate.scope = fmt::format("{} {}", multicast.name, scope_name(scope));
  const std::string why = why_refused(question, scope);
  for (const Family family : {Family::kInet, Family::kInet6}) {
    if ((state.protocols & (family == Family::kInet ? multicast.inet : multicast.inet6)) == 0) continue;
    Score score = why.empty() ? multicast_score(question, scope, multicast.protocol, family) : no(why);
    if (score.score < verdict.candidate.score) continue;
    if (score.score > verdict.candidate.score) verdict.has_inet = verdict.has_inet6 = false;
    apply(verdict, std::move(score));
    (family == Family::kInet ? verdict.has_inet : verdict.has_inet6) = true;
  }
  return verdict;
}

constexpr std::array kMulticastScopes = {
    MulticastScope{ResolvedScopeProtocol::kLlmnr, "llmnr", kResolvedLlmnrIpv4, kResolvedLlmnrIpv6},
    MulticastScope{ResolvedScopeProtocol::kMdns, "mdns", kResolvedMdnsIpv4, kResolvedMdnsIpv6}};

}  // namespace

std::string why_every_scope_refuses(const ResolvedQuestion& question) {
  const std::string& name = question.name;
  const ResolvedRules& rules = question.rules;
  if (is_localhost_name(name) || is_loopback_reverse_name(name)) return "names of this machine itself are never asked";
  if (is_never_resolved(name, rules.modern)) return "such a name is never asked (RFC 6303, RFC 6761)";
  if (rules.modern && is_resolver_discovery(name, question.type)) return "such a name is never asked (RFC 9462)";
  if (is_synthetic_host(name, rules.stub_hosts)) return "systemd-resolved makes this name up itself";
  if (rules.modern && is_own_host_name(name, question.snapshot.host_name)) {
    return "this machine's own name is never asked";
  }
  return {};
}

std::vector<ScopeVerdict> scope_verdicts(const ResolvedQuestion& question) {
  std::vector<ScopeVerdict> verdicts;
  for (const auto& scope : question.scopes) {
    const bool is_configured = !scope.servers.empty() || !scope.domains.empty();
    if (is_configured || scope.kind != ResolvedScope::Kind::kLink) verdicts.push_back(dns_verdict(question, scope));
    for (const auto& multicast : kMulticastScopes) {
      if (auto verdict = multicast_verdict(question, scope, multicast)) verdicts.push_back(*std::move(verdict));
    }
  }
  return verdicts;
}

}  // namespace vpndoctor
