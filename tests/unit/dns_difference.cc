// SPDX-License-Identifier: Apache-2.0
// Compares two resolver configurations field by field.
#include <algorithm>
#include <tuple>

#include "unit/facet_difference.h"

namespace vpndoctor::testing_support {
namespace {

template <class T, class Tie>
bool same_lists(const std::vector<T>& left, const std::vector<T>& right, Tie tie) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [&](const T& a, const T& b) { return tie(a) == tie(b); });
}

auto fields_of(const ResolvConf& file) {
  return std::tuple_cat(
      std::tie(file.path, file.exists, file.link_target, file.real_path, file.mount_source, file.immutable, file.notes),
      std::tie(file.nameservers, file.not_servers, file.search, file.options, file.environment, file.used_servers),
      std::tie(file.used_search, file.ndots, file.timeout_seconds, file.attempts, file.rotate, file.edns0),
      std::tie(file.use_tcp, file.single_request, file.no_tld_query, file.trust_ad, file.no_aaaa));
}

auto fields_of(const ResolvedScope& scope) {
  return std::tie(scope.kind, scope.interface, scope.interface_index, scope.delegate, scope.servers,
                  scope.current_server, scope.domains, scope.default_route, scope.live_protocols, scope.llmnr,
                  scope.multicast_dns, scope.dns_over_tls, scope.dnssec, scope.networkd_state);
}

auto fields_of(const ResolvedSettings& settings) {
  return std::tie(settings.dns, settings.fallback_dns, settings.domains, settings.has_fallback_setting,
                  settings.resolve_single_label, settings.read_etc_hosts, settings.stub_listener, settings.llmnr,
                  settings.multicast_dns, settings.files);
}

auto fields_of(const ResolvedState& state) {
  return std::tie(state.source, state.version, state.resolv_conf_mode, state.stub_listener, state.runs,
                  state.fallback_servers, state.namespace_inode, state.foreign);
}

auto fields_of(const NetworkManagerDnsEntry& entry) {
  return std::tie(entry.interface, entry.servers, entry.domains, entry.priority, entry.vpn);
}

auto fields_of(const NetworkManagerDns& manager) {
  return std::tie(manager.mode, manager.rc_manager, manager.version, manager.foreign);
}

auto fields_of(const DnsmasqUpstream& upstream) {
  return std::tie(upstream.server, upstream.interface, upstream.domains, upstream.queries, upstream.failed);
}

auto fields_of(const DnsmasqInstance& instance) {
  return std::tie(instance.listens_on, instance.pid, instance.belongs_to_network_manager, instance.never_forwarded,
                  instance.domains_are_known);
}

auto fields_of(const MacosResolver& resolver) {
  return std::tie(resolver.section, resolver.number, resolver.domain, resolver.search, resolver.servers,
                  resolver.sort_addresses, resolver.options, resolver.port, resolver.timeout_seconds,
                  resolver.interface_index, resolver.interface, resolver.service_identifier, resolver.flags,
                  resolver.reach, resolver.order);
}

auto fields_of(const NameServiceSwitch& names) { return std::tie(names.hosts, names.is_default, names.faults); }
auto fields_of(const NameServiceCache& cache) { return std::tie(cache.runs, cache.caches_hosts); }
auto fields_of(const DnsListener& listener) { return std::tie(listener.server, listener.process, listener.pid); }
auto fields_of(const ResolvConfBackup& backup) { return std::tie(backup.path, backup.writer, backup.writer_alive); }

constexpr auto kSame = [](const auto& left, const auto& right) { return fields_of(left) == fields_of(right); };
constexpr auto kSameLists = [](const auto& left, const auto& right) {
  return same_lists(left, right, [](const auto& each) { return fields_of(each); });
};

bool same_resolved(const ResolvedState& left, const ResolvedState& right) {
  return kSame(left, right) && kSameLists(left.scopes, right.scopes) &&
         facet_difference("settings", left.settings, right.settings, kSame).empty();
}

bool same_network_manager(const NetworkManagerDns& left, const NetworkManagerDns& right) {
  return kSame(left, right) && kSameLists(left.entries, right.entries);
}

bool same_dnsmasq(const std::vector<DnsmasqInstance>& left, const std::vector<DnsmasqInstance>& right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](const auto& a, const auto& b) {
    return kSame(a, b) && facet_difference("upstreams", a.upstreams, b.upstreams, kSameLists).empty();
  });
}

bool same_macos(const MacosDns& left, const MacosDns& right) {
  return left.has_configuration == right.has_configuration && left.not_understood == right.not_understood &&
         kSameLists(left.resolvers, right.resolvers);
}

}  // namespace

std::string dns_difference(const DnsConfiguration& left, const DnsConfiguration& right) {
  const auto same_hosts = [](const auto& a, const auto& b) { return a == b; };
  for (const std::string& each :
       {facet_difference("resolv_conf", left.resolv_conf, right.resolv_conf, kSame),
        facet_difference("name_service_switch", left.name_service_switch, right.name_service_switch, kSame),
        facet_difference("hosts", left.hosts, right.hosts, same_hosts),
        facet_difference("name_service_cache", left.name_service_cache, right.name_service_cache, kSame),
        facet_difference("resolved", left.resolved, right.resolved, same_resolved),
        facet_difference("network_manager", left.network_manager, right.network_manager, same_network_manager),
        facet_difference("dnsmasq", left.dnsmasq, right.dnsmasq, same_dnsmasq),
        facet_difference("listeners", left.listeners, right.listeners, kSameLists),
        facet_difference("backups", left.backups, right.backups, kSameLists),
        facet_difference("macos", left.macos, right.macos, same_macos)}) {
    if (!each.empty()) return each;
  }
  return {};
}

}  // namespace vpndoctor::testing_support
