// SPDX-License-Identifier: Apache-2.0
// What the checks of name resolution share: whom systemd-resolved asks for a name, where a server is reached, how
// configuration is quoted. One small function a code.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "finding_parts.h"
#include "vpndoctor/dns_checks.h"
#include "vpndoctor/dns_overview.h"
#include "vpndoctor/fib.h"

namespace vpndoctor {

/// All that a check may look at; the snapshot and its index belong to the caller. A check reads a source only when its
/// row in the table asks for it, or after looking whether it is known.
struct DnsFacts {
  const Snapshot& snapshot;
  const Fib& fib;
  std::uint32_t uid = 0;                   ///< whose packets are asked about
  std::vector<const ResolvedScope*> live;  ///< scopes of systemd-resolved that have servers and answer names now

  const ResolvConf& file() const { return *snapshot.dns.resolv_conf; }
  const ResolvedState& resolved() const { return *snapshot.dns.resolved; }
  /// NetworkManager's configuration; null when it is not known or that of another network namespace.
  const NetworkManagerDns* network_manager() const;
  /// systemd-resolved's state; null when it is not known, does not run, or is that of another network namespace.
  const ResolvedState* resolved_here() const;
};

/// The scopes of systemd-resolved that have servers and answer names now; none when it is not known or elsewhere.
std::vector<const ResolvedScope*> live_scopes(const Snapshot& snapshot);
/// True for the scope of a tunnel interface.
bool is_of_tunnel(const DnsFacts& facts, const ResolvedScope& scope);
/// True when the scope has the domain "." and so takes every name that no longer domain takes.
bool takes_everything(const ResolvedScope& scope);
/// The scopes that systemd-resolved asks at once for a DNS name of at least two labels that is no reverse one; the name
/// "." stands for one that lies below no other domain (dns_scope_good_domain() of resolved-dns-scope.c).
std::vector<const ResolvedScope*> asked_for(const DnsFacts& facts, std::string_view name);
/// "tun0", "the global scope", "the delegate x".
std::string scope_words(const ResolvedScope& scope);
/// "~corp.example and vpn.example", a few of them, then how many more.
std::string domain_words(const std::vector<DnsDomain>& domains);
/// "10.0.0.1 and 10.0.0.2", a few of them, then how many more.
std::string server_words(const std::vector<DnsServer>& servers);
/// `resolvectl domain LINK ...` that gives a link's scope these domains before those that it has.
Command set_domains(const ResolvedScope& scope, const std::vector<std::string>& before);
/// Names joined by "and", a few of them, then how many more.
std::string listed(const std::vector<std::string>& names);
/// "192.0.2.1 (eth0) and 10.0.0.1 (tun0)": the servers of the scopes.
std::string asked_words(const std::vector<const ResolvedScope*>& scopes);
/// True for a name below in-addr.arpa or ip6.arpa.
bool is_reverse_zone(std::string_view name);

/// Where a packet to the server goes; bound to `interface` unless that is empty.
FlowAnswer way_to(const DnsFacts& facts, const DnsServer& server, std::string_view interface = {});
/// True when the packet leaves by an interface that is a tunnel, whatever decides between several.
bool leaves_by_tunnel(const DnsFacts& facts, const FlowAnswer& answer);
/// True when the packet leaves the machine by an interface that is no tunnel, whatever decides between several.
bool leaves_outside(const DnsFacts& facts, const FlowAnswer& answer);
/// True when what is asked of the scope may leave the machine outside of tunnels: a link's servers are asked over it,
/// those of no link as the routes say.
bool may_leave_outside(const DnsFacts& facts, const ResolvedScope& scope);
/// The tunnel that a family's ordinary traffic goes through; nullopt when it goes elsewhere or nowhere.
std::optional<std::string> full_tunnel(const DnsFacts& facts, Family family);
/// The first tunnel that has all of a family's ordinary traffic.
std::optional<std::string> full_tunnel(const DnsFacts& facts);
/// True when an interface beside the loopback can carry packets: without one nothing is to be resolved.
bool has_network(const DnsFacts& facts);
/// True when a tunnel can carry packets.
bool has_live_tunnel(const DnsFacts& facts);
/// True when getaddrinfo() asks systemd-resolved by itself (nss-resolve) before it asks resolv.conf's servers.
bool libc_asks_resolved(const DnsFacts& facts);
/// The first server that glibc asks, unless it is a forwarder on this machine; null when it is one, or nobody.
const DnsServer* first_remote_server(const DnsFacts& facts);

/// The first of the later servers of resolv.conf that belongs to a tunnel's network; null when there is none.
const DnsServer* hidden_server(const DnsFacts& facts);

/// The scope as its source tells it: "servers 10.0.0.1, domains ~corp.example, default route no, live".
Evidence scope_evidence(const DnsFacts& facts, const ResolvedScope& scope);
/// A line of resolv.conf.
Evidence file_evidence(const DnsFacts& facts, std::string text);
/// The first server lines of resolv.conf, as glibc uses them.
Evidence server_lines(const DnsFacts& facts);
/// One entry of NetworkManager.
Evidence entry_evidence(const DnsFacts& facts, const NetworkManagerDnsEntry& entry);
/// The route that a packet to the server takes.
Evidence way_evidence(const DnsFacts& facts, const DnsServer& server, const FlowAnswer& answer);
/// Lowers a finding that rests on a look-up that is not certain, and says why.
void doubt_way(const DnsFacts& facts, Finding& finding, const FlowAnswer& answer);

using DnsFindings = std::vector<Finding>;
void check_inert_scope(const DnsFacts& facts, DnsFindings& findings);
void check_replaced_file(const DnsFacts& facts, DnsFindings& findings);
void check_unreachable_server(const DnsFacts& facts, DnsFindings& findings);
void check_server_outside(const DnsFacts& facts, DnsFindings& findings);
void check_parallel_scopes(const DnsFacts& facts, DnsFindings& findings);
void check_fallback(const DnsFacts& facts, DnsFindings& findings);
/// Why it cannot be told whether fallback servers are used; empty when it can.
std::string fallback_undecided(const DnsFacts& facts);
void check_ghost_global(const DnsFacts& facts, DnsFindings& findings);
/// Why it cannot be told where global servers come from; empty when it can, or there are none.
std::string ghost_undecided(const DnsFacts& facts);
void check_backups(const DnsFacts& facts, DnsFindings& findings);
std::string backups_undecided(const DnsFacts& facts);
void check_lost_split(const DnsFacts& facts, DnsFindings& findings);
void check_search_leak(const DnsFacts& facts, DnsFindings& findings);
void check_multicast(const DnsFacts& facts, DnsFindings& findings);
void check_inet6_server(const DnsFacts& facts, DnsFindings& findings);
void check_reverse_zones(const DnsFacts& facts, DnsFindings& findings);
void check_single_labels(const DnsFacts& facts, DnsFindings& findings);
void check_foreign(const DnsFacts& facts, DnsFindings& findings);
void check_first_server(const DnsFacts& facts, DnsFindings& findings);
void check_dead_stub(const DnsFacts& facts, DnsFindings& findings);
void check_resolver_outside(const DnsFacts& facts, DnsFindings& findings);
/// Why it cannot be told whom libc asks; empty when it can.
std::string resolver_undecided(const DnsFacts& facts);

}  // namespace vpndoctor
