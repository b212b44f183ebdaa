// SPDX-License-Identifier: Apache-2.0
// The parts of the model of systemd-resolved: what answers before any scope is looked at, the score of each scope, and
// what a chosen scope sends. See dns_explain.h for the whole.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/dns_explain.h"

namespace vpndoctor {

/// When the global scope takes its fallback servers (manager_get_dns_server()).
enum class ResolvedFallbackRule : std::uint8_t {
  kNoLinkHasServers,     ///< until 256
  kNoDefaultRouteIsSet,  ///< 257: no link has servers and a DefaultRoute= that is not "no"; unset counts as "yes"
  kNoDefaultRouteLives,  ///< 262: no live scope with servers is a default route in effect
};

/// Where the versions of systemd-resolved differ.
struct ResolvedRules {
  bool stub_hosts = false;  ///< _localdnsstub and _localdnsproxy (253)
  ResolvedFallbackRule fallback = ResolvedFallbackRule::kNoLinkHasServers;
  /// Fallback servers are a last resort; names of the host itself, below alt and resolver.arpa stay here; LLMNR and
  /// mDNS take few types; /etc/hosts answers every type (257).
  bool modern = false;
};

/// One question to systemd-resolved in its surroundings.
struct ResolvedQuestion {
  const Snapshot& snapshot;
  const ResolvedState& state;
  std::vector<ResolvedScope> scopes;  ///< those of `state`, and the global one in any case
  std::string name;                   ///< canonical
  std::uint16_t type = kDnsTypeA;
  bool no_search = false;  ///< SD_RESOLVED_NO_SEARCH
  std::string pinned_interface;
  ResolvedRules rules;
  bool resolves_single_label = false;  ///< ResolveUnicastSingleLabel=
};

enum class ResolvedScopeProtocol : std::uint8_t { kDns, kLlmnr, kMdns };

/// A scope with its verdict. `scope` points into the question.
struct ScopeVerdict {
  const ResolvedScope* scope = nullptr;
  ResolvedScopeProtocol protocol = ResolvedScopeProtocol::kDns;
  DnsCandidate candidate;
  std::vector<DnsServer> servers;  ///< of DNS, the current one first
  bool has_inet = false;           ///< of LLMNR and mDNS: the scope of this family has the candidate's score
  bool has_inet6 = false;
  DnsScore possible;      ///< the score that it may have in truth; that of the candidate when that is certain
  std::string uncertain;  ///< why the candidate may be wrong; empty: certain
};

/// The servers that the global scope has now (manager_get_dns_server()).
struct GlobalServers {
  std::vector<DnsServer> servers;  ///< the current one first
  bool are_fallback = false;
  std::string why_none;
  std::string uncertain;
};
GlobalServers global_servers(const ResolvedQuestion& question);

/// Puts the current server first.
std::vector<DnsServer> with_current_first(const ResolvedScope& scope);

/// The question may be put to a scope at all: no pinning, no name that stays here. Gives the reason when it may not.
std::string why_every_scope_refuses(const ResolvedQuestion& question);

/// Scores a scope by dns_scope_good_domain(): DNS, and LLMNR and mDNS where they are live. Scopes of which nothing is
/// configured have no verdict.
std::vector<ScopeVerdict> scope_verdicts(const ResolvedQuestion& question);

/// What a local answer is: from where, and in a sentence; nullopt: no such answer.
struct LocalAnswer {
  std::string from;  ///< "/etc/hosts", "systemd-resolved"
  std::string sentence;
};
/// dns_query_try_etc_hosts(): asked before any scope.
std::optional<LocalAnswer> hosts_answer(const ResolvedQuestion& question);
/// dns_synthesize_answer(): used when no scope takes the name, or none answers it.
std::optional<LocalAnswer> synthesized_answer(const ResolvedQuestion& question);

/// Appends what a chosen scope sends. Says in a note when it is chosen and yet sends nothing.
void append_queries(const ResolvedQuestion& question, const ScopeVerdict& verdict, DnsPath& path);

/// Fills in where queries to global servers leave, and notes servers of a link that the routes reach over another one.
void add_routes_to_servers(const ResolvedQuestion& question, DnsPath& path);

/// dns_scope_has_route_only_domains(): some, and "." is not among its domains.
bool has_route_only_domains(const ResolvedScope& scope);
/// dns_scope_is_default_route()
bool is_default_scope(const ResolvedScope& scope);

/// "global", "tun0", "delegate x"
std::string scope_name(const ResolvedScope& scope);

}  // namespace vpndoctor
