// SPDX-License-Identifier: Apache-2.0
// The scopes of systemd-resolved, resolv.conf and macOS in the shape of the overview. Those of dnsmasq are in
// dns_scope_views_dnsmasq.cc.
#include "dns_scope_views.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "dns_ground.h"
#include "resolved_scope_state.h"

namespace vpndoctor {
namespace {

const char* source_text(ResolvedState::Source source) {
  switch (source) {
    case ResolvedState::Source::kVarlink:
      return "systemd-resolved over varlink";
    case ResolvedState::Source::kDbus:
      return "systemd-resolved over D-Bus";
    case ResolvedState::Source::kFiles:
      break;
  }
  return "what systemd-networkd tells systemd-resolved";
}

std::vector<std::string> protocol_names(std::uint64_t bits) {
  std::vector<std::string> names;
  if ((bits & kResolvedDns) != 0) names.emplace_back("dns");
  if ((bits & (kResolvedLlmnrIpv4 | kResolvedLlmnrIpv6)) != 0) names.emplace_back("llmnr");
  if ((bits & (kResolvedMdnsIpv4 | kResolvedMdnsIpv6)) != 0) names.emplace_back("mdns");
  return names;
}

std::string id_of(const ResolvedScope& scope) {
  switch (scope.kind) {
    case ResolvedScope::Kind::kLink:
      return scope.interface.empty() ? fmt::format("link #{}", scope.interface_index) : scope.interface;
    case ResolvedScope::Kind::kDelegate:
      return "delegate " + scope.delegate;
    case ResolvedScope::Kind::kGlobal:
      break;
  }
  return "global";
}

/// A scope without servers is there for LLMNR and mDNS alone.
void judge_life(const Snapshot& snapshot, const ResolvedScope& scope, DnsScopeView& view) {
  const ResolvedScopeState state = resolved_scope_state(snapshot, scope);
  const bool has_servers = !scope.servers.empty();
  const bool answers = has_servers ? (state.protocols & kResolvedDns) != 0 : state.protocols != 0;
  view.why_not_live = state.uncertain;
  if (!has_servers && !answers && state.uncertain.empty()) view.why_not_live = state.uncertain_multicast;
  if (!view.why_not_live.empty()) return;
  view.protocols = protocol_names(state.protocols);
  view.live = answers;
  if (!answers) view.why_not_live = state.why_no_dns;
}

DnsScopeView view_of(const Snapshot& snapshot, const ResolvedState& resolved, const ResolvedScope& scope) {
  DnsScopeView view;
  view.id = id_of(scope);
  view.interface = scope.interface;
  view.is_tunnel = !scope.interface.empty() && resolved.foreign.empty() && is_tunnel(snapshot, scope.interface);
  view.servers = scope.servers;
  view.current_server = scope.current_server;
  view.domains = scope.domains;
  view.default_route = scope.default_route;
  view.source = source_text(resolved.source);
  judge_life(snapshot, scope, view);
  return view;
}

bool has_anything(const ResolvedScope& scope) {
  return scope.kind == ResolvedScope::Kind::kGlobal || !scope.servers.empty() || !scope.domains.empty() ||
         scope.live_protocols.value_or(0) != 0;
}

/// A loopback address at which nobody listens, as far as that is known.
bool is_dead_loopback(const Snapshot& snapshot, const DnsServer& server) {
  if (!server.address.is_loopback() || !snapshot.dns.listeners.is_complete()) return false;
  return std::ranges::none_of(*snapshot.dns.listeners, [&server](const DnsListener& listener) {
    const DnsServer& own = listener.server;
    return own.port == server.port && (own.address == server.address || own.address.is_unspecified());
  });
}

/// No interface beside the loopback carries anything, as far as that is known.
bool is_without_network(const Snapshot& snapshot) {
  if (!snapshot.links.is_complete()) return false;
  return std::ranges::none_of(
      *snapshot.links, [](const Link& link) { return !link.is_loopback() && link.is_up() && link.is_running(); });
}

/// Why a server of resolv.conf cannot be asked; empty when it may.
std::string why_dead(const Snapshot& snapshot, const DnsServer& server) {
  if (is_dead_loopback(snapshot, server)) return "nothing listens on " + server.to_string();
  const bool is_own = server.address.is_loopback() || is_own_address(snapshot, server.address);
  return !is_own && is_without_network(snapshot) ? "no network interface is up" : "";
}

const char* macos_section_text(MacosResolver::Section section) {
  switch (section) {
    case MacosResolver::Section::kScoped:
      return "scoped resolver";
    case MacosResolver::Section::kServiceSpecific:
      return "service resolver";
    case MacosResolver::Section::kUnscoped:
      break;
  }
  return "resolver";
}

bool is_multicast(const MacosResolver& resolver) { return resolver.options.find("mdns") != std::string::npos; }

void judge_life(const MacosResolver& resolver, DnsScopeView& view) {
  const bool multicasts = is_multicast(resolver);  // of which macOS always says that it is not reachable
  if (resolver.interface_index && resolver.interface.empty()) {
    view.live = false;
    view.why_not_live = "its interface is gone";
  } else if (!multicasts && std::ranges::count(resolver.reach, "Not Reachable") != 0) {
    view.live = false;
    view.why_not_live = "macOS cannot reach its servers";
  } else if (multicasts || !resolver.reach.empty()) {
    view.live = true;
  } else {
    view.why_not_live = "macOS does not say whether it can reach its servers";
  }
}

DnsScopeView view_of(const Snapshot& snapshot, const MacosResolver& resolver) {
  DnsScopeView view;
  view.id = fmt::format("{} #{}", macos_section_text(resolver.section), resolver.number);
  view.interface = resolver.interface;
  view.is_tunnel = !resolver.interface.empty() && is_tunnel(snapshot, resolver.interface);
  view.servers = resolver.servers;
  if (!resolver.domain.empty()) view.domains.push_back({resolver.domain, true});
  for (const std::string& search : resolver.search) view.domains.push_back({search, false});
  if (resolver.section == MacosResolver::Section::kUnscoped) view.default_route = resolver.domain.empty();
  view.protocols = {is_multicast(resolver) ? "mdns" : "dns"};
  view.source = "scutil --dns";
  judge_life(resolver, view);
  return view;
}

}  // namespace

std::string why_link_is_dead(const Snapshot& snapshot, std::string_view interface) {
  if (interface.empty() || !snapshot.links.is_complete()) return {};
  const Link* link = snapshot.find_link(interface);
  if (link == nullptr) return "is gone";
  if (!link->is_up()) return "is down";
  return link->is_running() ? "" : "has no carrier";
}

std::vector<DnsScopeView> scopes_of_resolved(const Snapshot& snapshot, const ResolvedState& resolved) {
  std::vector<DnsScopeView> views;
  for (const ResolvedScope& scope : resolved.scopes) {
    if (has_anything(scope)) views.push_back(view_of(snapshot, resolved, scope));
  }
  return views;
}

std::vector<DnsScopeView> scopes_of_resolv_conf(const Snapshot& snapshot, const Observed<ResolvConf>& file) {
  if (!file) return {};
  DnsScopeView view;
  view.id = "resolv.conf";
  view.servers = file->used_servers;
  for (const std::string& domain : file->used_search) view.domains.push_back({domain, false});
  view.default_route = true;
  view.protocols = {"dns"};
  view.source = file->path;
  const auto is_dead = [&snapshot](const DnsServer& server) { return !why_dead(snapshot, server).empty(); };
  view.live = view.servers.empty() || !std::ranges::all_of(view.servers, is_dead);
  if (!*view.live) view.why_not_live = why_dead(snapshot, view.servers.front());
  return {std::move(view)};
}

std::vector<DnsScopeView> scopes_of_macos(const Snapshot& snapshot, const MacosDns& macos) {
  std::vector<DnsScopeView> views;
  for (const MacosResolver& resolver : macos.resolvers) {
    if (!resolver.servers.empty() || is_multicast(resolver)) views.push_back(view_of(snapshot, resolver));
  }
  return views;
}

}  // namespace vpndoctor
