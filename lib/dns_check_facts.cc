// SPDX-License-Identifier: Apache-2.0
// What the checks of name resolution share; see the header.
#include <fmt/format.h>

#include <algorithm>

#include "default_way.h"
#include "dns_checks.h"
#include "routing_checks.h"
#include "vpndoctor/route_words.h"

namespace vpndoctor {
namespace {

bool leaves_by_some(const FlowAnswer& answer, const auto& is_wanted) {
  if (answer.fate != FlowFate::kUnicast) return false;
  if (answer.candidates.empty()) return is_wanted(answer.interface);
  return std::ranges::all_of(answer.candidates, [&](const FlowWay& way) { return is_wanted(way.interface); });
}

}  // namespace

const NetworkManagerDns* DnsFacts::network_manager() const {
  const NetworkManagerDns* known = snapshot.dns.network_manager.get();
  return known != nullptr && known->foreign.empty() ? known : nullptr;
}

const ResolvedState* DnsFacts::resolved_here() const {
  const ResolvedState* known = snapshot.dns.resolved.get();
  return known != nullptr && known->foreign.empty() && known->runs.value_or(true) ? known : nullptr;
}

bool is_of_tunnel(const DnsFacts& facts, const ResolvedScope& scope) {
  return scope.kind == ResolvedScope::Kind::kLink && is_tunnel(facts.snapshot, scope.interface);
}

FlowAnswer way_to(const DnsFacts& facts, const DnsServer& server, std::string_view interface) {
  Flow flow;
  flow.destination = server.address;
  flow.output_interface = interface.empty() ? server.zone : std::string(interface);
  flow.uid = facts.uid;
  return facts.fib.lookup(flow);
}

bool leaves_by_tunnel(const DnsFacts& facts, const FlowAnswer& answer) {
  return leaves_by_some(answer, [&](std::string_view interface) { return is_tunnel(facts.snapshot, interface); });
}

bool leaves_outside(const DnsFacts& facts, const FlowAnswer& answer) {
  return leaves_by_some(answer, [&](std::string_view interface) {
    const Link* link = facts.snapshot.find_link(interface);
    return link != nullptr && !link->is_loopback() && !is_tunnel(facts.snapshot, interface);
  });
}

bool may_leave_outside(const DnsFacts& facts, const ResolvedScope& scope) {
  if (is_of_tunnel(facts, scope)) return false;
  if (scope.kind == ResolvedScope::Kind::kLink || !facts.snapshot.routes) return true;
  return std::ranges::any_of(scope.servers,
                             [&](const DnsServer& server) { return leaves_outside(facts, way_to(facts, server)); });
}

std::optional<std::string> full_tunnel(const DnsFacts& facts, Family family) {
  const auto way = default_way(facts.snapshot, family);
  if (!way || way->type != RouteType::kUnicast || way->interfaces.size() != 1) return std::nullopt;
  if (!is_tunnel(facts.snapshot, way->interfaces.front())) return std::nullopt;
  return way->interfaces.front();
}

std::optional<std::string> full_tunnel(const DnsFacts& facts) {
  const auto inet = full_tunnel(facts, Family::kInet);
  return inet ? inet : full_tunnel(facts, Family::kInet6);
}

bool has_network(const DnsFacts& facts) {
  return std::ranges::any_of(*facts.snapshot.links,
                             [](const Link& link) { return !link.is_loopback() && link.is_up() && link.is_running(); });
}

bool has_live_tunnel(const DnsFacts& facts) {
  return std::ranges::any_of(*facts.snapshot.links, [&](const Link& link) {
    return link.is_up() && link.is_running() && is_tunnel(facts.snapshot, link.name);
  });
}

bool libc_asks_resolved(const DnsFacts& facts) {
  const ResolvedState* resolved = facts.resolved_here();
  if (resolved == nullptr || !facts.snapshot.dns.name_service_switch) return false;
  for (const NssService& service : facts.snapshot.dns.name_service_switch->hosts) {
    if (service.name == "dns") return false;
    if (service.name == "resolve" && service.is_installed.value_or(true)) return true;
  }
  return false;
}

const DnsServer* first_remote_server(const DnsFacts& facts) {
  if (!facts.file().exists || facts.file().used_servers.empty()) return nullptr;
  const DnsServer& first = facts.file().used_servers.front();
  return way_to(facts, first).fate == FlowFate::kLocal || first.address.is_loopback() ? nullptr : &first;
}

Evidence file_evidence(const DnsFacts& facts, std::string text) { return {"file", facts.file().path, std::move(text)}; }

Evidence server_lines(const DnsFacts& facts) {
  if (facts.file().nameservers.empty()) return file_evidence(facts, "no nameserver line: glibc asks 127.0.0.1");
  std::string lines;
  for (const DnsServer& server : facts.file().used_servers)
    lines += (lines.empty() ? "nameserver " : ", nameserver ") + server.to_string();
  return file_evidence(facts, std::move(lines));
}

Evidence scope_evidence(const DnsFacts& facts, const ResolvedScope& scope) {
  const auto is_live = std::ranges::find(facts.live, &scope) != facts.live.end();
  std::string text = fmt::format("servers {}; domains {}", scope.servers.empty() ? "none" : server_words(scope.servers),
                                 scope.domains.empty() ? "none" : domain_words(scope.domains));
  if (scope.default_route) text += fmt::format("; default route {}", *scope.default_route ? "yes" : "no");
  text += is_live ? "; live" : "; not live";
  return {"dns", "systemd-resolved, " + scope_words(scope), std::move(text)};
}

Evidence entry_evidence(const DnsFacts& /*facts*/, const NetworkManagerDnsEntry& entry) {
  return {"dns", "NetworkManager, " + entry.interface,
          fmt::format("servers {}; domains {}; priority {}", server_words(entry.servers),
                      entry.domains.empty() ? "none" : domain_words(entry.domains), entry.priority)};
}

Evidence way_evidence(const DnsFacts& facts, const DnsServer& server, const FlowAnswer& answer) {
  std::string text = fmt::format("a packet to {} ", server.to_string());
  if (answer.fate == FlowFate::kUnicast) {
    text += fmt::format("leaves by {}", answer.interface);
  } else {
    text += answer.fate == FlowFate::kNone ? "has no route" : fmt::format("ends as {}", flow_fate_name(answer.fate));
  }
  if (answer.route != nullptr) {
    text += ": " + joined(route_words(*facts.snapshot.routes, *answer.route));
    return proof(facts.snapshot.routes, "table " + facts.snapshot.table_name(answer.route->table), std::move(text));
  }
  return proof(facts.snapshot.routes, "route lookup", std::move(text));
}

void doubt_way(const DnsFacts& facts, Finding& finding, const FlowAnswer& answer) {
  doubt(facts.snapshot, finding, answer.uncertain);
}

}  // namespace vpndoctor
