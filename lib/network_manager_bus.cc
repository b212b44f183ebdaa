// SPDX-License-Identifier: Apache-2.0
// Understands the properties of NetworkManager's DnsManager; see network_manager_reply.h.
#include <fmt/format.h>

#include <algorithm>

#include "vpndoctor/network_manager_reply.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMost = 10'000;  // entries, and servers and domains of one
constexpr std::size_t kMostLimits = 20;

DnsDomain domain_from(std::string_view text) {
  const bool route_only = text.starts_with('~');
  return {canonical_dns_name(text.substr(route_only ? 1 : 0)), route_only};
}

NetworkManagerDnsEntry entry_from(const BusValue& fields, std::vector<std::string>& limits) {
  NetworkManagerDnsEntry entry;
  entry.interface = fields["interface"].text();
  entry.priority = static_cast<int>(fields["priority"].number());
  entry.vpn = fields["vpn"].truth();
  for (const BusValue& each : fields["nameservers"].items()) {
    if (entry.servers.size() == kMost) break;
    auto server = DnsServer::parse(each.text());
    if (server && server->address.is_link_local() && server->zone.empty()) server->zone = entry.interface;
    if (server) {
      entry.servers.push_back(std::move(*server));
    } else if (limits.size() < kMostLimits) {
      limits.push_back(fmt::format("its server {} was not understood", in_quotes(each.text())));
    }
  }
  for (const BusValue& each : fields["domains"].items()) {
    if (entry.domains.size() == kMost || each.text().empty()) continue;
    entry.domains.push_back(domain_from(each.text()));
  }
  return entry;
}

/// The domains of an IP configuration: its search domains, or else its domains (nm-dns-manager.c).
std::vector<DnsDomain> domains_of(const BusValue& ip_configuration) {
  std::vector<DnsDomain> domains;
  const BusValue& searches = ip_configuration["Searches"];
  for (const BusValue& each : (searches.items().empty() ? ip_configuration["Domains"] : searches).items()) {
    if (domains.size() == kMost) break;
    domains.push_back(domain_from(each.text()));
  }
  return domains;
}

bool is_of_family(const NetworkManagerDnsEntry& entry, Family family) {
  return !entry.servers.empty() && entry.servers.front().address.family == family;
}

}  // namespace

void add_wildcard_domain(NetworkManagerDns& dns, const std::string& interface, Family family,
                         const BusValue& ip_configuration) {
  std::vector<DnsDomain> domains = domains_of(ip_configuration);
  if (std::erase_if(domains, [](const DnsDomain& domain) { return domain.name == "."; }) == 0) return;
  for (NetworkManagerDnsEntry& entry : dns.entries) {
    const bool is_its = interface.empty() ? entry.vpn : entry.interface == interface;
    const bool is_same = entry.priority == ip_configuration["DnsPriority"].number() && entry.domains == domains;
    if (is_its && is_same && is_of_family(entry, family)) entry.domains.push_back({".", true});
  }
}

NetworkManagerDns read_dns_manager(const BusValue& properties, std::vector<std::string>& limits) {
  NetworkManagerDns dns;
  dns.mode = properties["Mode"].text();
  dns.rc_manager = properties["RcManager"].text();
  for (const BusValue& each : properties["Configuration"].items()) {
    if (dns.entries.size() == kMost) break;
    dns.entries.push_back(entry_from(each, limits));
  }
  return dns;
}

}  // namespace vpndoctor
