// SPDX-License-Identifier: Apache-2.0
// Understands the properties of NetworkManager's DnsManager; see network_manager_reply.h.
#include <fmt/format.h>

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

}  // namespace

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
