// SPDX-License-Identifier: Apache-2.0
// Which servers a scope of systemd-resolved has now: the current one first, and of the global scope its own or the
// fallback ones (manager_get_dns_server() of resolved-dns-server.c).
#include <fmt/format.h>

#include <algorithm>

#include "dns_explain_resolved.h"
#include "resolved_scope_state.h"

namespace vpndoctor {

namespace {

/// The first link or delegate with servers that `decides`; null: none does.
template <class Decides>
const ResolvedScope* find_server_scope(const ResolvedQuestion& question, const Decides& decides) {
  const auto found = std::ranges::find_if(question.scopes, [&](const ResolvedScope& scope) {
    return scope.kind != ResolvedScope::Kind::kGlobal && !scope.servers.empty() && decides(scope);
  });
  return found == question.scopes.end() ? nullptr : &*found;
}

/// The scope that keeps fallback servers from being used; null: none does.
const ResolvedScope* scope_instead_of_fallback(const ResolvedQuestion& question, std::string& uncertain) {
  switch (question.rules.fallback) {
    case ResolvedFallbackRule::kNoLinkHasServers:
      return find_server_scope(question,
                               [](const ResolvedScope& scope) { return scope.kind == ResolvedScope::Kind::kLink; });
    case ResolvedFallbackRule::kNoDefaultRouteLives:
      return find_server_scope(question, [&](const ResolvedScope& scope) {
        return is_default_scope(scope) && why_scope_is_inert(question.snapshot, scope).empty();
      });
    case ResolvedFallbackRule::kNoDefaultRouteIsSet:
      break;
  }
  // The daemon looks at the setting itself, where none counts as "yes". It tells what is in effect, which is "no" also
  // without a setting when a domain is route-only; networkd's files tell the setting.
  const auto is_set = [](const ResolvedScope& scope) { return scope.default_route.value_or(true); };
  if (const ResolvedScope* scope = find_server_scope(question, is_set)) return scope;
  if (question.state.source == ResolvedState::Source::kFiles) return nullptr;
  if (const ResolvedScope* scope = find_server_scope(question, has_route_only_domains)) {
    uncertain = fmt::format("fallback servers are used only if DefaultRoute=no is set for {}, which is not known",
                            scope_name(*scope));
  }
  return nullptr;
}

bool is_fallback(const ResolvedState& state, const std::optional<DnsServer>& server) {
  return server && std::ranges::find(state.fallback_servers, *server) != state.fallback_servers.end();
}

}  // namespace

bool has_route_only_domains(const ResolvedScope& scope) {
  if (std::ranges::find(scope.domains, ".", &DnsDomain::name) != scope.domains.end()) return false;
  return std::ranges::any_of(scope.domains, &DnsDomain::route_only);
}

bool is_default_scope(const ResolvedScope& scope) {
  if (scope.kind == ResolvedScope::Kind::kGlobal) return true;
  const bool is_delegate = scope.kind == ResolvedScope::Kind::kDelegate;
  return scope.default_route.value_or(!is_delegate && !has_route_only_domains(scope));
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
  const auto scope = std::ranges::find(question.scopes, ResolvedScope::Kind::kGlobal, &ResolvedScope::kind);
  GlobalServers global;
  global.servers = with_current_first(*scope);
  if (!global.servers.empty()) return global;
  // What it uses already, it goes on to use.
  const bool is_in_use = is_fallback(question.state, scope->current_server);
  const ResolvedScope* instead = is_in_use ? nullptr : scope_instead_of_fallback(question, global.uncertain);
  if (instead != nullptr) {
    global.why_none = fmt::format("it has no server, and its fallback servers are not used because {} has one{}",
                                  scope_name(*instead), question.rules.modern ? " and is a default route" : "");
    return global;
  }
  global.servers = question.state.fallback_servers;
  if (is_in_use) std::ranges::rotate(global.servers, std::ranges::find(global.servers, *scope->current_server));
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
