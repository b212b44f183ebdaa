// SPDX-License-Identifier: Apache-2.0
// `data` of `dns show`: what the sources say, and the scopes that come of it. A source that is not known is null, and
// `sources` says why.
#include "data_json.h"

namespace vpndoctor {
namespace {

void write_servers(JsonWriter& json, const char* name, const std::vector<DnsServer>& servers) {
  json.key(name).begin_array();
  for (const DnsServer& server : servers) json.value(server.to_string());
  json.end_array();
}

void write_server(JsonWriter& json, const char* name, const std::optional<DnsServer>& server) {
  json.field_or_null(name, server ? server->to_string() : "");
}

void write_glibc(JsonWriter& json, const ResolvConf& file) {
  json.key("glibc").begin_object();
  write_servers(json, "nameservers", file.used_servers);
  json.field("search", file.used_search).field("ndots", file.ndots).field("timeout_seconds", file.timeout_seconds);
  json.field("attempts", file.attempts).field("rotate", file.rotate).field("edns0", file.edns0);
  json.field("use_tcp", file.use_tcp).field("single_request", file.single_request);
  json.field("no_tld_query", file.no_tld_query).field("trust_ad", file.trust_ad).field("no_aaaa", file.no_aaaa);
  json.field("environment", file.environment).end_object();
}

void write_resolv_conf(JsonWriter& json, const DnsShowReport& report) {
  json.key("resolv_conf");
  const ResolvConf* file = report.snapshot->dns.resolv_conf.get();
  if (file == nullptr) {
    json.null();
    return;
  }
  const ResolvConfOwner owner = report.overview.owner.value_or(ResolvConfOwner{});
  json.begin_object().field("path", file->path).field("exists", file->exists);
  json.field_or_null("target", file->link_target).field_or_null("real_path", file->real_path);
  json.field_or_null("mount_source", file->mount_source).field("immutable", file->immutable);
  json.field_or_null("owner", owner.name).field_or_null("mode", owner.mode);
  json.field_or_null("owner_evidence", owner.evidence);
  write_servers(json, "nameservers", file->nameservers);
  json.field("not_nameservers", file->not_servers).field("search", file->search).field("options", file->options);
  write_glibc(json, *file);
  json.end_object();
}

void write_service(JsonWriter& json, const NssService& service) {
  json.begin_object().field("name", service.name).field("is_installed", service.is_installed);
  json.field("return_on_success", service.return_on_success);
  json.field("return_on_not_found", service.return_on_not_found);
  json.field("return_on_unavailable", service.return_on_unavailable);
  json.field("return_on_try_again", service.return_on_try_again);
  json.field("merge_on_success", service.merge_on_success).end_object();
}

void write_name_service_switch(JsonWriter& json, const Observed<NameServiceSwitch>& nss) {
  json.key("nsswitch_hosts");
  if (!nss) {
    json.null().key("nsswitch_services").null().key("nsswitch_faults").null();
    return;
  }
  json.begin_array();
  for (const NssService& service : nss->hosts) json.value(service.name);
  json.end_array().key("nsswitch_services").begin_array();
  for (const NssService& service : nss->hosts) write_service(json, service);
  json.end_array().field("nsswitch_faults", nss->faults);
}

void write_scope(JsonWriter& json, const DnsScopeView& scope) {
  json.new_line().begin_object().field("id", scope.id).field_or_null("interface", scope.interface);
  json.field("is_tunnel", scope.is_tunnel).field("live", scope.live).field_or_null("why_not_live", scope.why_not_live);
  write_servers(json, "servers", scope.servers);
  write_server(json, "current_server", scope.current_server);
  json.key("domains").begin_array();
  for (const DnsDomain& domain : scope.domains) {
    json.begin_object().field("name", domain.name).field("route_only", domain.route_only).end_object();
  }
  json.end_array().field("default_route", scope.default_route).field("protocols", scope.protocols);
  json.field_or_null("source", scope.source).end_object();
}

void write_resolved(JsonWriter& json, const Observed<ResolvedState>& resolved) {
  json.key("systemd_resolved");
  if (!resolved) {
    json.null();
    return;
  }
  json.begin_object().field("runs", resolved->runs).field("version", resolved->version);
  json.field_or_null("resolv_conf_mode", resolved->resolv_conf_mode);
  json.field_or_null("stub_listener", resolved->stub_listener);
  write_servers(json, "fallback_servers", resolved->fallback_servers);
  json.field_or_null("foreign", resolved->foreign).end_object();
}

void write_network_manager(JsonWriter& json, const Observed<NetworkManagerDns>& network_manager) {
  json.key("network_manager");
  if (!network_manager) {
    json.null();
    return;
  }
  json.begin_object().field_or_null("mode", network_manager->mode);
  json.field_or_null("rc_manager", network_manager->rc_manager).field_or_null("version", network_manager->version);
  json.field_or_null("foreign", network_manager->foreign).end_object();
}

void write_listeners(JsonWriter& json, const Observed<std::vector<DnsListener>>& listeners) {
  json.key("listeners");
  if (!listeners) {
    json.null();
    return;
  }
  json.begin_array();
  for (const DnsListener& listener : *listeners) {
    json.begin_object().field("server", listener.server.to_string()).field_or_null("process", listener.process);
    json.field("pid", listener.pid).end_object();
  }
  json.end_array();
}

void write_sources(JsonWriter& json, const DnsConfiguration& dns) {
  json.key("sources").begin_array();
  write_source(json, "resolv_conf", dns.resolv_conf);
  write_source(json, "nsswitch", dns.name_service_switch);
  write_source(json, "hosts", dns.hosts);
  write_source(json, "nscd", dns.name_service_cache);
  write_source(json, "systemd_resolved", dns.resolved);
  write_source(json, "network_manager", dns.network_manager);
  write_source(json, "dnsmasq", dns.dnsmasq);
  write_source(json, "listeners", dns.listeners);
  write_source(json, "backups", dns.backups);
  write_source(json, "macos", dns.macos);
  json.end_array();
}

}  // namespace

void write_data(JsonWriter& json, const DnsShowReport& report) {
  const DnsConfiguration& dns = report.snapshot->dns;
  json.begin_object().field("model", dns_model_name(report.overview.model));
  json.field_or_null("unknown_because", report.overview.why_unknown);
  write_resolv_conf(json, report);
  write_name_service_switch(json, dns.name_service_switch);
  json.key("scopes").begin_array();
  for (const DnsScopeView& scope : report.overview.scopes) write_scope(json, scope);
  json.end_array();
  write_resolved(json, dns.resolved);
  write_network_manager(json, dns.network_manager);
  write_listeners(json, dns.listeners);
  write_sources(json, dns);
  json.end_object();
}

}  // namespace vpndoctor
