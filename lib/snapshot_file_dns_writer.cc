// SPDX-License-Identifier: Apache-2.0
// Writes the records of the resolver configuration.
#include "json_members.h"
#include "snapshot_dns_records.h"

namespace vpndoctor {
namespace {

void write_server(JsonWriter& json, const DnsServer& server) {
  json.begin_object().field("address", server.address);
  JsonMembers(json, true)
      .value("port", server.port, kDnsPort)
      .text("zone", server.zone)
      .text("tls_name", server.tls_name);
  json.end_object();
}

void write_servers(JsonWriter& json, std::string_view name, const std::vector<DnsServer>& servers) {
  if (servers.empty()) return;
  json.key(name).begin_array();
  for (const DnsServer& each : servers) write_server(json, each);
  json.end_array();
}

void write_domains(JsonWriter& json, const std::vector<DnsDomain>& domains) {
  if (domains.empty()) return;
  json.key("domains").begin_array();
  for (const DnsDomain& each : domains) {
    json.begin_object().field("name", each.name);
    JsonMembers(json, true).value("route_only", each.route_only, false);
    json.end_object();
  }
  json.end_array();
}

void write_service(JsonWriter& json, const NssService& service) {
  json.begin_object().field("name", service.name);
  JsonMembers(json, true)
      .value("return_on_success", service.return_on_success, true)
      .value("return_on_not_found", service.return_on_not_found, false)
      .value("return_on_unavailable", service.return_on_unavailable, false)
      .value("return_on_try_again", service.return_on_try_again, false)
      .value("merge_on_success", service.merge_on_success, false)
      .maybe("is_installed", service.is_installed);
  json.end_object();
}

void write_upstream(JsonWriter& json, const DnsmasqUpstream& upstream) {
  json.begin_object().key("server");
  write_server(json, upstream.server);
  JsonMembers(json, true)
      .text("interface", upstream.interface)
      .list("domains", upstream.domains)
      .maybe("queries", upstream.queries)
      .maybe("failed", upstream.failed);
  json.end_object();
}

void write_upstreams(JsonWriter& json, const Observed<std::vector<DnsmasqUpstream>>& upstreams) {
  json.key("upstreams").begin_object();
  json.field(upstreams ? "source" : "missing", upstreams ? upstreams.source() : upstreams.why_missing());
  JsonMembers(json, true).list("limits", upstreams.limits());
  if (upstreams) {
    json.key("servers").begin_array();
    for (const DnsmasqUpstream& each : *upstreams) write_upstream(json, each);
    json.end_array();
  }
  json.end_object();
}

constexpr std::string_view source_word(ResolvedState::Source source) {
  switch (source) {
    case ResolvedState::Source::kVarlink:
      return "varlink";
    case ResolvedState::Source::kDbus:
      return "dbus";
    case ResolvedState::Source::kFiles:
      return "files";
  }
  return "files";
}

constexpr std::string_view kind_word(ResolvedScope::Kind kind) {
  switch (kind) {
    case ResolvedScope::Kind::kGlobal:
      return "global";
    case ResolvedScope::Kind::kLink:
      return "link";
    case ResolvedScope::Kind::kDelegate:
      return "delegate";
  }
  return "link";
}

constexpr std::string_view section_word(MacosResolver::Section section) {
  switch (section) {
    case MacosResolver::Section::kUnscoped:
      return "unscoped";
    case MacosResolver::Section::kScoped:
      return "scoped";
    case MacosResolver::Section::kServiceSpecific:
      return "service_specific";
  }
  return "unscoped";
}

}  // namespace

void write_members(JsonWriter& json, const ResolvConf& file) {
  JsonMembers members(json, true);
  members.word("path", file.path, ResolvConf().path)
      .value("exists", file.exists, false)
      .text("link_target", file.link_target)
      .text("real_path", file.real_path)
      .text("mount_source", file.mount_source)
      .maybe("immutable", file.immutable)
      .list("notes", file.notes)
      .list("not_servers", file.not_servers)
      .list("search", file.search)
      .list("options", file.options)
      .list("environment", file.environment)
      .list("used_search", file.used_search);
  write_servers(json, "nameservers", file.nameservers);
  write_servers(json, "used_servers", file.used_servers);
  members.value("ndots", file.ndots, 1U)
      .value("timeout_seconds", file.timeout_seconds, 5U)
      .value("attempts", file.attempts, 2U)
      .value("rotate", file.rotate, false)
      .value("edns0", file.edns0, false)
      .value("use_tcp", file.use_tcp, false)
      .value("single_request", file.single_request, false)
      .value("no_tld_query", file.no_tld_query, false)
      .value("trust_ad", file.trust_ad, false)
      .value("no_aaaa", file.no_aaaa, false);
}

void write_members(JsonWriter& json, const NameServiceSwitch& names) {
  if (!names.hosts.empty()) {
    json.key("hosts").begin_array();
    for (const NssService& each : names.hosts) write_service(json, each);
    json.end_array();
  }
  JsonMembers(json, true).value("is_default", names.is_default, false).list("faults", names.faults);
}

void write_members(JsonWriter& json, const HostsEntry& entry) {
  json.field("address", entry.address);
  JsonMembers(json, true).text("zone", entry.zone).list("names", entry.names);
}

void write_members(JsonWriter& json, const NameServiceCache& cache) {
  JsonMembers(json, true).value("runs", cache.runs, false).value("caches_hosts", cache.caches_hosts, false);
}

void write_members(JsonWriter& json, const ResolvedState& state) {
  json.field("source", source_word(state.source));
  JsonMembers(json, true)
      .maybe("version", state.version)
      .text("resolv_conf_mode", state.resolv_conf_mode)
      .text("stub_listener", state.stub_listener)
      .maybe("runs", state.runs)
      .maybe("namespace_inode", state.namespace_inode)
      .text("foreign", state.foreign);
  write_servers(json, "fallback_servers", state.fallback_servers);
}

void write_members(JsonWriter& json, const ResolvedScope& scope) {
  json.field("kind", kind_word(scope.kind));
  JsonMembers members(json, true);
  members.text("interface", scope.interface)
      .value("interface_index", scope.interface_index, 0)
      .text("delegate", scope.delegate);
  write_servers(json, "servers", scope.servers);
  if (scope.current_server) {
    json.key("current_server");
    write_server(json, *scope.current_server);
  }
  write_domains(json, scope.domains);
  members.maybe("default_route", scope.default_route)
      .maybe("live_protocols", scope.live_protocols)
      .text("llmnr", scope.llmnr)
      .text("multicast_dns", scope.multicast_dns)
      .text("dns_over_tls", scope.dns_over_tls)
      .text("dnssec", scope.dnssec)
      .text("networkd_state", scope.networkd_state);
}

void write_members(JsonWriter& json, const ResolvedSettings& settings) {
  write_servers(json, "dns", settings.dns);
  write_servers(json, "fallback_dns", settings.fallback_dns);
  write_domains(json, settings.domains);
  JsonMembers(json, true)
      .value("has_fallback_setting", settings.has_fallback_setting, false)
      .maybe("resolve_single_label", settings.resolve_single_label)
      .maybe("read_etc_hosts", settings.read_etc_hosts)
      .text("stub_listener", settings.stub_listener)
      .text("llmnr", settings.llmnr)
      .text("multicast_dns", settings.multicast_dns)
      .list("files", settings.files);
}

void write_members(JsonWriter& json, const NetworkManagerDns& manager) {
  JsonMembers(json, true)
      .text("mode", manager.mode)
      .text("rc_manager", manager.rc_manager)
      .text("version", manager.version)
      .text("foreign", manager.foreign);
}

void write_members(JsonWriter& json, const NetworkManagerDnsEntry& entry) {
  JsonMembers members(json, true);
  members.text("interface", entry.interface);
  write_servers(json, "servers", entry.servers);
  write_domains(json, entry.domains);
  members.value("priority", entry.priority, 0).value("vpn", entry.vpn, false);
}

void write_members(JsonWriter& json, const DnsmasqInstance& instance) {
  json.key("listens_on");
  write_server(json, instance.listens_on);
  JsonMembers(json, true)
      .maybe("pid", instance.pid)
      .value("belongs_to_network_manager", instance.belongs_to_network_manager, false)
      .list("never_forwarded", instance.never_forwarded)
      .value("domains_are_known", instance.domains_are_known, false);
  write_upstreams(json, instance.upstreams);
}

void write_members(JsonWriter& json, const DnsListener& listener) {
  json.key("server");
  write_server(json, listener.server);
  JsonMembers(json, true).text("process", listener.process).maybe("pid", listener.pid);
}

void write_members(JsonWriter& json, const ResolvConfBackup& backup) {
  json.field("path", backup.path);
  JsonMembers(json, true).text("writer", backup.writer).maybe("writer_alive", backup.writer_alive);
}

void write_members(JsonWriter& json, const MacosDns& macos) {
  JsonMembers(json, true)
      .value("has_configuration", macos.has_configuration, true)
      .list("not_understood", macos.not_understood);
}

void write_members(JsonWriter& json, const MacosResolver& resolver) {
  json.field("section", section_word(resolver.section));
  JsonMembers members(json, true);
  members.value("number", resolver.number, 0U).text("domain", resolver.domain).list("search", resolver.search);
  write_servers(json, "servers", resolver.servers);
  members.list("sort_addresses", resolver.sort_addresses)
      .text("options", resolver.options)
      .maybe("port", resolver.port)
      .maybe("timeout_seconds", resolver.timeout_seconds)
      .maybe("interface_index", resolver.interface_index)
      .text("interface", resolver.interface)
      .maybe("service_identifier", resolver.service_identifier)
      .list("flags", resolver.flags)
      .list("reach", resolver.reach)
      .value("order", resolver.order, 0U);
}

}  // namespace vpndoctor
