// SPDX-License-Identifier: Apache-2.0
// NetworkManager's split DNS; see the header.
#include "dns_nm_domains.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace vpndoctor {
namespace {

constexpr unsigned kOctetBits = 8;
constexpr unsigned kNibbleBits = 4;
constexpr unsigned kMostReversePrefixes = 4096;

Family family_of(const NetworkManagerDnsEntry& entry) {
  return entry.servers.empty() ? Family::kInet : entry.servers.front().address.family;
}

/// The zones that together hold the addresses of a prefix: as many as its last label leaves open
/// (get_reverse_dns_domains_ip_4() and _6() of nm-core-utils.c).
void add_reverse_zones(const IpPrefix& prefix, std::set<std::string>& zones) {
  if (prefix.is_default()) return;
  const unsigned bits = prefix.family() == Family::kInet ? kOctetBits : kNibbleBits;
  const unsigned labels = (prefix.length + bits - 1) / bits;
  const unsigned open = labels * bits - prefix.length;
  const unsigned last_shift = (kOctetBits - bits) - ((labels - 1) * bits) % kOctetBits;
  for (unsigned i = 0; i < 1U << open; ++i) {
    IpAddress address = prefix.address;
    std::uint8_t& byte = address.bytes[(labels - 1) * bits / kOctetBits];
    byte = static_cast<std::uint8_t>(byte | (i << last_shift));
    std::string zone;
    for (unsigned label = labels; label-- > 0;) {
      const std::uint8_t octet = address.bytes[label * bits / kOctetBits];
      if (bits == kOctetBits) {
        zone += fmt::format("{}.", octet);
      } else {
        zone += fmt::format("{:x}.", label % 2 == 0 ? octet >> kNibbleBits : octet & 0xFU);
      }
    }
    zones.insert(zone + (bits == kOctetBits ? "in-addr.arpa" : "ip6.arpa"));
  }
}

/// What the routes and addresses of an interface add to its entry.
class EntryRoutes {
 public:
  EntryRoutes(const Snapshot& snapshot, const NetworkManagerDnsEntry& entry) {
    const Family family = family_of(entry);
    if (snapshot.addresses) {
      for (const Address& address : *snapshot.addresses) {
        if (address.interface != entry.interface || address.address.family != family) continue;
        add_reverse_zones(IpPrefix::of(address.address, address.prefix_length), zones_);
      }
    }
    if (!snapshot.routes) return;
    for (const Route& route : snapshot.routes->routes) {
      if (route.type != RouteType::kUnicast || route.destination.family() != family) continue;
      if (!leads_through(*snapshot.routes, route, entry.interface)) continue;
      has_default_ |= route.destination.is_default();
      if (zones_.size() < kMostReversePrefixes) add_reverse_zones(route.destination, zones_);
    }
  }
  bool has_default() const { return has_default_; }
  const std::set<std::string>& zones() const { return zones_; }

 private:
  static bool leads_through(const RouteTable& table, const Route& route, const std::string& interface) {
    const auto through = [&](const NextHop& hop) { return hop.interface == interface; };
    return std::ranges::any_of(table.hops(route), through);
  }

  bool has_default_ = false;
  std::set<std::string> zones_;
};

/// Which priority has which domain already; "." is the wildcard.
class TakenDomains {
 public:
  /// True when an entry of that priority gets the domain too.
  bool take(const std::string& domain, int priority) {
    if (const auto taken = by_name_.find(domain); taken != by_name_.end()) {
      if (taken->second < priority) return false;
    } else if (is_shadowed(domain, priority)) {
      return false;
    }
    by_name_[domain] = priority;
    return true;
  }

 private:
  /// A parent with a negative and lower priority takes everything below it.
  bool is_shadowed(const std::string& domain, int priority) const {
    const auto shadows = [&](const std::string& parent) {
      const auto taken = by_name_.find(parent);
      return taken != by_name_.end() && taken->second < 0 && taken->second < priority;
    };
    if (shadows(".")) return true;
    for (auto dot = domain.find('.'); dot != std::string::npos; dot = domain.find('.', dot + 1)) {
      if (dot + 1 < domain.size() && shadows(domain.substr(dot + 1))) return true;
    }
    return false;
  }

  std::map<std::string, int> by_name_;
};

/// Gives the domains out, entry by entry in the order of their priority.
class DomainGiver {
 public:
  explicit DomainGiver(const Snapshot& snapshot, const NetworkManagerDns& manager) {
    if (!snapshot.routes)
      result_.uncertain = fmt::format("the routes are not known: {}", snapshot.routes.why_missing());
    for (const NetworkManagerDnsEntry& entry : manager.entries) {
      if (!entry.servers.empty()) entries_.push_back({&entry, EntryRoutes(snapshot, entry)});
    }
  }

  NetworkManagerDomains give() && {
    for (const Entry& entry : entries_) {
      if (!entry.routes.has_default() && is_bare_vpn(entry)) {
        result_.uncertain =
            fmt::format("whether the profile of {} says never-default is not known", entry.dns->interface);
      }
    }
    const auto has_all = [](const Entry& entry) { return is_wildcard(entry); };
    const bool any = std::ranges::any_of(entries_, has_all);
    for (const Entry& entry : entries_) {
      const bool may_have_all = any ? is_wildcard(entry) : !entry.dns->vpn;
      add_upstreams(*entry.dns, domains_of(entry, may_have_all));
    }
    return std::move(result_);
  }

 private:
  struct Entry {
    const NetworkManagerDnsEntry* dns;
    EntryRoutes routes;
  };

  /// A VPN without a default route and without domains gets everything too, unless its profile says never-default.
  static bool is_bare_vpn(const Entry& entry) { return entry.dns->vpn && entry.dns->domains.empty(); }
  static bool is_wildcard(const Entry& entry) { return entry.routes.has_default() || is_bare_vpn(entry); }

  std::vector<std::string> domains_of(const Entry& entry, bool may_have_all) {
    std::vector<std::string> domains;
    bool has_all = false;
    for (const DnsDomain& domain : entry.dns->domains) {
      if (!taken_.take(domain.name, entry.dns->priority)) continue;
      domains.push_back(domain.name);
      has_all |= domain.name == ".";
    }
    if (may_have_all && !has_all && taken_.take(".", entry.dns->priority)) domains.emplace_back(".");
    domains.insert(domains.end(), entry.routes.zones().begin(), entry.routes.zones().end());
    return domains;
  }

  void add_upstreams(const NetworkManagerDnsEntry& entry, const std::vector<std::string>& domains) {
    if (domains.empty()) return;
    for (const DnsServer& server : entry.servers) {
      DnsmasqUpstream upstream;
      upstream.server = server;
      upstream.interface = entry.interface;
      upstream.domains = domains;
      const bool needs_zone = server.address.family == Family::kInet6 && server.address.is_link_local();
      if (needs_zone && server.zone.empty()) upstream.server.zone = entry.interface;
      result_.upstreams.push_back(std::move(upstream));
    }
  }

  std::vector<Entry> entries_;
  TakenDomains taken_;
  NetworkManagerDomains result_;
};

}  // namespace

std::optional<NetworkManagerDomains> network_manager_domains(const Snapshot& snapshot) {
  const Observed<NetworkManagerDns>& manager = snapshot.dns.network_manager;
  if (!manager || !manager->foreign.empty() || manager->mode != "dnsmasq") return std::nullopt;
  NetworkManagerDomains domains = DomainGiver(snapshot, *manager).give();
  if (!manager.is_complete()) domains.uncertain = manager.limits().front();
  return domains;
}

}  // namespace vpndoctor
