// SPDX-License-Identifier: Apache-2.0
// A machine with its routes and its resolver configuration, built sentence by sentence, for tests of the checks of name
// resolution. Every source is known; what is not set up is not on the machine.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "dns_machine.h"
#include "machine.h"
#include "vpndoctor/dns_checks.h"

namespace vpndoctor::testing_support {

/// The steps by which a Machine is built, which can be repeated.
class MachinePlan {
 public:
  template <class... Words>
  MachinePlan& link(Words... words) {
    return add([=](Machine& machine) { machine.link(words...); });
  }
  MachinePlan& tun(const std::string& name, bool running = true) {
    return add([=](Machine& machine) { machine.tun(name, running); });
  }
  MachinePlan& address(const std::string& interface, const std::string& address_and_length) {
    return add([=](Machine& machine) { machine.address(interface, address_and_length); });
  }
  MachinePlan& route(const RouteSpec& spec) {
    return add([=](Machine& machine) { machine.route(spec); });
  }
  MachinePlan& rule(const Rule& rule) {
    return add([=](Machine& machine) { machine.rule(rule); });
  }
  MachinePlan& tunnel(const std::string& interface, const std::string& endpoint, std::uint32_t mark = 0) {
    return add([=](Machine& machine) { machine.tunnel(interface, endpoint, mark); });
  }
  static MachinePlan ordinary() {
    MachinePlan plan;
    plan.is_ordinary_ = true;
    return plan;
  }
  Snapshot snapshot() const {
    Machine machine = is_ordinary_ ? Machine::ordinary() : Machine();
    for (const auto& step : steps_) step(machine);
    return machine.snapshot();
  }

 private:
  MachinePlan& add(std::function<void(Machine&)> step) {
    steps_.push_back(std::move(step));
    return *this;
  }

  std::vector<std::function<void(Machine&)>> steps_;
  bool is_ordinary_ = false;
};

class DnsScene {
 public:
  /// eth0 with 192.0.2.2/24 and 2001:db8:1::2/64, and both default routes; resolv.conf names 192.0.2.1.
  static DnsScene debian() {
    DnsScene scene(MachinePlan::ordinary());
    scene.resolv_conf({"192.0.2.1"}, {"home.lan"});
    scene.names_by({"files", "dns"});
    return scene;
  }

  /// The same with systemd-resolved: eth0 has 192.0.2.1 and home.lan, resolv.conf leads to the stub.
  static DnsScene ubuntu(unsigned version = 252) {
    DnsScene scene = debian();
    scene.dns.resolved = {resolved_of({link_scope("eth0", {"192.0.2.1"}, {"home.lan"}, true)}), "D-Bus"};
    scene.resolved().version = version;
    scene.resolved().settings = {ResolvedSettings{}, "/etc/systemd/resolved.conf"};
    scene.resolv_conf({"127.0.0.53"}, {"home.lan"});
    scene.leads_to("/run/systemd/resolve/stub-resolv.conf");
    scene.listens("127.0.0.53", "systemd-resolve");
    return scene;
  }

  /// A machine without any network but the loopback.
  static DnsScene offline() {
    DnsScene scene((MachinePlan()));
    scene.resolv_conf({"192.0.2.1"});
    scene.names_by({"files", "dns"});
    return scene;
  }

  /// Adds tun0 with 10.66.0.2/24: the server 10.66.0.1 is behind it.
  DnsScene& split_tunnel(bool running = true) {
    machine.tun("tun0", running).address("tun0", "10.66.0.2/24");
    return *this;
  }

  /// Adds tun0 as wg-quick and OpenVPN do for everything of IPv4, and of IPv6 unless told otherwise.
  DnsScene& full_tunnel(bool inet6 = true) {
    split_tunnel();
    machine.route({.destination = "0.0.0.0/1", .interface = "tun0"});
    machine.route({.destination = "128.0.0.0/1", .interface = "tun0"});
    if (inet6) machine.address("tun0", "fd00:8::2/64");
    if (inet6) machine.route({.destination = "::/1", .interface = "tun0"});
    if (inet6) machine.route({.destination = "8000::/1", .interface = "tun0"});
    return *this;
  }

