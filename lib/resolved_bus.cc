// SPDX-License-Identifier: Apache-2.0
// Understands the properties that systemd-resolved has on D-Bus; see resolved_reply.h.
#include <algorithm>
#include <charconv>
#include <set>
#include <span>

#include "vpndoctor/resolved_reply.h"

namespace vpndoctor {
namespace {

/// Reads a server from the fields behind its interface index, if it has one: (iayqs) is family, address, port, name.
std::optional<DnsServer> server_from(const BusValue& fields, std::size_t first, const std::string& interface) {
  const auto address = IpAddress::from_bytes(std::as_bytes(std::span(fields.item(first + 1).text())));
  if (!address) return std::nullopt;
  DnsServer server;
  server.address = *address;
  if (const std::string& name = fields.item(first + 3).text(); !name.empty())
    server.tls_name = canonical_dns_name(name);
  const std::int64_t port = fields.item(first + 2).number();
  if (port > 0 && port <= 0xffff) server.port = static_cast<std::uint16_t>(port);
  if (address->is_link_local()) server.zone = interface;
  return server;
}

std::vector<DnsServer> servers_from(const BusValue& list, std::size_t first, const std::string& interface) {
  std::vector<DnsServer> servers;
  for (const BusValue& each : list.items()) {
    if (servers.size() == kMostScopeEntries) break;
    if (auto server = server_from(each, first, interface)) servers.push_back(std::move(*server));
  }
  return servers;
}

int index_in(const BusValue& fields) {
  const std::int64_t index = fields.item(0).number();
  return index > 0 && index <= 0x7fffffff ? static_cast<int>(index) : 0;
}

void take_words(const BusValue& properties, ResolvedScope& scope) {
  scope.llmnr = properties["LLMNR"].text();
  scope.multicast_dns = properties["MulticastDNS"].text();
  scope.dns_over_tls = properties["DNSOverTLS"].text();
  scope.dnssec = properties["DNSSEC"].text();
}

std::vector<DnsDomain> global_domains(const BusValue& list) {
  std::vector<DnsDomain> domains;
  for (const BusValue& each : list.items()) {
    if (index_in(each) != 0 || each.item(1).text().empty() || domains.size() == kMostScopeEntries) continue;
    domains.push_back({canonical_dns_name(each.item(1).text()), each.item(2).truth()});
  }
  return domains;
}

bool is_same_place(const DnsServer& one, const DnsServer& other) {
  return one.address == other.address && one.port == other.port;
}

}  // namespace

ResolvedReply read_resolved_manager(const BusValue& properties) {
  ResolvedReply reply;
  ResolvedState& state = reply.state;
  state.source = ResolvedState::Source::kDbus;
  state.runs = true;
  state.resolv_conf_mode = properties["ResolvConfMode"].text();
  state.stub_listener = properties["DNSStubListener"].text();
  state.fallback_servers = servers_from(properties["FallbackDNSEx"], 1, {});
  ResolvedScope global;
  take_words(properties, global);
  // The manager always has a scope for DNS (manager_new() of resolved-manager.c), and tells of no other one.
  global.live_protocols = kResolvedDns;
  global.domains = global_domains(properties["Domains"]);
  const BusValue& current = properties["CurrentDNSServerEx"];
  if (index_in(current) == 0) global.current_server = server_from(current, 1, {});
  state.scopes.push_back(std::move(global));
  return reply;
}

ResolvedScope read_resolved_link(const BusValue& properties, int index, const std::string& name) {
  ResolvedScope scope;
  scope.kind = ResolvedScope::Kind::kLink;
  scope.interface = name;
  scope.interface_index = index;
  take_words(properties, scope);
  scope.servers = servers_from(properties["DNSEx"], 0, name);
  scope.current_server = server_from(properties["CurrentDNSServerEx"], 0, name);
  for (const BusValue& each : properties["Domains"].items()) {
    if (scope.domains.size() == kMostScopeEntries) break;
    if (each.item(0).text().empty()) continue;
    scope.domains.push_back({canonical_dns_name(each.item(0).text()), each.item(1).truth()});
  }
  if (const BusValue& value = properties["DefaultRoute"]; !value.is_empty()) scope.default_route = value.truth();
  if (const BusValue& mask = properties["ScopesMask"]; !mask.is_empty()) {
    scope.live_protocols = static_cast<std::uint64_t>(mask.number());
  }
  return scope;
}

void assign_global_servers(ResolvedReply& reply, const BusValue& manager_properties) {
  std::vector<ResolvedScope>& scopes = reply.state.scopes;
  for (const BusValue& each : manager_properties["DNSEx"].items()) {
    const int index = index_in(each);
    const auto link = std::ranges::find_if(
        scopes, [index](const ResolvedScope& s) { return index != 0 && s.interface_index == index; });
    const bool has_link = link != scopes.end();
    auto server = server_from(each, 1, has_link ? link->interface : std::string());
    if (!server || scopes.front().servers.size() == kMostScopeEntries) continue;
    const auto is_it = [&server](const DnsServer& other) { return is_same_place(*server, other); };
    if (index != 0 && (!has_link || std::ranges::any_of(link->servers, is_it))) continue;
    scopes.front().servers.push_back(std::move(*server));
  }
}

std::vector<int> indexes_in_manager(const BusValue& properties) {
  std::set<int> indexes;
  for (const char* list : {"DNSEx", "Domains"}) {
    for (const BusValue& each : properties[list].items()) {
      if (const int index = index_in(each); index != 0) indexes.insert(index);
    }
  }
  return {indexes.begin(), indexes.end()};
}

std::vector<int> indexes_in_introspection(std::string_view xml) {
  constexpr std::string_view kBefore = "<node name=\"_3";
  std::set<int> indexes;
  for (auto at = xml.find(kBefore); at != std::string_view::npos; at = xml.find(kBefore, at + 1)) {
    std::string_view digits = xml.substr(at + kBefore.size());
    digits = digits.substr(0, digits.find('"'));
    int index = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    if (error == std::errc() && end == digits.data() + digits.size() && index > 0) indexes.insert(index);
  }
  return {indexes.begin(), indexes.end()};
}

}  // namespace vpndoctor
