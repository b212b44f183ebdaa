// SPDX-License-Identifier: Apache-2.0
// Draws every field of the resolver configuration by itself.
#include "unit/random_dns.h"

namespace vpndoctor::testing_support {
namespace {

DnsServer random_server(Draw& draw) {
  return {draw.address(), draw.chance(2) ? kDnsPort : draw.number<std::uint16_t>(), draw.text(), draw.text()};
}

std::vector<DnsServer> random_servers(Draw& draw) {
  return draw.list(3, [&] { return random_server(draw); });
}

std::vector<DnsDomain> random_domains(Draw& draw) {
  return draw.list(3, [&] { return DnsDomain{draw.text(), draw.chance(2)}; });
}

std::vector<std::string> random_texts(Draw& draw) {
  return draw.list(2, [&] { return draw.text(); });
}

ResolvConf random_resolv_conf(Draw& draw) {
  ResolvConf file;
  if (draw.chance(3)) file.path = "x" + draw.text();
  file.exists = draw.chance(2);
  for (auto* each : {&file.link_target, &file.real_path, &file.mount_source}) *each = draw.text();
  file.immutable = draw.maybe_truth();
  for (auto* each :
       {&file.notes, &file.not_servers, &file.search, &file.options, &file.environment, &file.used_search}) {
    *each = random_texts(draw);
  }
  file.nameservers = random_servers(draw);
  file.used_servers = random_servers(draw);
  file.ndots = static_cast<unsigned>(draw.below(16));
  file.timeout_seconds = static_cast<unsigned>(draw.below(31));
  file.attempts = static_cast<unsigned>(draw.below(6));
  for (auto* each : {&file.rotate, &file.edns0, &file.use_tcp, &file.single_request, &file.no_tld_query, &file.trust_ad,
                     &file.no_aaaa}) {
    *each = draw.chance(2);
  }
  return file;
}

NssService random_service(Draw& draw) {
  return {draw.text(),    draw.chance(2), draw.chance(2),    draw.chance(2),
          draw.chance(2), draw.chance(2), draw.maybe_truth()};
}

ResolvedScope random_scope(Draw& draw) {
  ResolvedScope scope;
  scope.kind = static_cast<ResolvedScope::Kind>(draw.below(3));
  scope.interface_index = static_cast<int>(draw.number<std::uint32_t>());
  scope.servers = random_servers(draw);
  if (draw.chance(2)) scope.current_server = random_server(draw);
  scope.domains = random_domains(draw);
  scope.default_route = draw.maybe_truth();
  scope.live_protocols = draw.maybe_number<std::uint64_t>();
  for (auto* each : {&scope.interface, &scope.delegate, &scope.llmnr, &scope.multicast_dns, &scope.dns_over_tls,
                     &scope.dnssec, &scope.networkd_state}) {
    *each = draw.text();
  }
  return scope;
}

ResolvedSettings random_resolved_settings(Draw& draw) {
  ResolvedSettings settings;
  settings.dns = random_servers(draw);
  settings.fallback_dns = random_servers(draw);
  settings.domains = random_domains(draw);
  settings.has_fallback_setting = draw.chance(2);
  settings.resolve_single_label = draw.maybe_truth();
  settings.read_etc_hosts = draw.maybe_truth();
  for (auto* each : {&settings.stub_listener, &settings.llmnr, &settings.multicast_dns}) *each = draw.text();
  settings.files = random_texts(draw);
  return settings;
}

ResolvedState random_resolved(Draw& draw) {
  ResolvedState state;
  state.source = static_cast<ResolvedState::Source>(draw.below(3));
  state.version = draw.maybe_number<unsigned>();
  for (auto* each : {&state.resolv_conf_mode, &state.stub_listener, &state.foreign}) *each = draw.text();
  state.runs = draw.maybe_truth();
  state.scopes = draw.list(3, [&] { return random_scope(draw); });
  state.fallback_servers = random_servers(draw);
  state.settings = draw.observed(random_resolved_settings(draw));
  state.namespace_inode = draw.maybe_number<std::uint64_t>();
  return state;
}

NetworkManagerDns random_network_manager(Draw& draw) {
  NetworkManagerDns manager;
  for (auto* each : {&manager.mode, &manager.rc_manager, &manager.version, &manager.foreign}) *each = draw.text();
  manager.entries = draw.list(3, [&] {
    return NetworkManagerDnsEntry{draw.text(), random_servers(draw), random_domains(draw),
                                  static_cast<int>(draw.number<std::uint32_t>()), draw.chance(2)};
  });
  return manager;
}

DnsmasqInstance random_dnsmasq(Draw& draw) {
  DnsmasqInstance instance;
  instance.listens_on = random_server(draw);
  instance.pid = draw.maybe_number<std::uint32_t>();
  instance.belongs_to_network_manager = draw.chance(2);
  instance.upstreams = draw.observed(draw.list(3, [&] {
    return DnsmasqUpstream{random_server(draw), draw.text(), random_texts(draw), draw.maybe_number<std::uint64_t>(),
                           draw.maybe_number<std::uint64_t>()};
  }));
  instance.never_forwarded = random_texts(draw);
  instance.domains_are_known = draw.chance(2);
  return instance;
}

MacosResolver random_macos_resolver(Draw& draw) {
  MacosResolver resolver;
  resolver.section = static_cast<MacosResolver::Section>(draw.below(3));
  resolver.number = draw.number<unsigned>();
  for (auto* each : {&resolver.domain, &resolver.options, &resolver.interface}) *each = draw.text();
  for (auto* each : {&resolver.search, &resolver.sort_addresses, &resolver.flags, &resolver.reach}) {
    *each = random_texts(draw);
  }
  resolver.servers = random_servers(draw);
  resolver.port = draw.maybe_number<std::uint16_t>();
  resolver.timeout_seconds = draw.maybe_number<std::uint32_t>();
  if (draw.chance(2)) resolver.interface_index = static_cast<int>(draw.number<std::uint32_t>());
  resolver.service_identifier = draw.maybe_number<std::uint64_t>();
  resolver.order = draw.number<std::uint32_t>();
  return resolver;
}

}  // namespace

DnsConfiguration random_dns(Draw& draw) {
  DnsConfiguration dns;
  dns.resolv_conf = draw.observed(random_resolv_conf(draw));
  dns.name_service_switch = draw.observed(
      NameServiceSwitch{draw.list(3, [&] { return random_service(draw); }), draw.chance(2), random_texts(draw)});
  dns.hosts = draw.observed(draw.list(3, [&] { return HostsEntry{draw.address(), draw.text(), random_texts(draw)}; }));
  dns.name_service_cache = draw.observed(NameServiceCache{draw.chance(2), draw.chance(2)});
  dns.resolved = draw.observed(random_resolved(draw));
  dns.network_manager = draw.observed(random_network_manager(draw));
  dns.dnsmasq = draw.observed(draw.list(2, [&] { return random_dnsmasq(draw); }));
  dns.listeners = draw.observed(
      draw.list(3, [&] { return DnsListener{random_server(draw), draw.text(), draw.maybe_number<std::uint32_t>()}; }));
  dns.backups =
      draw.observed(draw.list(3, [&] { return ResolvConfBackup{draw.text(), draw.text(), draw.maybe_truth()}; }));
  MacosDns macos{draw.chance(2), draw.list(3, [&] { return random_macos_resolver(draw); }), random_texts(draw)};
  dns.macos = draw.observed(std::move(macos));
  return dns;
}

}  // namespace vpndoctor::testing_support
