// SPDX-License-Identifier: Apache-2.0
// All traffic goes through a tunnel, and yet the server that ordinary names are asked of is reached outside of it: a
// VPN that brings no server of its own leaves the network's in charge.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "default_way.h"
#include "dns_checks.h"
#include "routing_checks.h"
#include "vpndoctor/dns_explain.h"

namespace vpndoctor {
namespace {

/// A name that no domain of a VPN or a network takes; nothing is sent.
constexpr const char* kOrdinaryName = "www.example.com";

constexpr const char* kResolvConf = "resolv.conf";  // a query's scope: libc's own

/// What servers tunnels have of their own.
enum class TunnelServers : std::uint8_t { kNone, kForDomains, kForAll };

/// The tunnel that has all traffic of IPv4, or of IPv6 on a machine without IPv4.
std::optional<std::string> tunnel_of_everything(const DnsFacts& facts) {
  if (auto tunnel = full_tunnel(facts, Family::kInet)) return tunnel;
  return default_way(facts.snapshot, Family::kInet) ? std::nullopt : full_tunnel(facts, Family::kInet6);
}

bool has_root(const std::vector<DnsDomain>& domains) {
  return std::ranges::any_of(domains, [](const DnsDomain& domain) { return domain.name == "."; });
}

TunnelServers servers_of(const ResolvedScope& scope) {
  return has_root(scope.domains) || scope.default_route.value_or(scope.domains.empty()) ? TunnelServers::kForAll
                                                                                        : TunnelServers::kForDomains;
}

TunnelServers servers_of(const NetworkManagerDnsEntry& entry) {
  return has_root(entry.domains) || entry.domains.empty() ? TunnelServers::kForAll : TunnelServers::kForDomains;
}

/// The most that any tunnel has, in use or not: why they are not used is for other findings to say.
TunnelServers tunnel_servers(const DnsFacts& facts) {
  TunnelServers most = hidden_server(facts) != nullptr ? TunnelServers::kForAll : TunnelServers::kNone;
  if (const ResolvedState* resolved = facts.resolved_here()) {
    for (const ResolvedScope& scope : resolved->scopes) {
      if (is_of_tunnel(facts, scope) && !scope.servers.empty()) most = std::max(most, servers_of(scope));
    }
  }
  if (const NetworkManagerDns* manager = facts.network_manager()) {
    for (const NetworkManagerDnsEntry& entry : manager->entries) {
      const bool is_tunnels = entry.vpn || is_tunnel(facts.snapshot, entry.interface);
      if (is_tunnels && !entry.servers.empty()) most = std::max(most, servers_of(entry));
    }
  }
  return most;
}

DnsPath path_of_ordinary_name(const DnsFacts& facts) {
  return explain_dns_path(facts.snapshot, {kOrdinaryName, kDnsTypeA, DnsCaller::kLibc, {}});
}

/// The other end of a tunnel: its operator knows the names anyway.
bool is_endpoint(const DnsFacts& facts, const IpAddress& address) {
  if (!facts.snapshot.tunnels) return false;
  return std::ranges::any_of(*facts.snapshot.tunnels, [&](const Tunnel& tunnel) {
    return std::ranges::find(tunnel.endpoints, address, &OuterEndpoint::address) != tunnel.endpoints.end();
  });
}

bool goes_outside(const DnsFacts& facts, const DnsQuery& query) {
  return !is_endpoint(facts, query.server->address) &&
         leaves_outside(facts, way_to(facts, *query.server, query.interface));
}

/// An IPv6 server beside a tunnel of IPv4 is another check's.
bool is_asked_outside(const DnsFacts& facts, const DnsQuery& query) {
  const bool is_judged = query.server->address.family == Family::kInet || full_tunnel(facts, Family::kInet6);
  return is_judged && goes_outside(facts, query);
}

/// What is asked in any case, when all of it goes outside; else none.
std::vector<DnsQuery> asked_outside(const DnsFacts& facts, const DnsPath& path) {
  std::vector<DnsQuery> first;
  for (const DnsQuery& query : path.asked) {
    if (query.only_if.empty() && query.server) first.push_back(query);
  }
  const bool are_outside =
      std::ranges::all_of(first, [&](const DnsQuery& query) { return is_asked_outside(facts, query); });
  return are_outside ? first : std::vector<DnsQuery>();
}

/// The scope of systemd-resolved that the query comes from; null: it comes from elsewhere.
const ResolvedScope* scope_of(const DnsFacts& facts, const DnsQuery& query) {
  const ResolvedState* resolved = facts.resolved_here();
  if (resolved == nullptr) return nullptr;
  const auto is_it = [&](const ResolvedScope& scope) {
    const bool is_global = scope.kind == ResolvedScope::Kind::kGlobal && query.scope == "global";
    return is_global || (!scope.interface.empty() && scope.interface == query.scope);
  };
  const auto found = std::ranges::find_if(resolved->scopes, is_it);
  return found == resolved->scopes.end() ? nullptr : &*found;
}

bool is_encrypted(const DnsFacts& facts, const DnsQuery& query) {
  const ResolvedScope* scope = scope_of(facts, query);
  return query.protocol == "tls" && scope != nullptr && scope->dns_over_tls == "yes";
}

/// A server outside of the tunnel beside one inside, which is asked first.
struct OtherServer {
  const DnsQuery* query = nullptr;
  Severity severity = Severity::kNotice;
  std::string when;              ///< "in turn with 10.8.0.1"
  const char* why_doubted = "";  ///< what is not known of it
};

/// glibc with the option rotate begins with any server, dnsmasq asks all of them now and then; otherwise the next one
/// is asked when the one before does not answer, by glibc and by systemd-resolved. Scopes of systemd-resolved that are
/// asked at once are another check's.
OtherServer rate_other(const DnsFacts& facts, const DnsQuery& first, const DnsQuery& query) {
  const std::string inside = first.server->to_string();
  const bool is_libcs = query.scope == kResolvConf;
  if (is_libcs && facts.file().rotate) return {&query, Severity::kError, "in turn with " + inside};
  if (!query.only_if.empty()) return {&query, Severity::kNotice, fmt::format("when {} does not answer", inside)};
  if (is_libcs || scope_of(facts, query) != nullptr) return {};
  return {&query, Severity::kError, "as well as of " + inside,
          "dnsmasq keeps to the order of its servers only where it is told strict-order, which is not looked at"};
}

/// The worst of the servers of an ordinary name that are outside while the first one is not; `query` is null: none.
OtherServer find_other(const DnsFacts& facts, const DnsPath& path) {
  OtherServer worst;
  const auto inside = std::ranges::find_if(path.asked, [&](const DnsQuery& query) {
    return query.server && query.only_if.empty() && !goes_outside(facts, query);
  });
  if (inside == path.asked.end()) return worst;
  for (const DnsQuery& query : path.asked) {
    if (!query.server || query.name != inside->name || !is_asked_outside(facts, query)) continue;
    const OtherServer other = rate_other(facts, *inside, query);
    if (other.query != nullptr && (worst.query == nullptr || other.severity > worst.severity)) worst = other;
  }
  return worst;
}

void add_other(const DnsFacts& facts, const std::string& tunnel, const OtherServer& other, DnsFindings& findings) {
  const DnsServer& server = *other.query->server;
  const FlowAnswer answer = way_to(facts, server, other.query->interface);
  Finding finding = make_finding("DNS018", {"interface", tunnel});
  finding.severity = is_encrypted(facts, *other.query) ? std::min(other.severity, Severity::kWarning) : other.severity;
  finding.title = fmt::format("Names are asked of {} by {}, outside of {}, {}", server.to_string(), answer.interface,
                              tunnel, other.when);
  finding.detail = "Whoever runs that server, and the provider that it asks in turn, learns what is visited then.";
  finding.evidence = {proof(facts.snapshot.routes, "default route", "leads into " + tunnel),
                      way_evidence(facts, server, answer)};
  const ResolvedScope* scope = scope_of(facts, *other.query);
  finding.evidence.push_back(scope == nullptr ? server_lines(facts) : scope_evidence(facts, *scope));
  if (other.query->scope == kResolvConf && facts.file().rotate) {
    finding.evidence.push_back(file_evidence(facts, "options rotate"));
  }
  if (*other.why_doubted != 0) {
    finding.confidence = Confidence::kLikely;
    finding.evidence.push_back({"dns", "dnsmasq", other.why_doubted});
  }
  doubt_way(facts, finding, answer);
  add_step(finding.remedy, fmt::format("Leave {} out while the VPN is up.", server.to_string()));
  add_step(finding.remedy, fmt::format("Or route it through {}, where it can be reached there.", tunnel));
  findings.push_back(std::move(finding));
}

void add_remedy(const DnsFacts& facts, const std::string& tunnel, const ResolvedScope* scope, Finding& finding) {
  add_step(finding.remedy,
           fmt::format("Let the VPN bring a server of its own for {}: DNS= with wg-quick, \"dhcp-option DNS\" with "
                       "OpenVPN, ipv4.dns of NetworkManager's profile.",
                       tunnel));
  add_step(finding.remedy,
           scope == nullptr
               ? fmt::format("Or name a server in {} that is reached through the tunnel.", facts.file().path)
               : "Or ask a server that is reached through the tunnel: DNS= with Domains=~. in "
                 "/etc/systemd/resolved.conf.",
           scope == nullptr ? std::vector<Command>()
                            : std::vector<Command>{root_command({"systemctl", "restart", "systemd-resolved"})});
}

}  // namespace

std::string resolver_undecided(const DnsFacts& facts) {
  if (!tunnel_of_everything(facts) || tunnel_servers(facts) == TunnelServers::kForAll) return {};
  const std::string why = path_of_ordinary_name(facts).uncertain;
  return why.empty() ? why : "whom libc asks is not certain: " + why;
}

namespace {

void add_first(const DnsFacts& facts, const std::string& tunnel, const std::vector<DnsQuery>& asked,
               DnsFindings& findings) {
  const TunnelServers own = tunnel_servers(facts);
  if (own == TunnelServers::kForAll) return;  // other findings say why they are not used
  const DnsServer& server = *asked.front().server;
  const FlowAnswer answer = way_to(facts, server, asked.front().interface);
  Finding finding = make_finding("DNS018", {"interface", tunnel});
  const bool is_clear = std::ranges::any_of(asked, [&](const DnsQuery& query) { return !is_encrypted(facts, query); });
  if (!is_clear || own == TunnelServers::kForDomains) finding.severity = Severity::kWarning;
  finding.title =
      fmt::format("Names are asked of {} by {}, outside of {}", server.to_string(), answer.interface, tunnel);
  finding.detail = fmt::format(
      "{} Whoever runs the server, and the provider that it asks in turn, learns what is visited{}.",
      own == TunnelServers::kNone ? "No tunnel has a DNS server." : "The tunnel has servers for some domains alone.",
      is_clear ? ", and the question is sent in clear" : "");
  finding.evidence = {proof(facts.snapshot.routes, "default route", "leads into " + tunnel),
                      way_evidence(facts, server, answer)};
  const ResolvedScope* scope = scope_of(facts, asked.front());
  finding.evidence.push_back(scope == nullptr ? server_lines(facts) : scope_evidence(facts, *scope));
  doubt_way(facts, finding, answer);
  add_remedy(facts, tunnel, scope, finding);
  findings.push_back(std::move(finding));
}

}  // namespace

void check_resolver_outside(const DnsFacts& facts, DnsFindings& findings) {
  const auto tunnel = tunnel_of_everything(facts);
  if (!tunnel) return;
  const DnsPath path = path_of_ordinary_name(facts);
  const std::vector<DnsQuery> asked = asked_outside(facts, path);
  if (!asked.empty()) return add_first(facts, *tunnel, asked, findings);
  const OtherServer other = find_other(facts, path);
  if (other.query != nullptr) add_other(facts, *tunnel, other, findings);
}

}  // namespace vpndoctor
