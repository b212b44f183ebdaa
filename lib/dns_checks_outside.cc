// SPDX-License-Identifier: Apache-2.0
// Servers that are reached beside the tunnel: a tunnel's own that the routes send elsewhere, IPv6 ones beside a VPN of
// IPv4, and one that is asked before the tunnel's and so decides.
#include <fmt/format.h>

#include <algorithm>

#include "default_way.h"
#include "dns_checks.h"
#include "routing_checks.h"

namespace vpndoctor {
namespace {

/// Pins a server's packets to the tunnel.
Command pin_route(const DnsServer& server, const std::string& interface) {
  const char* family = server.address.family == Family::kInet ? "-4" : "-6";
  return root_command({"ip", family, "route", "add", IpPrefix::host(server.address).to_string(), "dev", interface});
}

/// A tunnel's server, who told of it, and where its packets go.
struct StrayServer {
  const DnsServer& server;
  const std::string& interface;  ///< of the tunnel
  const FlowAnswer& answer;
  bool only_streams;  ///< datagrams are kept on the tunnel's link; streams follow the routes
};

void add_stray(const DnsFacts& facts, const StrayServer& stray, Evidence evidence, DnsFindings& findings) {
  Finding finding = make_finding("DNS004", {"interface", stray.interface});
  const bool has_way = stray.answer.fate == FlowFate::kUnicast;
  const std::string server = stray.server.to_string();
  if (!has_way || !leaves_outside(facts, stray.answer)) finding.severity = Severity::kWarning;
  finding.title = has_way
                      ? fmt::format("{} is the DNS server of {}, but its packets are routed through {}", server,
                                    stray.interface, stray.answer.interface)
                      : fmt::format("{} is the DNS server of {}, but no route leads to it", server, stray.interface);
  finding.detail =
      stray.only_streams
          ? "systemd-resolved sends UDP through the tunnel's link whatever the routes say, but its TCP follows the "
            "routes: large answers are fetched, and a silent server is asked again, outside the tunnel."
          : "The names that are meant for the VPN leave the machine outside the tunnel.";
  finding.evidence = {std::move(evidence), way_evidence(facts, stray.server, stray.answer)};
  doubt_way(facts, finding, stray.answer);
  add_step(
      finding.remedy,
      fmt::format("Route the server through {}; with WireGuard add it to AllowedIPs of the peer.", stray.interface),
      {pin_route(stray.server, stray.interface)});
  findings.push_back(std::move(finding));
}

/// The way to a tunnel's server when the routes do not lead there through this tunnel.
std::optional<FlowAnswer> stray_way(const DnsFacts& facts, const DnsServer& server, const std::string& interface) {
  // A link-local address with a zone, and one of this machine, are where they are.
  if (server.address.is_loopback() || server.address.is_link_local() || !why_dead(facts.snapshot, interface).empty()) {
    return std::nullopt;
  }
  FlowAnswer answer = way_to(facts, server);
  if (answer.fate != FlowFate::kUnicast && answer.fate != FlowFate::kNone) return std::nullopt;
  if (answer.fate == FlowFate::kUnicast && only_interface(answer) == interface) return std::nullopt;
  // Unreachable on either way: that is another finding's.
  if (answer.fate == FlowFate::kNone && way_to(facts, server, interface).fate != FlowFate::kUnicast)
    return std::nullopt;
  return answer;
}

void judge_scope(const DnsFacts& facts, const ResolvedScope& scope, DnsFindings& findings) {
  for (const DnsServer& server : scope.servers) {
    const auto answer = stray_way(facts, server, scope.interface);
    if (!answer) continue;
    add_stray(facts, {server, scope.interface, *answer, true}, scope_evidence(facts, scope), findings);
    return;
  }
}

/// libc binds no socket: what resolv.conf names follows the routes.
void judge_entry(const DnsFacts& facts, const NetworkManagerDnsEntry& entry, DnsFindings& findings) {
  const auto& used = facts.file().used_servers;
  for (const DnsServer& server : entry.servers) {
    if (std::ranges::find(used, server.address, &DnsServer::address) == used.end()) continue;
    const auto answer = stray_way(facts, server, entry.interface);
    if (!answer || answer->fate != FlowFate::kUnicast) continue;
    add_stray(facts, {server, entry.interface, *answer, false}, entry_evidence(facts, entry), findings);
    return;
  }
}

/// The tunnel that has all of IPv4 while IPv6 is not in any.
std::optional<std::string> inet_only_tunnel(const DnsFacts& facts) {
  if (full_tunnel(facts, Family::kInet6)) return std::nullopt;
  return full_tunnel(facts, Family::kInet);
}

/// The IPv6 servers that are reached outside of tunnels.
std::vector<DnsServer> outside_inet6(const DnsFacts& facts, const std::vector<DnsServer>& servers,
                                     const std::string& interface) {
  std::vector<DnsServer> outside;
  for (const DnsServer& server : servers) {
    if (server.address.family != Family::kInet6 || server.address.is_loopback()) continue;
    if (leaves_outside(facts, way_to(facts, server, interface))) outside.push_back(server);
  }
  return outside;
}

Finding inet6_finding(const DnsFacts& facts, const std::vector<DnsServer>& servers, const std::string& tunnel,
                      Subject subject) {
  Finding finding = make_finding("DNS012", std::move(subject));
  finding.title = fmt::format("Names are asked of the IPv6 server{} {} beside the IPv4 tunnel {}",
                              servers.size() == 1 ? "" : "s", server_words(servers), tunnel);
  finding.detail =
      "All IPv4 goes through the VPN, but the network told this machine an IPv6 server as well, by a router "
      "advertisement or DHCPv6: the names of what you visit leave the machine outside the tunnel.";
  const FlowAnswer answer = way_to(facts, servers.front(), servers.front().zone);
  finding.evidence.push_back(way_evidence(facts, servers.front(), answer));
  doubt_way(facts, finding, answer);
  return finding;
}

void judge_inet6_scope(const DnsFacts& facts, const ResolvedScope& scope, const std::string& tunnel,
                       DnsFindings& findings) {
  const auto servers = outside_inet6(facts, scope.servers, scope.interface);
  if (servers.empty() || is_of_tunnel(facts, scope)) return;
  Subject subject =
      scope.interface.empty() ? Subject{"host", "systemd-resolved"} : Subject{"interface", scope.interface};
  Finding finding = inet6_finding(facts, servers, tunnel, std::move(subject));
  finding.evidence.push_back(scope_evidence(facts, scope));
  const auto& scopes = facts.resolved().scopes;
  const auto own = std::ranges::find(scopes, tunnel, &ResolvedScope::interface);
  add_step(finding.remedy, fmt::format("Let {} take all names, so that no other link is asked.", tunnel),
           {own == scopes.end() ? root_command({"resolvectl", "domain", tunnel, "~."}) : set_domains(*own, {"~."})});
  if (!scope.interface.empty()) {
    add_step(finding.remedy, fmt::format("Or do not ask {} for anything but its own domains.", scope.interface),
             {root_command({"resolvectl", "default-route", scope.interface, "no"})});
  }
  findings.push_back(std::move(finding));
}

void judge_inet6_file(const DnsFacts& facts, const std::string& tunnel, DnsFindings& findings) {
  const auto& used = facts.file().used_servers;
  const auto servers = outside_inet6(facts, used, {});
  if (servers.empty()) return;
  Finding finding = inet6_finding(facts, servers, tunnel, {"file", facts.file().path});
  if (used.front() != servers.front() && facts.file().rotate) {
    finding.detail += " With the option rotate that happens every other time.";
  } else if (used.front() != servers.front()) {
    finding.severity = Severity::kWarning;
    finding.detail += " It is asked when the servers before it do not answer.";
  }
  finding.evidence.push_back(server_lines(facts));
  add_step(finding.remedy,
           fmt::format("Take the line out of {}, and let the machine not take servers from router advertisements.",
                       facts.file().path),
           {root_command({"sed", "-i", fmt::format("/^nameserver {}/d", servers.front().address),
                          facts.file().real_path.empty() ? facts.file().path : facts.file().real_path})});
  findings.push_back(std::move(finding));
}

bool is_told_to_be_a_tunnels(const DnsFacts& facts, const DnsServer& server) {
  const auto has_it = [&](const std::vector<DnsServer>& servers) {
    return std::ranges::find(servers, server.address, &DnsServer::address) != servers.end();
  };
  const NetworkManagerDns* manager = facts.network_manager();
  const bool by_manager = manager != nullptr && std::ranges::any_of(manager->entries, [&](const auto& entry) {
                            return is_tunnel(facts.snapshot, entry.interface) && has_it(entry.servers);
                          });
  return by_manager || std::ranges::any_of(facts.live, [&](const ResolvedScope* scope) {
           return is_of_tunnel(facts, *scope) && has_it(scope->servers);
         });
}

/// True for a server that belongs to a tunnel's network. A public one that merely goes the way of everything does not.
bool is_tunnels_server(const DnsFacts& facts, const DnsServer& server) {
  const FlowAnswer answer = way_to(facts, server);
  if (!leaves_by_tunnel(facts, answer)) return false;
  const bool has_own_route = answer.route != nullptr && !is_default_part(answer.route->destination);
  return has_own_route || is_told_to_be_a_tunnels(facts, server);
}

void add_order(const DnsFacts& facts, const DnsServer& hidden, const FlowAnswer& way, Finding& finding) {
  const std::string server = hidden.to_string();
  if (facts.network_manager() != nullptr) {
    add_step(finding.remedy, "Give the VPN's servers priority over those of the other networks.",
             {root_command({"nmcli", "device", "modify", std::string(way.interface), "ipv4.dns-priority", "-50"})});
  }
  const std::string& path = facts.file().real_path.empty() ? facts.file().path : facts.file().real_path;
  add_step(
      finding.remedy, fmt::format("Put {} first; for good, in the program that writes {}.", server, path),
      {root_command({"sed", "-i",
                     fmt::format("0,/^nameserver/s/^nameserver/nameserver {}\\nnameserver/", hidden.address), path})});
}

}  // namespace

const DnsServer* hidden_server(const DnsFacts& facts) {
  const auto& used = facts.file().used_servers;
  if (used.empty()) return nullptr;
  const auto found = std::find_if(used.begin() + 1, used.end(),
                                  [&](const DnsServer& server) { return is_tunnels_server(facts, server); });
  return found == used.end() ? nullptr : &*found;
}

void check_server_outside(const DnsFacts& facts, DnsFindings& findings) {
  for (const ResolvedScope* scope : facts.live) {
    if (is_of_tunnel(facts, *scope)) judge_scope(facts, *scope, findings);
  }
  const NetworkManagerDns* manager = facts.network_manager();
  if (manager == nullptr || !facts.snapshot.dns.resolv_conf) return;
  for (const NetworkManagerDnsEntry& entry : manager->entries) {
    if (is_tunnel(facts.snapshot, entry.interface)) judge_entry(facts, entry, findings);
  }
}

void check_inet6_server(const DnsFacts& facts, DnsFindings& findings) {
  const auto tunnel = inet_only_tunnel(facts);
  if (!tunnel) return;
  for (const ResolvedScope* scope : asked_for(facts, ".")) judge_inet6_scope(facts, *scope, *tunnel, findings);
  if (facts.live.empty() && facts.file().exists && !facts.file().nameservers.empty()) {
    judge_inet6_file(facts, *tunnel, findings);
  }
}

void check_first_server(const DnsFacts& facts, DnsFindings& findings) {
  const DnsServer* first = first_remote_server(facts);
  if (first == nullptr) return;
  const FlowAnswer answer = way_to(facts, *first);
  const DnsServer* hidden = hidden_server(facts);
  if (hidden == nullptr || !leaves_outside(facts, answer)) return;
  Finding finding = make_finding("DNS016", {"file", facts.file().path});
  finding.title = fmt::format("{} is asked before {}, the server behind the tunnel, and its \"no such name\" is final",
                              first->to_string(), hidden->to_string());
  finding.detail = fmt::format(
      "glibc asks the next server only when the one before does not answer or fails. Names that exist only in the VPN "
      "go "
      "to {} outside the tunnel, and are not found{}.",
      first->to_string(), facts.file().rotate ? "; with the option rotate that happens every other time" : "");
  const FlowAnswer hidden_way = way_to(facts, *hidden);
  finding.evidence = {server_lines(facts), way_evidence(facts, *first, answer),
                      way_evidence(facts, *hidden, hidden_way)};
  doubt_way(facts, finding, answer);
  doubt_way(facts, finding, hidden_way);
  if (libc_asks_resolved(facts)) finding.severity = Severity::kWarning;
  if (const auto* resolved = facts.resolved_here(); resolved != nullptr && resolved->resolv_conf_mode == "uplink") {
    finding.caused_by = {"DNS009"};
  }
  add_order(facts, *hidden, hidden_way, finding);
  findings.push_back(std::move(finding));
}

}  // namespace vpndoctor
