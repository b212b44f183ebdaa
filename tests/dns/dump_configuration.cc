// SPDX-License-Identifier: Apache-2.0
// Prints what the probes read of the DNS daemons as JSON, field by field, for the tests with real daemons.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "vpndoctor/collect.h"
#include "vpndoctor/dns_collect.h"

namespace {

using nlohmann::json;
using namespace vpndoctor;

template <class T>
json maybe(const std::optional<T>& value) {
  return value ? json(*value) : json();
}

json servers(const std::vector<DnsServer>& list) {
  json texts = json::array();
  for (const DnsServer& server : list) texts.push_back(server.to_string());
  return texts;
}

json domains(const std::vector<DnsDomain>& list) {
  json texts = json::array();
  for (const DnsDomain& domain : list) texts.push_back((domain.route_only ? "~" : "") + domain.name);
  return texts;
}

json scope_json(const ResolvedScope& scope) {
  constexpr const char* kKinds[] = {"global", "link", "delegate"};
  return {{"kind", kKinds[static_cast<int>(scope.kind)]},
          {"interface", scope.interface},
          {"index", scope.interface_index},
          {"delegate", scope.delegate},
          {"servers", servers(scope.servers)},
          {"current", scope.current_server ? json(scope.current_server->to_string()) : json()},
          {"domains", domains(scope.domains)},
          {"default_route", maybe(scope.default_route)},
          {"live", maybe(scope.live_protocols)},
          {"llmnr", scope.llmnr},
          {"mdns", scope.multicast_dns},
          {"networkd", scope.networkd_state}};
}

json content(const ResolvedState& state) {
  constexpr const char* kSources[] = {"varlink", "dbus", "files"};
  json scopes = json::array();
  for (const ResolvedScope& scope : state.scopes) scopes.push_back(scope_json(scope));
  return {{"from", kSources[static_cast<int>(state.source)]},
          {"version", maybe(state.version)},
          {"mode", state.resolv_conf_mode},
          {"stub", state.stub_listener},
          {"runs", maybe(state.runs)},
          {"scopes", scopes},
          {"fallback", servers(state.fallback_servers)},
          {"namespace", maybe(state.namespace_inode)},
          {"foreign", state.foreign}};
}

json content(const NetworkManagerDns& dns) {
  json entries = json::array();
  for (const NetworkManagerDnsEntry& entry : dns.entries) {
    entries.push_back({{"interface", entry.interface},
                       {"servers", servers(entry.servers)},
                       {"domains", domains(entry.domains)},
                       {"priority", entry.priority},
                       {"vpn", entry.vpn}});
  }
  return {{"mode", dns.mode},
          {"rc_manager", dns.rc_manager},
          {"entries", entries},
          {"version", dns.version},
          {"foreign", dns.foreign}};
}

json content(const std::vector<DnsListener>& listeners) {
  json list = json::array();
  for (const DnsListener& each : listeners) {
    list.push_back({{"server", each.server.to_string()}, {"process", each.process}, {"pid", maybe(each.pid)}});
  }
  return list;
}

template <class T>
json observed(const Observed<T>& facet);

json upstreams_json(const std::vector<DnsmasqUpstream>& upstreams) {
  json list = json::array();
  for (const DnsmasqUpstream& each : upstreams) {
    list.push_back({{"server", each.server.to_string()},
                    {"interface", each.interface},
                    {"domains", each.domains},
                    {"queries", maybe(each.queries)},
                    {"failed", maybe(each.failed)}});
  }
  return list;
}

json content(const std::vector<DnsmasqUpstream>& upstreams) { return upstreams_json(upstreams); }

json content(const std::vector<DnsmasqInstance>& instances) {
  json list = json::array();
  for (const DnsmasqInstance& each : instances) {
    list.push_back({{"listens_on", each.listens_on.to_string()},
                    {"pid", maybe(each.pid)},
                    {"network_manager", each.belongs_to_network_manager},
                    {"upstreams", observed(each.upstreams)},
                    {"never_forwarded", each.never_forwarded},
                    {"domains_are_known", each.domains_are_known}});
  }
  return list;
}

template <class T>
json observed(const Observed<T>& facet) {
  if (!facet) return {{"missing", facet.why_missing()}};
  return {{"value", content(*facet)}, {"source", facet.source()}, {"limits", facet.limits()}};
}

}  // namespace

int main() {
  auto snapshot = collect_snapshot();
  if (!snapshot) {
    fmt::print(stderr, "{}\n", snapshot.error().message);
    return 1;
  }
  const auto begin = std::chrono::steady_clock::now();
  read_dns_configuration(*snapshot);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  const DnsConfiguration& dns = snapshot->dns;
  const json all{{"resolved", observed(dns.resolved)},
                 {"network_manager", observed(dns.network_manager)},
                 {"listeners", observed(dns.listeners)},
                 {"dnsmasq", observed(dns.dnsmasq)},
                 {"took_ms", took.count()}};
  // Bytes that are no UTF-8 are not this program's matter.
  fmt::print("{}\n", all.dump(1, ' ', false, json::error_handler_t::replace));
}
