// SPDX-License-Identifier: Apache-2.0
// What a chosen scope of systemd-resolved sends, and over which link: search domains (resolved-dns-query.c), the keys
// that a scope takes (dns_scope_good_key()), servers in their order, and where the routes lead to them.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "dns_explain_resolved.h"
#include "dns_paths.h"
#include "dns_reverse.h"
#include "resolved_names.h"
#include "resolved_scope_state.h"
#include "vpndoctor/fib.h"

namespace vpndoctor {

namespace {

constexpr std::uint16_t kLlmnrPort = 5355;
constexpr std::array<std::uint16_t, 6> kDnssecTypes = {43, 46, 47, 48, 50, 51};  // DS, RRSIG, NSEC, DNSKEY, NSEC3*

/// dns_scope_good_key() of classic DNS.
bool is_asked(const ResolvedQuestion& question, const std::string& name) {
  if (!is_address_type(question.type)) return true;
  if (name == ".") return false;
  return question.resolves_single_label || !is_single_label(name);
}

bool wants_search_domain(const ResolvedQuestion& question, const ResolvedScope& scope) {
  if (question.no_search || !is_single_label(question.name)) return false;
  const bool is_domain_itself =
      std::ranges::find(scope.domains, question.name, &DnsDomain::name) != scope.domains.end();
  return !(question.rules.modern && question.resolves_single_label && is_domain_itself);
}

/// The names that a scope asks for, in order. A search domain that makes no name worth asking for ends the list, unless
/// it is the first.
std::vector<std::string> names_as_sent(const ResolvedQuestion& question, const ResolvedScope& scope) {
  std::vector<std::string> names;
  bool has_search_domain = false;
  if (wants_search_domain(question, scope)) {
    for (const auto& domain : scope.domains) {
      if (domain.route_only) continue;
      const std::string name = domain.name == "." ? question.name : question.name + "." + domain.name;
      const bool is_worth_it = is_asked(question, name) && is_valid_dns_name(name);
      if (is_worth_it) names.push_back(name);
      if (!is_worth_it && has_search_domain) break;
      has_search_domain = true;
    }
  }
  if (!has_search_domain && is_asked(question, question.name)) names.push_back(question.name);
  return names;
}

std::string joined_addresses(const std::vector<DnsServer>& servers, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += (i == 0 ? "" : " and ") + servers[i].to_string();
  return text + (count == 1 ? " does not answer" : " do not answer");
}

/// The server of a name, and the scope's others behind it.
void append_servers(const ScopeVerdict& verdict, const DnsQuery& query, DnsPath& path) {
  for (std::size_t i = 0; i < verdict.servers.size(); ++i) {
    DnsQuery next = query;
    next.server = verdict.servers[i];
    if (!next.server->zone.empty() && next.interface.empty()) next.interface = next.server->zone;
    if (i > 0) next.only_if = joined_addresses(verdict.servers, std::min<std::size_t>(i, 2));
    path.asked.push_back(next);
    if (verdict.scope->dns_over_tls != "opportunistic") continue;
    next.protocol = "dns";
    next.only_if = fmt::format("{} does not speak TLS", next.server->to_string());
    path.asked.push_back(std::move(next));
  }
}

void append_dns(const ResolvedQuestion& question, const ScopeVerdict& verdict, DnsPath& path) {
  const ResolvedScope& scope = *verdict.scope;
  if (scope.kind != ResolvedScope::Kind::kLink && !can_resolved_reach_anything(question.snapshot)) {
    path.notes.push_back(fmt::format(
        "{} is chosen but sends nothing: no link is up with an address better than link-local", scope_name(scope)));
    return;
  }
  const auto names = names_as_sent(question, scope);
  if (names.empty()) {
    path.notes.push_back(fmt::format(
        "{} is chosen but sends nothing: a single label is not asked as it is (ResolveUnicastSingleLabel=no){}",
        scope_name(scope), question.no_search ? ", and this way appends no search domain" : ""));
  }
  DnsQuery query;
  query.interface = scope.interface;
  query.scope = verdict.candidate.scope;
  query.protocol = scope.dns_over_tls == "yes" || scope.dns_over_tls == "opportunistic" ? "tls" : "dns";
  for (std::size_t i = 0; i < names.size(); ++i) {
    query.name = names[i];
    if (i == 0) {
      append_servers(verdict, query, path);
      continue;
    }
    query.server = verdict.servers.front();
    query.only_if = fmt::format("{} does not exist, or no server answers", names[i - 1]);
    path.asked.push_back(query);
  }
}

/// LLMNR and mDNS send A over IPv4 and AAAA over IPv6 alone.
bool is_asked_by_multicast(const ResolvedQuestion& question, const ScopeVerdict& verdict) {
  if (std::ranges::find(kDnssecTypes, question.type) != kDnssecTypes.end()) return false;
  if (question.type == kDnsTypeA) return verdict.has_inet;
  if (question.type == kDnsTypeAaaa) return verdict.has_inet6;
  return true;
}

void append_multicast(const ResolvedQuestion& question, const ScopeVerdict& verdict, DnsPath& path) {
  const bool is_llmnr = verdict.protocol == ResolvedScopeProtocol::kLlmnr;
  if (!is_asked_by_multicast(question, verdict)) return;
  DnsQuery query;
  query.interface = verdict.scope->interface;
  query.name = question.name;
  query.protocol = is_llmnr ? "llmnr" : "mdns";
  query.scope = verdict.candidate.scope;
  // RFC 4795 section 2.4: LLMNR asks the very address whose name is wanted, over TCP.
  if (const auto address = address_of_reverse_name(question.name); is_llmnr && address) {
    query.server.emplace();
    query.server->address = *address;
    query.server->port = kLlmnrPort;
  }
  path.asked.push_back(std::move(query));
}

/// The interface over which the routes reach a server; empty when that depends on more than the snapshot.
std::string_view routed_interface(const Fib& fib, const DnsQuery& query) {
  Flow flow;
  flow.destination = query.server->address;
  flow.destination_port = query.server->port;
  const FlowAnswer answer = fib.lookup(flow);
  const bool is_certain = answer.depends_on == DependsOn::kNothing && answer.uncertain.empty();
  return is_certain && answer.fate == FlowFate::kUnicast ? answer.interface : std::string_view();
}

std::string detour_note(const DnsQuery& query, std::string_view interface) {
  const std::string server = query.server->to_string();
  if (query.protocol == "tls") {
    return fmt::format("the routes reach {} through {}, and a TLS connection goes that way, not through {}", server,
                       interface, query.interface);
  }
  return fmt::format(
      "the routes reach {} through {}, not through {}: as long as UDP is answered it goes through {}, but when it "
      "stays "
      "unanswered systemd-resolved asks over TCP, after about 20 s, and that leaves through {}",
      server, interface, query.interface, query.interface, interface);
}

bool is_asked_over_routes(const DnsQuery& query) {
  return query.server && (query.protocol == "dns" || query.protocol == "tls") && query.server->zone.empty() &&
         !query.server->address.is_link_local();
}

}  // namespace

void append_queries(const ResolvedQuestion& question, const ScopeVerdict& verdict, DnsPath& path) {
  if (verdict.protocol == ResolvedScopeProtocol::kDns) {
    append_dns(question, verdict, path);
  } else {
    append_multicast(question, verdict, path);
  }
}

void add_routes_to_servers(const ResolvedQuestion& question, DnsPath& path) {
  if (!question.snapshot.routes.is_known() || !question.state.foreign.empty()) return;
  if (std::ranges::none_of(path.asked, is_asked_over_routes)) return;
  const Fib fib(question.snapshot);
  for (auto& query : path.asked) {
    if (!is_asked_over_routes(query)) continue;
    const std::string_view interface = routed_interface(fib, query);
    if (interface.empty()) continue;
    if (query.interface.empty()) {
      query.interface = interface;
    } else if (query.interface != interface) {
      std::string note = detour_note(query, interface);
      if (std::ranges::find(path.notes, note) == path.notes.end()) path.notes.push_back(std::move(note));
      if (query.protocol == "tls") query.interface = interface;
    }
  }
}

}  // namespace vpndoctor