  DnsScene& scope(ResolvedScope scope) {
    resolved().scopes.push_back(std::move(scope));
    return *this;
  }
  /// Servers and domains of systemd-resolved's tun0, which is no default route.
  DnsScene& tunnel_scope(const std::vector<const char*>& servers, const std::vector<const char*>& domains,
                         std::uint64_t protocols = kResolvedDns) {
    return scope(link_scope("tun0", servers, domains, false, protocols));
  }
  DnsScene& resolv_conf(const std::vector<const char*>& servers, const std::vector<std::string>& search = {}) {
    dns.resolv_conf = {resolv_conf_of(servers, search), "/etc/resolv.conf"};
    dns.resolv_conf->real_path = dns.resolv_conf->path;
    return *this;
  }
  /// Makes resolv.conf a link.
  DnsScene& leads_to(const std::string& path) {
    dns.resolv_conf->link_target = dns.resolv_conf->real_path = path;
    return *this;
  }
  DnsScene& note(const std::string& comment) {
    dns.resolv_conf->notes.push_back(comment);
    return *this;
  }
  DnsScene& names_by(const std::vector<std::string>& services) {
    dns.name_service_switch = {name_service_switch_of(services), "/etc/nsswitch.conf"};
    return *this;
  }
  DnsScene& listens(const char* server, const std::string& process) {
    dns.listeners->push_back({dns_server(server), process, 7U});
    return *this;
  }
  DnsScene& mode(const std::string& resolv_conf_mode) {
    resolved().resolv_conf_mode = resolv_conf_mode;
    return *this;
  }
  DnsScene& network_manager(const std::string& mode, const std::string& rc_manager) {
    NetworkManagerDns manager;
    manager.mode = mode;
    manager.rc_manager = rc_manager;
    dns.network_manager = {std::move(manager), "D-Bus"};
    return *this;
  }
  DnsScene& entry(const std::string& interface, const std::vector<const char*>& servers,
                  const std::vector<const char*>& domains = {}, int priority = 100) {
    NetworkManagerDnsEntry entry;
    entry.interface = interface;
    entry.priority = priority;
    for (const char* server : servers) entry.servers.push_back(dns_server(server));
    for (const char* domain : domains) entry.domains.push_back(dns_domain(domain));
    dns.network_manager->entries.push_back(std::move(entry));
    return *this;
  }
  ResolvedState& resolved() { return *dns.resolved; }
  ResolvedScope& scope_of(const std::string& interface) {
    return *std::ranges::find(resolved().scopes, interface, &ResolvedScope::interface);
  }
  ResolvedScope& global() { return resolved().scopes.front(); }

  Snapshot snapshot() const {
    Snapshot snapshot = machine.snapshot();
    snapshot.dns = dns;
    return snapshot;
  }

  MachinePlan machine;
  DnsConfiguration dns;

 private:
  explicit DnsScene(MachinePlan its_machine) : machine(std::move(its_machine)) {
    dns.resolved = Observed<ResolvedState>::absent("systemd-resolved does not run");
    dns.network_manager = Observed<NetworkManagerDns>::absent("NetworkManager does not run");
    dns.listeners = {{}, "netlink"};
    dns.backups = {{}, "files"};
    dns.hosts = {{}, "/etc/hosts"};
  }
};

/// The findings in the order of the report, "DNS001 error" each, joined by commas; empty when there is none.
inline std::string findings_of(const Snapshot& snapshot) {
  std::string text;
  for (const Finding& each : check_dns(snapshot, 0).findings) {
    text += (text.empty() ? "" : ", ") + each.code + " " + severity_name(each.severity);
  }
  return text;
}
inline std::string findings_of(const DnsScene& scene) { return findings_of(scene.snapshot()); }

/// The checks that were not made, with their reasons, one a line.
inline std::string skipped_of(const Snapshot& snapshot) {
  std::string text;
  for (const Skipped& each : check_dns(snapshot, 0).skipped) text += each.code + ": " + each.reason + "\n";
  return text;
}

}  // namespace vpndoctor::testing_support
