// SPDX-License-Identifier: Apache-2.0
// A machine's resolver configuration built by hand, for tests of what is concluded from it and how it is shown.
#pragma once

#include <string>
#include <vector>

#include "machine.h"
#include "vpndoctor/snapshot.h"

namespace vpndoctor::testing_support {

/// "10.0.0.1", "fe80::1%tun0", "10.0.0.1:5353".
inline DnsServer dns_server(const char* text) { return DnsServer::parse(text).value_or(DnsServer{}); }

/// "~corp.example" routes only.
inline DnsDomain dns_domain(std::string_view text) {
  const bool route_only = text.starts_with('~');
  return {canonical_dns_name(text.substr(route_only ? 1 : 0)), route_only};
}

/// resolv.conf as glibc reads it, with these servers and search domains.
inline ResolvConf resolv_conf_of(const std::vector<const char*>& servers, const std::vector<std::string>& search = {}) {
  ResolvConf file;
  file.exists = true;
  for (const char* server : servers) file.nameservers.push_back(dns_server(server));
  file.used_servers = file.nameservers;
  if (file.used_servers.size() > 3) file.used_servers.resize(3);
  if (file.used_servers.empty()) file.used_servers.push_back(dns_server("127.0.0.1"));
  file.search = search;
  file.used_search = search;
  return file;
}

/// "files", "resolve !UNAVAIL=return", "dns": the action that stands behind `resolve` on most machines is known here.
inline NameServiceSwitch name_service_switch_of(const std::vector<std::string>& services) {
  NameServiceSwitch nss;
  for (const std::string& name : services) {
    NssService service;
    service.name = name;
    service.is_installed = true;
    service.return_on_not_found = service.return_on_try_again = name == "resolve";
    nss.hosts.push_back(std::move(service));
  }
  return nss;
}

/// A link's scope that is live unless `protocols` is 0.
inline ResolvedScope link_scope(const std::string& interface, const std::vector<const char*>& servers,
                                const std::vector<const char*>& domains, bool default_route,
                                std::uint64_t protocols = kResolvedDns) {
  ResolvedScope scope;
  scope.kind = ResolvedScope::Kind::kLink;
  scope.interface = interface;
  for (const char* server : servers) scope.servers.push_back(dns_server(server));
  for (const char* domain : domains) scope.domains.push_back(dns_domain(domain));
  scope.default_route = default_route;
  scope.live_protocols = protocols;
  return scope;
}

inline ResolvedState resolved_of(std::vector<ResolvedScope> links) {
  ResolvedState resolved;
  resolved.runs = true;
  resolved.version = 252;
  resolved.resolv_conf_mode = "stub";
  resolved.stub_listener = "yes";
  resolved.scopes.emplace_back();
  for (ResolvedScope& link : links) resolved.scopes.push_back(std::move(link));
  return resolved;
}

template <class T>
Observed<T> seen(T value) {
  return Observed<T>(std::move(value), "test");
}

/// eth0 and tun0, systemd-resolved with the tunnel's names, a resolv.conf with its stub, nss-resolve.
inline Snapshot vpn_machine(bool tunnel_runs = true) {
  Machine machine = Machine::ordinary();
  machine.tun("tun0", tunnel_runs).address("tun0", "10.66.0.2/24").tunnel("tun0", "198.51.100.9");
  Snapshot snapshot = machine.snapshot();
  snapshot.host_name = "laptop";
  ResolvConf file = resolv_conf_of({"127.0.0.53"}, {"home.lan"});
  file.link_target = "../run/systemd/resolve/stub-resolv.conf";
  file.real_path = "/run/systemd/resolve/stub-resolv.conf";
  snapshot.dns.resolv_conf = seen(file);
  snapshot.dns.name_service_switch = seen(name_service_switch_of({"files", "resolve", "dns"}));
  snapshot.dns.hosts = seen(std::vector<HostsEntry>{});
  snapshot.dns.name_service_cache = seen(NameServiceCache{});
  snapshot.dns.network_manager = Observed<NetworkManagerDns>::absent("NetworkManager does not run");
  snapshot.dns.dnsmasq = seen(std::vector<DnsmasqInstance>{});
  snapshot.dns.listeners = seen(std::vector<DnsListener>{{dns_server("127.0.0.53"), "systemd-resolve", 812}});
  snapshot.dns.backups = seen(std::vector<ResolvConfBackup>{});
  snapshot.dns.resolved = seen(resolved_of({link_scope("eth0", {"192.0.2.1"}, {"home.lan"}, true),
                                            link_scope("tun0", {"10.66.0.1", "10.66.0.9"}, {"~corp.example"}, false,
                                                       tunnel_runs ? std::uint64_t{kResolvedDns} : 0)}));
  snapshot.dns.resolved->settings = seen(ResolvedSettings{});
  return snapshot;
}

}  // namespace vpndoctor::testing_support
