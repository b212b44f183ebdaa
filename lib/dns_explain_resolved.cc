// SPDX-License-Identifier: Apache-2.0
// The model of systemd-resolved (src/resolve of systemd 252, 257 and 258): dns_query_go() of resolved-dns-query.c. All
// scopes with the best score are asked at once.
#include "dns_explain_resolved.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "dns_reverse.h"
#include "resolved_adoption.h"
#include "resolved_names.h"
#include "resolved_scope_state.h"

namespace vpndoctor {

namespace {

// Versions whose rules were read or measured; those between have the rules of one of their neighbours.
constexpr auto kKnownVersions = std::to_array<unsigned>({252, 257, 262});
constexpr unsigned kStubHosts = 253;
constexpr std::uint16_t kTypeDs = 43;

/// dns_type_is_valid_query(), dns_type_is_obsolete(), dns_type_is_zone_transfer()
bool is_refused_type(std::uint16_t type) {
  constexpr std::array<std::uint16_t, 19> kRefused = {0,  3,  4,  7,   8,   9,   10,  11,  14, 30,
                                                      38, 41, 46, 249, 250, 251, 252, 253, 254};
  return std::ranges::find(kRefused, type) != kRefused.end();
}

ResolvedRules rules_of(unsigned version) {
  ResolvedRules rules;
  rules.stub_hosts = version >= kStubHosts;
  rules.modern = version >= kKnownVersions[1];
  if (rules.modern) rules.fallback = ResolvedFallbackRule::kNoDefaultRouteIsSet;
  if (version >= kKnownVersions[2]) rules.fallback = ResolvedFallbackRule::kNoDefaultRouteLives;
  return rules;
}

std::vector<ResolvedScope> scopes_of(const ResolvedState& state) {
  std::vector<ResolvedScope> scopes = state.scopes;
  if (std::ranges::find(scopes, ResolvedScope::Kind::kGlobal, &ResolvedScope::kind) != scopes.end()) return scopes;
  ResolvedScope global;
  if (state.settings.is_known()) {
    global.servers = state.settings->dns;
    global.domains = state.settings->domains;
  }
  scopes.insert(scopes.begin(), std::move(global));
  return scopes;
}

void say_uncertain(DnsPath& path, std::string_view why) {
  if (path.uncertain.empty()) path.uncertain = why;
}

bool answer_here(DnsPath& path, const std::optional<LocalAnswer>& answer) {
  if (!answer) return false;
  path.is_answered_here = true;
  path.answered_by = answer->from;
  path.steps.push_back(answer->sentence);
  return true;
}

/// Facets that could change the answer and are missing.
void say_what_is_missing(const ResolvedQuestion& question, DnsPath& path) {
  const Snapshot& snapshot = question.snapshot;
  const auto& settings = question.state.settings;
  const bool reads_hosts = !settings.is_known() || settings->read_etc_hosts != false;
  if (!question.state.foreign.empty()) {
    say_uncertain(path, fmt::format("systemd-resolved is in another network namespace: {}", question.state.foreign));
  }
  if (reads_hosts && !snapshot.dns.hosts.is_known()) {
    say_uncertain(path, fmt::format("/etc/hosts is not known ({})", snapshot.dns.hosts.why_missing()));
  }
  if (is_single_label(question.name) && !settings.is_known()) {
    say_uncertain(path, fmt::format("ResolveUnicastSingleLabel= is not known ({})", settings.why_missing()));
  }
  if (is_single_label(question.name) && snapshot.host_name.empty()) {
    say_uncertain(path, "this machine's own name is not known");
  }
  if (address_of_reverse_name(question.name) && !snapshot.addresses.is_known()) {
    say_uncertain(path, fmt::format("addresses are not known ({})", snapshot.addresses.why_missing()));
  }
  const bool is_for_multicast = is_single_label(question.name) || is_below_domain(question.name, "local") ||
                                is_below_domain(question.name, "arpa");
  for (const auto& scope : question.scopes) {
    if (!is_for_multicast) break;
    say_uncertain(path, resolved_scope_state(snapshot, scope).uncertain_multicast);
  }
  const bool is_beyond_ascii =
      std::ranges::any_of(question.name, [](char c) { return static_cast<signed char>(c) < 0; });
  if (is_beyond_ascii) say_uncertain(path, "the name is sent in its IDNA form, which is not worked out here");
}

/// A verdict that may be wrong matters when its scope is among the best, or might have been.
void choose(const ResolvedQuestion& question, std::vector<ScopeVerdict>& verdicts, DnsPath& path) {
  DnsScore best;
  for (const auto& verdict : verdicts) best = std::max(best, verdict.candidate.score);
  for (auto& verdict : verdicts) {
    verdict.candidate.chosen = best.rank != DnsScore::Rank::kNo && verdict.candidate.score == best;
    const bool may_matter = verdict.possible.rank != DnsScore::Rank::kNo && verdict.possible >= best;
    if (may_matter && !verdict.uncertain.empty()) say_uncertain(path, verdict.uncertain);
    if (verdict.candidate.chosen) append_queries(question, verdict, path);
  }
  for (const auto& verdict : verdicts) path.candidates.push_back(verdict.candidate);
}

void say_who_answers(const ResolvedQuestion& question, DnsPath& path) {
  std::vector<const DnsQuery*> first;
  for (const auto& query : path.asked) {
    if (query.only_if.empty()) first.push_back(&query);
  }
  path.parallel = first.size() > 1;
  const auto local = synthesized_answer(question);
  if (first.empty()) {
    if (!answer_here(path, local)) path.notes.push_back("systemd-resolved asks nobody, and the name does not resolve");
    return;
  }
  if (path.parallel) {
    path.notes.push_back("all of them are asked at once; the first success is the answer");
  } else {
    path.answered_by = first.front()->server ? first.front()->server->to_string() : first.front()->protocol;
  }
  if (local) path.notes.push_back(fmt::format("if that fails: {}", local->sentence));
}

DnsPath explain_by_rules(ResolvedQuestion& question, const ResolvedRules& rules) {
  question.rules = rules;
  DnsPath path;
  say_what_is_missing(question, path);
  if (answer_here(path, hosts_answer(question))) return path;
  auto verdicts = scope_verdicts(question);
  choose(question, verdicts, path);
  say_who_answers(question, path);
  return path;
}

/// What is sent, or who answers here, is the same.
bool is_same_answer(const DnsPath& left, const DnsPath& right) {
  const auto is_same_query = [](const DnsQuery& a, const DnsQuery& b) {
    return a.server == b.server && a.name == b.name && a.protocol == b.protocol && a.scope == b.scope &&
           a.only_if.empty() == b.only_if.empty();
  };
  return left.is_answered_here == right.is_answered_here && std::ranges::equal(left.asked, right.asked, is_same_query);
}

/// The versions whose rules the daemon's may be: one when they are known.
std::vector<unsigned> possible_versions(std::optional<unsigned> version) {
  if (!version) return {kKnownVersions.begin(), kKnownVersions.end()};
  const auto above = std::ranges::lower_bound(kKnownVersions, *version);
  if (above == kKnownVersions.begin() || above == kKnownVersions.end() || *above == *version) return {*version};
  return {*version, *above};
}

/// Explains by the rules of the version; where they are not known for certain, says whether it matters.
DnsPath explain_by_version(ResolvedQuestion& question) {
  const auto version = question.state.version;
  const auto versions = possible_versions(version);
  DnsPath path = explain_by_rules(question, rules_of(versions.front()));
  const ResolvedRules rules = question.rules;
  for (std::size_t i = 1; i < versions.size(); ++i) {
    if (is_same_answer(path, explain_by_rules(question, rules_of(versions[i])))) continue;
    const std::string which = version ? fmt::format("it is not known which rules systemd-resolved {} has", *version)
                                      : std::string("the version of systemd-resolved is not known");
    path.uncertain = fmt::format("{}, and those of {} give another answer", which, versions[i]);
    break;
  }
  question.rules = rules;
  return path;
}

/// Explains with the global scope as the next question finds it; where that is not certain, says whether it matters.
DnsPath explain_by_file(ResolvedQuestion& question) {
  ResolvedScope& global = *std::ranges::find(question.scopes, ResolvedScope::Kind::kGlobal, &ResolvedScope::kind);
  const auto adoption = adopted_global_scope(question.snapshot, global);
  if (!adoption) {
    DnsPath path = explain_by_version(question);
    if (!path.is_answered_here) say_uncertain(path, why_adoption_unknown(question.snapshot));
    return path;
  }
  DnsPath as_before;
  const bool is_certain = adoption->uncertain.empty();
  if (!is_certain) as_before = explain_by_version(question);
  global = adoption->global;
  DnsPath path = explain_by_version(question);
  if (!is_certain && !is_same_answer(path, as_before)) say_uncertain(path, adoption->uncertain);
  if (path.is_answered_here) return path;
  path.notes.push_back(
      fmt::format("systemd-resolved reads {} first, which is not its own file: its servers and search domains become "
                  "those of the global scope",
                  question.snapshot.dns.resolv_conf->path));
  return path;
}

bool has_stub(const ResolvedState& state) {
  const std::string& listener =
      !state.stub_listener.empty() || !state.settings.is_known() ? state.stub_listener : state.settings->stub_listener;
  return listener != "no";
}

/// Why this way is none; empty: it is one.
std::string why_no_way(const Snapshot& snapshot, bool through_stub) {
  const auto& resolved = snapshot.dns.resolved;
  if (!resolved.is_known()) return fmt::format("systemd-resolved is not known ({})", resolved.why_missing());
  if (resolved->runs == false) return "systemd-resolved does not run";
  if (through_stub && !has_stub(*resolved)) return "systemd-resolved has no stub (DNSStubListener=no)";
  return {};
}

/// What is settled before the daemon's rules: a name or a type that it takes from nobody, an address instead of a name.
bool is_settled(const DnsQuestion& question, const std::string& name, bool through_stub, DnsPath& path) {
  if (is_refused_type(question.type)) {
    path.notes.push_back("systemd-resolved refuses questions of this type");
    return true;
  }
  if (!is_valid_dns_name(name)) {
    path.notes.push_back("this is no valid DNS name, systemd-resolved asks nobody for it");
    return true;
  }
  if (name == "." && question.type == kTypeDs) {
    return answer_here(path, LocalAnswer{"systemd-resolved", "the root's trust anchor is built in"});
  }
  if (through_stub || !IpAddress::parse(question.name)) return false;
  return answer_here(path, LocalAnswer{"systemd-resolved", "this is an address and no name"});
}

}  // namespace

DnsPath explain_resolved(const Snapshot& snapshot, const DnsQuestion& question, bool through_stub,
                         const std::string& pinned_interface) {
  DnsPath path;
  if (std::string why = why_no_way(snapshot, through_stub); !why.empty()) {
    path.why_none = std::move(why);
  } else if (const std::string name = canonical_dns_name(question.name);
             !is_settled(question, name, through_stub, path)) {
    const ResolvedState& state = *snapshot.dns.resolved;
    ResolvedQuestion asked{.snapshot = snapshot,
                           .state = state,
                           .scopes = scopes_of(state),
                           .name = name,
                           .type = question.type,
                           .no_search = through_stub || question.name.ends_with('.'),
                           .pinned_interface = pinned_interface,
                           .rules = {}};
    asked.resolves_single_label = state.settings.is_known() && state.settings->resolve_single_label == true;
    path = explain_by_file(asked);
    add_routes_to_servers(asked, path);
  }
  path.caller = question.caller;
  path.interface = question.interface;
  return path;
}

}  // namespace vpndoctor
