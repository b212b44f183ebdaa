// SPDX-License-Identifier: Apache-2.0
// Which asked servers are a leak; see the header.
#include "dns_leaks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "default_way.h"

namespace vpndoctor {
namespace {

using Where = DnsEgress::Where;

/// A set of servers as somebody configured it, live or not.
struct DnsClaimant {
  bool is_tunnel = false;
  std::vector<std::string> domains;
};

/// Gathers them from every source.
class Claimants {
 public:
  explicit Claimants(const DnsGround& ground) : ground_(&ground) {
    const DnsConfiguration& dns = ground.snapshot.dns;
    if (dns.resolved && dns.resolved->foreign.empty()) add_resolved(*dns.resolved);
    if (dns.network_manager && dns.network_manager->foreign.empty()) add_network_manager(*dns.network_manager);
    if (dns.dnsmasq) add_dnsmasq(*dns.dnsmasq);
    if (dns.macos) add_macos(*dns.macos);
  }
  const std::vector<DnsClaimant>& all() const { return all_; }

 private:
  bool leads_into_tunnel(const std::vector<DnsServer>& servers) const {
    const auto does = [this](const DnsServer& server) { return dns_egress(*ground_, server).where == Where::kTunnel; };
    return std::ranges::any_of(servers, does);
  }

  void add(bool is_tunnel, const std::vector<DnsDomain>& domains, bool has_all) {
    DnsClaimant claimant{is_tunnel, {}};
    for (const DnsDomain& domain : domains) claimant.domains.push_back(domain.name);
    if (has_all) claimant.domains.emplace_back(".");
    all_.push_back(std::move(claimant));
  }

  void add_resolved(const ResolvedState& resolved) {
    for (const ResolvedScope& scope : resolved.scopes) {
      if (scope.servers.empty()) continue;
      if (scope.kind == ResolvedScope::Kind::kLink) {
        const bool tunnel = is_tunnel(ground_->snapshot, scope.interface);
        add(tunnel, scope.domains, scope.default_route.value_or(false));
      } else {
        add(leads_into_tunnel(scope.servers), scope.domains, false);
      }
    }
  }

  void add_network_manager(const NetworkManagerDns& manager) {
    for (const NetworkManagerDnsEntry& entry : manager.entries) {
      if (entry.servers.empty()) continue;
      const bool tunnel = entry.vpn || is_tunnel(ground_->snapshot, entry.interface);
      add(tunnel, entry.domains, false);
    }
  }

  void add_dnsmasq(const std::vector<DnsmasqInstance>& instances) {
    for (const DnsmasqInstance& instance : instances) {
      if (!instance.upstreams || instance.belongs_to_network_manager) continue;
      for (const DnsmasqUpstream& upstream : *instance.upstreams) {
        const bool tunnel = upstream.interface.empty() ? leads_into_tunnel({upstream.server})
                                                       : is_tunnel(ground_->snapshot, upstream.interface);
        DnsClaimant claimant{tunnel, upstream.domains};
        if (claimant.domains.empty()) claimant.domains.emplace_back(".");
        all_.push_back(std::move(claimant));
      }
    }
  }

  void add_macos(const MacosDns& macos) {
    for (const MacosResolver& resolver : macos.resolvers) {
      if (resolver.servers.empty() || resolver.section != MacosResolver::Section::kUnscoped) continue;
      const bool tunnel = resolver.interface.empty() ? leads_into_tunnel(resolver.servers)
                                                     : is_tunnel(ground_->snapshot, resolver.interface);
      all_.push_back({tunnel, {resolver.domain.empty() ? "." : resolver.domain}});
    }
  }

  const DnsGround* ground_;
  std::vector<DnsClaimant> all_;
};

/// True when the default of a family leads into a tunnel.
bool is_full_tunnel(const Snapshot& snapshot, Family family) {
  const auto way = default_way(snapshot, family);
  if (!way || way->interfaces.empty()) return false;
  const auto tunnel = [&](const std::string& interface) { return is_tunnel(snapshot, interface); };
  return std::ranges::all_of(way->interfaces, tunnel);
}

/// The names that tunnels claim, worked out once for many of them. A tunnel's scope claims the names of its domains,
/// live or not, unless another scope has a longer domain for them. A full tunnel claims all: IPv4's for every server,
/// IPv6's for those of IPv6 alone where IPv4 goes another way (a tunnel broker's).
class NameClaims {
 public:
  explicit NameClaims(const DnsGround& ground) : claimants_(ground) {
    const bool inet = is_full_tunnel(ground.snapshot, Family::kInet);
    const bool inet6 = is_full_tunnel(ground.snapshot, Family::kInet6);
    const bool is_alone = !default_way(ground.snapshot, Family::kInet);
    full_[static_cast<std::size_t>(Family::kInet)] = inet || (is_alone && inet6);
    full_[static_cast<std::size_t>(Family::kInet6)] = inet || inet6;
  }

  bool has(const std::string& name, Family family) const {
    if (full_[static_cast<std::size_t>(family)]) return true;
    std::optional<unsigned> best_other;
    std::optional<unsigned> best_tunnel;
    for (const DnsClaimant& claimant : claimants_.all()) {
      for (const std::string& domain : claimant.domains) {
        if (!is_below_domain(name, domain)) continue;
        std::optional<unsigned>& best = claimant.is_tunnel ? best_tunnel : best_other;
        best = std::max(best, std::optional(count_labels(domain)));
      }
    }
    return best_tunnel && best_tunnel >= best_other;
  }

 private:
  Claimants claimants_;
  std::array<bool, 2> full_{};  // by Family: a tunnel takes everything
};

std::string why_ways_unknown(const Snapshot& snapshot) {
  if (snapshot.platform == Platform::kMacos) return {};  // its queries name their interface: each is judged by itself
  if (!snapshot.links) return fmt::format("the links are not known: {}", snapshot.links.why_missing());
  if (!snapshot.routes) return fmt::format("the routes are not known: {}", snapshot.routes.why_missing());
  return {};
}

void set_unknown(DnsPath& path, std::string why) {
  path.leaks_to.reset();
  path.why_leaks_unknown = std::move(why);
}

}  // namespace

void find_dns_leaks(const DnsGround& ground, DnsPath& path) {
  if (!path.why_none.empty() || !path.leaks_to) return;
  path.leaks_to->clear();
  if (path.asked.empty()) return;
  if (std::string why = why_ways_unknown(ground.snapshot); !why.empty()) return set_unknown(path, std::move(why));
  const NameClaims claims(ground);
  std::map<std::pair<std::string, Family>, bool> is_claimed;
  for (const DnsQuery& query : path.asked) {
    if (!query.server) continue;
    const Family family = query.server->address.family;
    const auto [claimed, is_unseen] = is_claimed.try_emplace({query.name, family}, false);
    if (is_unseen) claimed->second = claims.has(query.name, family);
    if (!claimed->second) continue;
    const DnsEgress egress = dns_egress(ground, *query.server, query.interface);
    const std::string server = query.server->to_string();
    if (egress.where == Where::kUnknown) return set_unknown(path, fmt::format("the way to {}: {}", server, egress.why));
    const bool is_new = std::ranges::find(*path.leaks_to, server) == path.leaks_to->end();
    if (egress.where == Where::kOutside && is_new) path.leaks_to->push_back(server);
  }
}

}  // namespace vpndoctor
