// SPDX-License-Identifier: Apache-2.0
// Servers that no packet reaches: their interface is dead, or no route leads to them. Nothing is sent to find out.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "dns_checks.h"
#include "routing_checks.h"

namespace vpndoctor {
namespace {

/// Servers that are asked by one program for one purpose.
struct ServerGroup {
  std::string words;      ///< "tun0", "/etc/resolv.conf"
  std::string interface;  ///< bound to it; empty: not bound
  std::vector<DnsServer> servers;
  Evidence evidence;
  Subject subject;
};

/// The kernel takes an IPv4 destination of a bound socket to be on the link when no route says where it is. On a link
/// with neighbours nobody answers for it, unless a router does in its place (proxy ARP).
bool is_only_assumed(const DnsFacts& facts, const FlowAnswer& answer) {
  const Link* link = facts.snapshot.find_link(answer.interface);
  return answer.route == nullptr && link != nullptr && (link->flags & (kLinkNoArp | kLinkPointToPoint)) == 0;
}

/// Why a packet does not get to the server; empty when it may.
std::string why_unreachable(const DnsFacts& facts, const DnsServer& server, const std::string& interface,
                            const FlowAnswer& answer) {
  const std::string bound = interface.empty() ? server.zone : interface;
  if (!bound.empty()) {
    if (const std::string why = why_dead(facts.snapshot, bound); !why.empty()) return fmt::format("{} {}", bound, why);
  }
  switch (answer.fate) {
    case FlowFate::kUnicast: {
      const std::string why = why_dead(facts.snapshot, answer.interface);
      if (!why.empty()) return fmt::format("{} {}", answer.interface, why);
      return is_only_assumed(facts, answer) ? fmt::format("no route leads there by {}", answer.interface)
                                            : std::string();
    }
    case FlowFate::kNone:
    case FlowFate::kBlackhole:
    case FlowFate::kUnreachable:
    case FlowFate::kProhibit:
    case FlowFate::kNoSuchInterface:
      return bound.empty() ? "no route leads there" : fmt::format("no route leads there by {}", bound);
    default:
      return {};
  }
}

std::vector<ServerGroup> groups_of_resolved(const DnsFacts& facts) {
  std::vector<ServerGroup> groups;
  groups.reserve(facts.live.size());
  for (const ResolvedScope* scope : facts.live) {
    groups.push_back(
        {scope_words(*scope), scope->interface, scope->servers, scope_evidence(facts, *scope),
         scope->interface.empty() ? Subject{"host", "systemd-resolved"} : Subject{"interface", scope->interface}});
  }
  return groups;
}

/// True when resolv.conf repeats what systemd-resolved's scopes have (its mode is "uplink").
bool is_told_by_scopes(const DnsFacts& facts) {
  return std::ranges::all_of(facts.file().used_servers, [&](const DnsServer& server) {
    return std::ranges::any_of(facts.live, [&](const ResolvedScope* scope) {
      return std::ranges::find(scope->servers, server.address, &DnsServer::address) != scope->servers.end();
    });
  });
}

/// The servers of a dnsmasq that NetworkManager does not run, by the interface that it binds them to.
void add_upstreams(const DnsmasqInstance& instance, std::vector<ServerGroup>& groups) {
  if (instance.belongs_to_network_manager || !instance.upstreams) return;
  std::map<std::string, std::vector<DnsServer>> by_interface;
  for (const DnsmasqUpstream& upstream : *instance.upstreams) {
    by_interface[upstream.interface].push_back(upstream.server);
  }
  const std::string words = "dnsmasq on " + instance.listens_on.to_string();
  for (const auto& [interface, servers] : by_interface) {
    groups.push_back({words, interface, servers, {"dns", words, "servers " + server_words(servers)}, {"host", words}});
  }
}

/// What dnsmasq and libc ask; what NetworkManager gives to systemd-resolved is that one's own.
std::vector<ServerGroup> groups_of_others(const DnsFacts& facts) {
  std::vector<ServerGroup> groups;
  const NetworkManagerDns* manager = facts.network_manager();
  if (manager != nullptr && manager->mode == "dnsmasq") {
    for (const NetworkManagerDnsEntry& entry : manager->entries) {
      if (entry.servers.empty()) continue;
      groups.push_back({entry.interface,
                        entry.interface,
                        entry.servers,
                        entry_evidence(facts, entry),
                        {"interface", entry.interface}});
    }
  }
  if (facts.snapshot.dns.dnsmasq) {
    for (const DnsmasqInstance& instance : *facts.snapshot.dns.dnsmasq) add_upstreams(instance, groups);
  }
  if (facts.file().exists && !facts.file().nameservers.empty() && !is_told_by_scopes(facts)) {
    groups.push_back(
        {facts.file().path, "", facts.file().used_servers, server_lines(facts), {"file", facts.file().path}});
  }
  return groups;
}

std::vector<ServerGroup> server_groups(const DnsFacts& facts) {
  std::vector<ServerGroup> groups = groups_of_resolved(facts);
  for (ServerGroup& group : groups_of_others(facts)) groups.push_back(std::move(group));
  return groups;
}

/// The servers of a group that no packet reaches, with the reason for the first.
struct DeadServers {
  std::vector<std::string> names;
  std::string why_first;
};

DeadServers dead_servers(const DnsFacts& facts, const ServerGroup& group, Finding& finding) {
  DeadServers dead;
  for (const DnsServer& server : group.servers) {
    const bool is_local = server.address.is_loopback();
    const FlowAnswer answer = way_to(facts, server, is_local ? std::string() : group.interface);
    const std::string why = is_local ? std::string() : why_unreachable(facts, server, group.interface, answer);
    if (why.empty()) continue;
    if (dead.names.empty()) dead.why_first = why;
    dead.names.push_back(server.to_string());
    finding.evidence.push_back(way_evidence(facts, server, answer));
    doubt_way(facts, finding, answer);
    if (answer.fate == FlowFate::kUnicast && is_only_assumed(facts, answer)) finding.confidence = Confidence::kLikely;
  }
  return dead;
}

void add_ways_out(const DnsFacts& facts, const ServerGroup& group, Finding& finding) {
  const std::string address = group.servers.front().address.to_string();
  add_step(finding.remedy,
           "See which way the packets take, and start the VPN or the network that the server belongs to.",
           {user_command({"ip", "route", "get", address})});
  if (group.subject.kind == "file") {
    add_step(finding.remedy, fmt::format("Otherwise put servers into {} that this machine can reach.", group.words));
  } else if (group.subject.kind != "interface") {
    add_step(finding.remedy, fmt::format("Otherwise give other servers to {}.", group.words));
  } else if (facts.resolved_here() != nullptr) {
    add_step(finding.remedy, fmt::format("Otherwise take the DNS settings away from {}.", group.words),
             {root_command({"resolvectl", "revert", group.interface})});
  } else {
    add_step(finding.remedy, fmt::format("Otherwise disconnect {}.", group.words),
             {root_command({"nmcli", "device", "disconnect", group.interface})});
  }
}

void judge_group(const DnsFacts& facts, const ServerGroup& group, DnsFindings& findings) {
  Finding finding = make_finding("DNS003", group.subject);
  finding.evidence.push_back(group.evidence);
  const DeadServers dead = dead_servers(facts, group, finding);
  if (dead.names.empty()) return;
  const bool all = dead.names.size() == group.servers.size();
  finding.severity = all ? Severity::kError : Severity::kWarning;
  finding.title = fmt::format("The DNS server{} {} of {} cannot be reached: {}", dead.names.size() == 1 ? "" : "s",
                              listed(dead.names), group.words, dead.why_first);
  finding.detail = all ? "No name that is asked there is answered."
                       : "Names are answered late, or not at all, while these are tried.";
  add_ways_out(facts, group, finding);
  findings.push_back(std::move(finding));
}

/// macOS tells itself whether it can reach a resolver's servers.
void judge_macos(const DnsFacts& facts, DnsFindings& findings) {
  if (!facts.snapshot.dns.macos) return;
  for (const MacosResolver& resolver : facts.snapshot.dns.macos->resolvers) {
    const bool is_dead = std::ranges::count(resolver.reach, "Not Reachable") != 0;
    if (!is_dead || resolver.servers.empty() || resolver.section != MacosResolver::Section::kUnscoped) continue;
    const std::string id = fmt::format("resolver #{}", resolver.number);
    Finding finding = make_finding("DNS003", {"resolver", id});
    const std::string names = resolver.domain.empty() ? std::string() : " for " + resolver.domain;
    finding.title = fmt::format("The DNS servers {}{} cannot be reached", server_words(resolver.servers), names);
    finding.detail = "macOS has no route to them: names that are asked there are not answered.";
    finding.evidence.push_back({"capture", facts.snapshot.dns.macos.source() + ", " + id, "reach: Not Reachable"});
    add_step(finding.remedy, "Start the VPN again, or disconnect it in the network settings; then look again.",
             {{"macos", {"scutil", "--dns"}, false}});
    findings.push_back(std::move(finding));
  }
}

}  // namespace

void check_unreachable_server(const DnsFacts& facts, DnsFindings& findings) {
  if (!has_network(facts)) return;
  if (facts.snapshot.platform == Platform::kMacos) return judge_macos(facts, findings);
  for (const ServerGroup& group : server_groups(facts)) judge_group(facts, group, findings);
}

}  // namespace vpndoctor
