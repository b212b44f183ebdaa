// SPDX-License-Identifier: Apache-2.0
// Whom systemd-resolved asks for a domain, and how its scopes are worded. Single labels and reverse names have rules of
// their own, which are not here.
#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "dns_checks.h"
#include "resolved_scope_state.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostListed = 3;

template <class T>
std::vector<std::string> texts_of(const std::vector<T>& values, const auto& text) {
  std::vector<std::string> texts;
  texts.reserve(values.size());
  for (const T& value : values) texts.push_back(text(value));
  return texts;
}

/// DnsScopeMatch: what a scope says to a name.
enum class ScopeMatch : std::uint8_t { kNo, kMaybe, kYes };
struct ScopeScore {
  ScopeMatch match = ScopeMatch::kNo;
  unsigned labels = 0;
  auto operator<=>(const ScopeScore&) const = default;
};

ScopeScore score_of(const ResolvedScope& scope, std::string_view name) {
  ScopeScore score;
  for (const DnsDomain& domain : scope.domains) {
    if (is_below_domain(name, domain.name)) score = std::max(score, {ScopeMatch::kYes, count_labels(domain.name)});
  }
  if (score.match == ScopeMatch::kYes) return score;
  const bool takes_rest = scope.kind == ResolvedScope::Kind::kGlobal || scope.default_route.value_or(false);
  return {takes_rest ? ScopeMatch::kMaybe : ScopeMatch::kNo, 0};
}

}  // namespace

std::vector<const ResolvedScope*> live_scopes(const Snapshot& snapshot) {
  std::vector<const ResolvedScope*> live;
  const ResolvedState* resolved = snapshot.dns.resolved.get();
  if (resolved == nullptr || !resolved->foreign.empty() || !resolved->runs.value_or(true)) return live;
  for (const ResolvedScope& scope : resolved->scopes) {
    if (!scope.servers.empty() && why_scope_is_inert(snapshot, scope).empty()) live.push_back(&scope);
  }
  return live;
}

bool takes_everything(const ResolvedScope& scope) {
  return std::ranges::any_of(scope.domains, [](const DnsDomain& domain) { return domain.name == "."; });
}

std::vector<const ResolvedScope*> asked_for(const DnsFacts& facts, std::string_view name) {
  std::vector<const ResolvedScope*> asked;
  ScopeScore best;
  for (const ResolvedScope* scope : facts.live) {
    const ScopeScore score = score_of(*scope, name);
    if (score.match == ScopeMatch::kNo || score < best) continue;
    if (score > best) asked.clear();
    best = score;
    asked.push_back(scope);
  }
  return asked;
}

std::string listed(const std::vector<std::string>& names) {
  const std::size_t shown = names.size() <= kMostListed + 1 ? names.size() : kMostListed;
  std::string text;
  for (std::size_t i = 0; i < shown; ++i) {
    const bool is_last = i + 1 == names.size();
    if (i != 0) text += is_last ? " and " : ", ";
    text += names[i];
  }
  if (shown < names.size()) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

std::string scope_words(const ResolvedScope& scope) {
  switch (scope.kind) {
    case ResolvedScope::Kind::kGlobal:
      return "the global scope";
    case ResolvedScope::Kind::kDelegate:
      return "the delegate " + scope.delegate;
    case ResolvedScope::Kind::kLink:
      break;
  }
  return scope.interface;
}

std::string domain_words(const std::vector<DnsDomain>& domains) {
  return listed(texts_of(domains, [](const DnsDomain& each) { return (each.route_only ? "~" : "") + each.name; }));
}

std::string server_words(const std::vector<DnsServer>& servers) {
  return listed(texts_of(servers, [](const DnsServer& each) { return each.to_string(); }));
}

Command set_domains(const ResolvedScope& scope, const std::vector<std::string>& before) {
  std::vector<std::string> argv{"resolvectl", "domain", scope.interface};
  argv.insert(argv.end(), before.begin(), before.end());
  for (const DnsDomain& domain : scope.domains) argv.push_back((domain.route_only ? "~" : "") + domain.name);
  return root_command(std::move(argv));
}

std::string asked_words(const std::vector<const ResolvedScope*>& scopes) {
  return listed(texts_of(scopes, [](const ResolvedScope* scope) {
    return fmt::format("{} ({})", server_words(scope->servers), scope_words(*scope));
  }));
}

bool is_reverse_zone(std::string_view name) {
  return is_below_domain(name, "in-addr.arpa") || is_below_domain(name, "ip6.arpa");
}

}  // namespace vpndoctor
