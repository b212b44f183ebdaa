// SPDX-License-Identifier: Apache-2.0
// Reverse lookups of a tunnel's addresses: prefixes behind it whose reverse zone is routed elsewhere, and zones that
// are routed to it for nothing.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "default_way.h"
#include "dns_checks.h"
#include "dns_reverse.h"
#include "routing_checks.h"

namespace vpndoctor {
namespace {

constexpr unsigned kBitsOfInetLabel = 8;
constexpr unsigned kBitsOfInet6Label = 4;

/// The reverse zone that holds all of a prefix: labels that the prefix does not fill are left out.
std::string reverse_zone(const IpPrefix& prefix) {
  std::string zone = prefix.family() == Family::kInet ? "in-addr.arpa" : "ip6.arpa";
  const unsigned step = prefix.family() == Family::kInet ? kBitsOfInetLabel : kBitsOfInet6Label;
  for (unsigned bits = 0; bits + step <= prefix.length; bits += step) {
    const std::uint8_t byte = prefix.address.bytes[bits / 8U];
    if (step == kBitsOfInetLabel) {
      zone = fmt::format("{}.{}", byte, zone);
    } else {
      zone = fmt::format("{:x}.{}", bits % 8U == 0 ? byte >> 4U : byte & 0x0fU, zone);
    }
  }
  return zone;
}

/// The zones that hold the prefix and nothing else; the one above them when they would be too many to be listed.
std::vector<std::string> zones_of(const IpPrefix& prefix) {
  constexpr unsigned kMostSplit = 4;  // 16 zones
  const unsigned step = prefix.family() == Family::kInet ? kBitsOfInetLabel : kBitsOfInet6Label;
  const unsigned missing = (step - prefix.length % step) % step;
  if (missing == 0 || missing > kMostSplit) return {reverse_zone(prefix)};
  std::vector<std::string> zones;
  for (unsigned i = 0; i < 1U << missing; ++i) {
    IpAddress address = prefix.address;
    const unsigned last = prefix.length + missing - 1;
    address.bytes[last / 8U] = static_cast<std::uint8_t>(address.bytes[last / 8U] | (i << (7U - last % 8U)));
    zones.push_back(reverse_zone(IpPrefix::of(address, prefix.length + missing)));
  }
  return zones;
}

/// True when names of the prefix lie in the zone.
bool touches(std::string_view zone, const IpPrefix& prefix) {
  const auto addresses = prefix_of_reverse_name(zone);
  return addresses ? addresses->overlaps(prefix) : is_below_domain(reverse_zone(prefix), zone);
}

std::vector<std::string> reverse_domains(const ResolvedScope& scope) {
  std::vector<std::string> zones;
  for (const DnsDomain& domain : scope.domains) {
    if (is_reverse_zone(domain.name)) zones.push_back(domain.name);
  }
  return zones;
}

/// Addresses that have no name for the public: only the VPN's server can know one.
bool is_private(const IpPrefix& prefix) {
  constexpr auto kPrivate =
      std::to_array<std::string_view>({"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"});
  return std::ranges::any_of(kPrivate, [&](std::string_view text) {
    const auto whole = IpPrefix::parse(text);
    return whole && whole->contains(prefix);
  });
}

/// The private prefixes that lead into the tunnel beyond its own subnet, which systemd-resolved knows by itself.
std::vector<IpPrefix> prefixes_behind(const DnsFacts& facts, const std::vector<TunnelClaim>& claims,
                                      const std::string& tunnel) {
  std::vector<IpPrefix> behind;
  for (const TunnelClaim& claim : claims) {
    if (*claim.tunnel != tunnel || !is_private(claim.prefix())) continue;
    const bool is_own = std::ranges::any_of(*facts.snapshot.addresses, [&](const Address& address) {
      return address.interface == tunnel && address.on_link().contains(claim.prefix());
    });
    if (!is_own) behind.push_back(claim.prefix());
  }
  return behind;
}

bool is_unrouted(const ResolvedScope& scope, const IpPrefix& prefix) {
  return std::ranges::none_of(scope.domains, [&](const DnsDomain& each) { return touches(each.name, prefix); });
}

void judge_missing(const DnsFacts& facts, const ResolvedScope& scope, const std::vector<IpPrefix>& behind,
                   DnsFindings& findings) {
  std::vector<std::string> prefixes;
  std::vector<std::string> argv{"resolvectl", "domain", scope.interface};
  for (const DnsDomain& domain : scope.domains) argv.push_back((domain.route_only ? "~" : "") + domain.name);
  for (const IpPrefix& prefix : behind) {
    if (!is_unrouted(scope, prefix)) continue;
    prefixes.push_back(prefix.to_string());
    if (prefixes.size() > kMostQuoted) continue;
    for (const std::string& zone : zones_of(prefix)) argv.push_back("~" + zone);
  }
  if (prefixes.empty()) return;
  const auto asked = asked_for(facts, ".");
  if (std::ranges::find(asked, &scope) != asked.end()) return;
  Finding finding = make_finding("DNS013", {"interface", scope.interface});
  // One who routed some zones meant to route them all.
  finding.severity = reverse_domains(scope).empty() ? Severity::kNotice : Severity::kWarning;
  finding.title = fmt::format("The names of addresses behind {} ({}) are not asked of its server", scope.interface,
                              listed(prefixes));
  finding.detail =
      asked.empty()
          ? "Nobody is asked for them: programs that look for the name of a peer wait, or show its address."
          : fmt::format("They are asked of {}, which learns the addresses and knows no name.", asked_words(asked));
  finding.evidence = {scope_evidence(facts, scope)};
  add_step(finding.remedy, "Route the reverse zones to the tunnel.", {root_command(std::move(argv))});
  findings.push_back(std::move(finding));
}

/// Reverse zones that are all about addresses that are not behind the tunnel.
void judge_unused(const DnsFacts& facts, const ResolvedScope& scope, const std::vector<TunnelClaim>& claims,
                  DnsFindings& findings) {
  const std::vector<std::string> zones = reverse_domains(scope);
  const auto is_used = [&](const std::string& zone) {
    const auto is_claimed = [&](const TunnelClaim& claim) {
      return *claim.tunnel == scope.interface && touches(zone, claim.prefix());
    };
    const auto is_own = [&](const Address& address) {
      return address.interface == scope.interface && touches(zone, address.on_link());
    };
    return std::ranges::any_of(claims, is_claimed) || std::ranges::any_of(*facts.snapshot.addresses, is_own);
  };
  if (zones.empty() || std::ranges::any_of(zones, is_used)) return;
  Finding finding = make_finding("DNS013", {"interface", scope.interface});
  finding.severity = Severity::kNotice;
  finding.title = fmt::format("{} has the reverse zone{} {}, but no route to such addresses", scope.interface,
                              zones.size() == 1 ? "" : "s", listed(zones));
  finding.detail = "The zones do no harm; either they are left over, or routes of the VPN are missing.";
  finding.evidence = {scope_evidence(facts, scope)};
  add_step(finding.remedy, "See what is routed through the tunnel.",
           {user_command({"ip", "route", "show", "dev", scope.interface})});
  findings.push_back(std::move(finding));
}

}  // namespace

void check_reverse_zones(const DnsFacts& facts, DnsFindings& findings) {
  const std::vector<TunnelClaim> claims = tunnel_claims(facts.snapshot);
  for (const ResolvedScope* scope : facts.live) {
    if (!is_of_tunnel(facts, *scope) || takes_everything(*scope)) continue;
    judge_missing(facts, *scope, prefixes_behind(facts, claims, scope->interface), findings);
    judge_unused(facts, *scope, claims, findings);
  }
}

}  // namespace vpndoctor
