// SPDX-License-Identifier: Apache-2.0
// Reads the records of the resolver configuration. A field that is absent has its usual value, that of the model.
#include "snapshot_dns_records.h"

namespace vpndoctor {
namespace {

constexpr unsigned kMostDots = 15;
constexpr unsigned kMostSeconds = 30;
constexpr unsigned kMostAttempts = 5;

void read_server(RecordFields& in, DnsServer& server) {
  in.required("address").address("address", server.address).number("port", server.port);
  in.text("zone", server.zone).text("tls_name", server.tls_name);
}

void read_servers(RecordFields& in, std::string_view name, std::vector<DnsServer>& servers) {
  in.objects(name, [&](RecordFields& server) { read_server(server, servers.emplace_back()); });
}

void read_domains(RecordFields& in, std::vector<DnsDomain>& domains) {
  in.objects("domains", [&](RecordFields& domain) {
    DnsDomain& each = domains.emplace_back();
    domain.required("name").text("name", each.name).truth("route_only", each.route_only);
  });
}

void read_service(RecordFields& in, NssService& service) {
  in.required("name")
      .text("name", service.name)
      .truth("return_on_success", service.return_on_success)
      .truth("return_on_not_found", service.return_on_not_found)
      .truth("return_on_unavailable", service.return_on_unavailable)
      .truth("return_on_try_again", service.return_on_try_again)
      .truth("merge_on_success", service.merge_on_success)
      .truth("is_installed", service.is_installed);
}

void read_upstream(RecordFields& in, DnsmasqUpstream& upstream) {
  in.required("server").object("server", [&](RecordFields& server) { read_server(server, upstream.server); });
  in.text("interface", upstream.interface)
      .texts("domains", upstream.domains)
      .number("queries", upstream.queries)
      .number("failed", upstream.failed);
}

Observed<std::vector<DnsmasqUpstream>> read_upstreams(RecordFields& in) {
  std::string source;
  std::string missing;
  std::vector<std::string> limits;
  std::vector<DnsmasqUpstream> servers;
  const bool is_known = !in.has("missing");
  if (is_known) in.required("source");
  in.text("source", source).text("missing", missing).texts("limits", limits);
  in.objects("servers", [&](RecordFields& each) { read_upstream(each, servers.emplace_back()); });
  if (!is_known && !servers.empty()) in.fail("servers", "is there, but is said to be missing");
  using Upstreams = Observed<std::vector<DnsmasqUpstream>>;
  auto observed = is_known ? Upstreams(std::move(servers), std::move(source)) : Upstreams::missing(std::move(missing));
  for (std::string& limit : limits) observed.add_limit(std::move(limit));
  return observed;
}

void read(RecordFields& in, ResolvConf& file) {
  in.text("path", file.path)
      .truth("exists", file.exists)
      .text("link_target", file.link_target)
      .text("real_path", file.real_path)
      .text("mount_source", file.mount_source)
      .truth("immutable", file.immutable)
      .texts("notes", file.notes)
      .texts("not_servers", file.not_servers)
      .texts("search", file.search)
      .texts("options", file.options)
      .texts("environment", file.environment)
      .texts("used_search", file.used_search);
  read_servers(in, "nameservers", file.nameservers);
  read_servers(in, "used_servers", file.used_servers);
  in.number("ndots", file.ndots)
      .number("timeout_seconds", file.timeout_seconds)
      .number("attempts", file.attempts)
      .truth("rotate", file.rotate)
      .truth("edns0", file.edns0)
      .truth("use_tcp", file.use_tcp)
      .truth("single_request", file.single_request)
      .truth("no_tld_query", file.no_tld_query)
      .truth("trust_ad", file.trust_ad)
      .truth("no_aaaa", file.no_aaaa);
  if (file.ndots > kMostDots) in.fail("ndots", "is out of range");
  if (file.timeout_seconds > kMostSeconds) in.fail("timeout_seconds", "is out of range");
  if (file.attempts > kMostAttempts) in.fail("attempts", "is out of range");
}

void read(RecordFields& in, NameServiceSwitch& names) {
  in.objects("hosts", [&](RecordFields& service) { read_service(service, names.hosts.emplace_back()); });
  in.truth("is_default", names.is_default).texts("faults", names.faults);
}

void read(RecordFields& in, HostsEntry& entry) {
  in.required("address").address("address", entry.address).text("zone", entry.zone).texts("names", entry.names);
}

void read(RecordFields& in, NameServiceCache& cache) {
  in.truth("runs", cache.runs).truth("caches_hosts", cache.caches_hosts);
}

std::optional<ResolvedState::Source> parse_source(std::string_view word) {
  if (word == "varlink") return ResolvedState::Source::kVarlink;
  if (word == "dbus") return ResolvedState::Source::kDbus;
  if (word == "files") return ResolvedState::Source::kFiles;
  return std::nullopt;
}

void read(RecordFields& in, ResolvedState& state) {
  in.required("source").word("source", state.source, parse_source);
  in.number("version", state.version)
      .text("resolv_conf_mode", state.resolv_conf_mode)
      .text("stub_listener", state.stub_listener)
      .truth("runs", state.runs)
      .number("namespace_inode", state.namespace_inode)
      .text("foreign", state.foreign);
  read_servers(in, "fallback_servers", state.fallback_servers);
}

std::optional<ResolvedScope::Kind> parse_kind(std::string_view word) {
  if (word == "global") return ResolvedScope::Kind::kGlobal;
  if (word == "link") return ResolvedScope::Kind::kLink;
  if (word == "delegate") return ResolvedScope::Kind::kDelegate;
  return std::nullopt;
}

void read(RecordFields& in, ResolvedScope& scope) {
  in.required("kind").word("kind", scope.kind, parse_kind);
  in.text("interface", scope.interface)
      .number("interface_index", scope.interface_index)
      .text("delegate", scope.delegate);
  read_servers(in, "servers", scope.servers);
  in.object("current_server", [&](RecordFields& server) { read_server(server, scope.current_server.emplace()); });
  read_domains(in, scope.domains);
  in.truth("default_route", scope.default_route)
      .number("live_protocols", scope.live_protocols)
      .text("llmnr", scope.llmnr)
      .text("multicast_dns", scope.multicast_dns)
      .text("dns_over_tls", scope.dns_over_tls)
      .text("dnssec", scope.dnssec)
      .text("networkd_state", scope.networkd_state);
}

void read(RecordFields& in, ResolvedSettings& settings) {
  read_servers(in, "dns", settings.dns);
  read_servers(in, "fallback_dns", settings.fallback_dns);
  read_domains(in, settings.domains);
  in.truth("has_fallback_setting", settings.has_fallback_setting)
      .truth("resolve_single_label", settings.resolve_single_label)
      .truth("read_etc_hosts", settings.read_etc_hosts)
      .text("stub_listener", settings.stub_listener)
      .text("llmnr", settings.llmnr)
      .text("multicast_dns", settings.multicast_dns)
      .texts("files", settings.files);
}

void read(RecordFields& in, NetworkManagerDns& manager) {
  in.text("mode", manager.mode)
      .text("rc_manager", manager.rc_manager)
      .text("version", manager.version)
      .text("foreign", manager.foreign);
}

void read(RecordFields& in, NetworkManagerDnsEntry& entry) {
  in.text("interface", entry.interface);
  read_servers(in, "servers", entry.servers);
  read_domains(in, entry.domains);
  in.number("priority", entry.priority).truth("vpn", entry.vpn);
}

void read(RecordFields& in, DnsmasqInstance& instance) {
  in.required("listens_on").required("upstreams");
  in.object("listens_on", [&](RecordFields& server) { read_server(server, instance.listens_on); });
  in.number("pid", instance.pid)
      .truth("belongs_to_network_manager", instance.belongs_to_network_manager)
      .texts("never_forwarded", instance.never_forwarded)
      .truth("domains_are_known", instance.domains_are_known);
  in.object("upstreams", [&](RecordFields& upstreams) { instance.upstreams = read_upstreams(upstreams); });
}

void read(RecordFields& in, DnsListener& listener) {
  in.required("server").object("server", [&](RecordFields& server) { read_server(server, listener.server); });
  in.text("process", listener.process).number("pid", listener.pid);
}

void read(RecordFields& in, ResolvConfBackup& backup) {
  in.required("path").text("path", backup.path).text("writer", backup.writer);
  in.truth("writer_alive", backup.writer_alive);
}

void read(RecordFields& in, MacosDns& macos) {
  in.truth("has_configuration", macos.has_configuration).texts("not_understood", macos.not_understood);
}

std::optional<MacosResolver::Section> parse_section(std::string_view word) {
  if (word == "unscoped") return MacosResolver::Section::kUnscoped;
  if (word == "scoped") return MacosResolver::Section::kScoped;
  if (word == "service_specific") return MacosResolver::Section::kServiceSpecific;
  return std::nullopt;
}

void read(RecordFields& in, MacosResolver& resolver) {
  in.required("section").word("section", resolver.section, parse_section);
  in.number("number", resolver.number).text("domain", resolver.domain).texts("search", resolver.search);
  read_servers(in, "servers", resolver.servers);
  in.texts("sort_addresses", resolver.sort_addresses)
      .text("options", resolver.options)
      .number("port", resolver.port)
      .number("timeout_seconds", resolver.timeout_seconds)
      .number("interface_index", resolver.interface_index)
      .text("interface", resolver.interface)
      .number("service_identifier", resolver.service_identifier)
      .texts("flags", resolver.flags)
      .texts("reach", resolver.reach)
      .number("order", resolver.order);
}

template <class T>
void read_one_of_many(RecordFields& in, std::vector<T>& list) {
  read(in, list.emplace_back());
}

}  // namespace

void read_dns_record(DnsRecordKind kind, RecordFields& in, DnsParts& parts) {
  switch (kind) {
    case DnsRecordKind::kResolvConf:
      return read(in, only_one(in, parts.resolv_conf));
    case DnsRecordKind::kNameServiceSwitch:
      return read(in, only_one(in, parts.name_service_switch));
    case DnsRecordKind::kHost:
      return read_one_of_many(in, parts.hosts);
    case DnsRecordKind::kNameServiceCache:
      return read(in, only_one(in, parts.name_service_cache));
    case DnsRecordKind::kResolved:
      return read(in, only_one(in, parts.resolved));
    case DnsRecordKind::kResolvedScope:
      return read_one_of_many(in, parts.resolved_scopes);
    case DnsRecordKind::kResolvedSettings:
      return read(in, only_one(in, parts.resolved_settings));
    case DnsRecordKind::kNetworkManager:
      return read(in, only_one(in, parts.network_manager));
    case DnsRecordKind::kNetworkManagerEntry:
      return read_one_of_many(in, parts.network_manager_entries);
    case DnsRecordKind::kDnsmasq:
      return read_one_of_many(in, parts.dnsmasq);
    case DnsRecordKind::kListener:
      return read_one_of_many(in, parts.listeners);
    case DnsRecordKind::kBackup:
      return read_one_of_many(in, parts.backups);
    case DnsRecordKind::kMacos:
      return read(in, only_one(in, parts.macos));
    case DnsRecordKind::kMacosResolver:
      return read_one_of_many(in, parts.macos_resolvers);
  }
}

}  // namespace vpndoctor
