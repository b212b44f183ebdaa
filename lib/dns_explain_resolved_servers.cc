// SPDX-License-Identifier: Apache-2.0
// Which servers a scope of systemd-resolved has now: the current one first, and of the global scope its own or the
// fallback ones (manager_get_dns_server() of resolved-dns-server.c).
#include <fmt/format.h>

#include <algorithm>

#include "dns_explain_resolved.h"

namespace vpndoctor {

namespace {

bool has_servers(const ResolvedScope& scope) {
  return scope.kind != ResolvedScope::Kind::kGlobal && !scope.servers.empty();
}

/// Why fallback servers are not used, by the version's rule; empty: they are.
std::string why_no_fallback(const ResolvedQuestion& question, std::string& uncertain) {
  for (const auto& scope : question.scopes) {
    if (!has_servers(scope)) continue;
    if (!question.rules.modern && scope.kind == ResolvedScope::Kind::kLink) {
      return fmt::format("it has no server, and fallback servers are not used because {} has one", scope_name(scope));
    }
    if (!question.rules.modern) continue;
    if (is_default_scope(scope)) {
      return fmt::format("it has no server, and fallback servers are not used because {} is a default route",
                         scope_name(scope));
    }
    // The daemon looks at the setting itself, where "not set" counts as a default route; it tells the effective value.
    if (has_route_only_domains(scope)) {
      uncertain = fmt::format("fallback servers are used only if DefaultRoute=no is set for {}, which is not known",
                              scope_name(scope));
    }
  }
  return {};
}

}  // namespace

bool has_route_only_domains(const ResolvedScope& scope) {
  if (std::ranges::find(scope.domains, ".", &DnsDomain::name) != scope.domains.end()) return false;
  return std::ranges::any_of(scope.domains, &DnsDomain::route_only);
}

bool is_default_scope(const ResolvedScope& scope) {
  if (scope.kind == ResolvedScope::Kind::kGlobal) return true;
  return scope.default_route.value_or(!has_route_only_domains(scope));
}

std::string scope_name(const ResolvedScope& scope) {
  switch (scope.kind) {
    case ResolvedScope::Kind::kGlobal:
      return "global";
    case ResolvedScope::Kind::kDelegate:
      return "delegate " + scope.delegate;
    case ResolvedScope::Kind::kLink:
      break;
  }
  return scope.interface;
}

std::vector<DnsServer> with_current_first(const ResolvedScope& scope) {
  std::vector<DnsServer> servers = scope.servers;
  if (!scope.current_server) return servers;
  const auto current = std::ranges::find(servers, *scope.current_server);
  // The next one after a failure is the one behind it, round the end of the list.
  if (current != servers.end()) std::ranges::rotate(servers, current);
  return servers;
}

GlobalServers global_servers(const ResolvedQuestion& question) {
  GlobalServers global;
  const auto scope = std::ranges::find(question.scopes, ResolvedScope::Kind::kGlobal, &ResolvedScope::kind);
  if (scope != question.scopes.end()) global.servers = with_current_first(*scope);
  if (!global.servers.empty()) return global;
  global.why_none = why_no_fallback(question, global.uncertain);
  if (!global.why_none.empty()) {
    global.uncertain.clear();
    return global;
  }
  global.servers = question.state.fallback_servers;
  global.are_fallback = true;
  if (!global.servers.empty()) return global;
  global.why_none = "it has no server, and there is no fallback server";
  const auto& settings = question.state.settings;
  const bool is_known =
      question.state.source != ResolvedState::Source::kFiles || (settings.is_known() && settings->has_fallback_setting);
  global.uncertain = is_known ? "" : "the fallback servers that systemd-resolved was built with are not known";
  return global;
}

}  // namespace vpndoctor
