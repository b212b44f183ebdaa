// SPDX-License-Identifier: Apache-2.0
// The same name has different answers: ways that should agree do not (DNS030), or the first server's "no such name"
// hides what a later one knows (DNS035). Split DNS and the many addresses of a public service are no disagreement.
#include <fmt/format.h>

#include <algorithm>

#include "dns_test_findings.h"
#include "dns_test_ways.h"

namespace vpndoctor {
namespace {

using Ways = std::vector<JudgedWay>;

const JudgedWay* find_way(const Ways& ways, std::string_view way) {
  const auto found = std::ranges::find_if(ways, [way](const JudgedWay& each) { return each.answer->way == way; });
  return found == ways.end() ? nullptr : &*found;
}

/// A server that the configuration has for the name, and that says this.
const JudgedWay* find_expected(const Ways& ways, WayVerdict verdict) {
  const auto found = std::ranges::find_if(ways, [verdict](const JudgedWay& each) {
    return each.server != nullptr && each.is_expected && each.verdict == verdict;
  });
  return found == ways.end() ? nullptr : &*found;
}

void add_evidence(const Ways& ways, Finding& finding) {
  for (const JudgedWay& way : ways) {
    if (way.answer->outcome != DnsOutcome::kNotAsked) {
      finding.evidence.push_back({"probe", way.answer->way, way_text(*way.answer)});
    }
  }
}

Finding ways_finding(const DnsNameTest& name, const Ways& ways, Severity severity) {
  Finding finding = make_finding("DNS030", {"name", name.name});
  finding.severity = severity;
  add_evidence(ways, finding);
  return finding;
}

void add_explain_step(const DnsNameTest& name, Remedy& remedy) {
  add_step(remedy, "See which server each kind of program asks for it, and by which rule.",
           {user_command({"vpndoctor", "dns", "explain", name.name})});
}

/// The first server of resolv.conf that is no forwarder of this machine, and says that the name does not exist.
const JudgedWay* denying_first_server(const Ways& ways) {
  const auto found = std::ranges::find_if(ways, [](const JudgedWay& way) {
    return way.server != nullptr && way.server->resolv_conf_index == 0U && !way.server->server.address.is_loopback() &&
           way.verdict == WayVerdict::kNoSuchName;
  });
  return found == ways.end() ? nullptr : &*found;
}

/// A server that knows it and is not asked: a later one of resolv.conf first, then one of a tunnel, then one that the
/// user named.
const JudgedWay* knowing_server(const Ways& ways) {
  const auto rank = [](const JudgedWay& way) {
    if (way.server == nullptr || way.verdict != WayVerdict::kFound) return 0;
    if (way.server->resolv_conf_index.value_or(0) > 0) return 3;
    if (way.server->is_tunnel && !way.server->is_named) return 2;
    return way.server->is_named ? 1 : 0;
  };
  const auto best = std::ranges::max_element(ways, {}, rank);
  return best == ways.end() || rank(*best) == 0 ? nullptr : &*best;
}

void add_hidden_remedy(const DnsNameTest& name, const JudgedWay& knows, Remedy& remedy) {
  const std::string server = knows.answer->way;
  const std::size_t dot = name.name.find('.');
  const std::string domain = dot == std::string::npos ? name.name : name.name.substr(dot + 1);
  const std::string interface = knows.server->interface.empty() ? "tun0" : knows.server->interface;
  add_step(remedy, "Let systemd-resolved or dnsmasq send only the VPN's names to the VPN's server (split DNS).",
           {root_command({"resolvectl", "dns", interface, server}),
            root_command({"resolvectl", "domain", interface, "~" + domain})});
  add_step(remedy, fmt::format("Or put {} first in resolv.conf, when it also resolves all other names.", server));
}

/// True when it was this.
bool judge_hidden(const DnsNameTest& name, const Ways& ways, Findings& findings) {
  const JudgedWay* denies = denying_first_server(ways);
  const JudgedWay* knows = knowing_server(ways);
  const JudgedWay* libc = find_way(ways, "libc");
  const bool is_hidden =
      denies != nullptr && knows != nullptr && (libc == nullptr || libc->verdict != WayVerdict::kFound);
  if (!is_hidden) return false;
  Finding finding = make_finding("DNS035", {"name", name.name});
  if (knows->server->is_named) finding.severity = Severity::kWarning;
  if (knows->server->is_named) finding.confidence = Confidence::kLikely;
  finding.title = fmt::format("{} says that {} does not exist, and hides the answer of {}", denies->answer->way,
                              name.name, knows->answer->way);
  finding.detail =
      "glibc takes \"no such name\" of the first server of resolv.conf as final: the servers behind it are asked only "
      "when the first one does not answer or fails.";
  add_evidence(ways, finding);
  add_hidden_remedy(name, *knows, finding.remedy);
  add_explain_step(name, finding.remedy);
  findings.push_back(std::move(finding));
  return true;
}

/// nslookup works, ping does not.
bool judge_libc_without(const DnsNameTest& name, const Ways& ways, Findings& findings) {
  const JudgedWay* libc = find_way(ways, "libc");
  const JudgedWay* found = find_expected(ways, WayVerdict::kFound);
  const JudgedWay* stub = find_way(ways, "stub");
  if (found == nullptr && stub != nullptr && stub->verdict == WayVerdict::kFound) found = stub;
  if (libc == nullptr || found == nullptr || libc->verdict == WayVerdict::kFound) return false;
  if (libc->answer->outcome == DnsOutcome::kNotAsked) return false;
  Finding finding = ways_finding(name, ways, Severity::kError);
  finding.title = fmt::format("Programs do not find {}, although {} knows it", name.name, found->answer->way);
  finding.detail =
      "nslookup and dig ask a server; ping, browsers and ssh ask the C library, which follows /etc/nsswitch.conf and "
      "finds nothing. Something before the server decides: a module of nsswitch.conf, the search list, a cache, or a "
      "server that the library asks first.";
  add_explain_step(name, finding.remedy);
  add_step(finding.remedy, "Look at the hosts line, at mdns and resolve before dns.",
           {user_command({"grep", "^hosts:", "/etc/nsswitch.conf"})});
  findings.push_back(std::move(finding));
  return true;
}

bool is_in_hosts_file(const Snapshot& snapshot, const std::string& name) {
  if (!snapshot.dns.hosts) return false;
  const std::string canonical = canonical_dns_name(name);
  return std::ranges::any_of(*snapshot.dns.hosts, [&canonical](const HostsEntry& entry) {
    return std::ranges::count(entry.names, canonical) != 0;
  });
}

/// ping works, nslookup does not. A short name is found with the search list, which no server is asked with.
bool judge_libc_alone(const DnsTestFacts& facts, const DnsNameTest& name, const Ways& ways, Findings& findings) {
  const JudgedWay* libc = find_way(ways, "libc");
  const JudgedWay* denies = find_expected(ways, WayVerdict::kNoSuchName);
  const bool is_alone = libc != nullptr && libc->verdict == WayVerdict::kFound && denies != nullptr &&
                        find_expected(ways, WayVerdict::kFound) == nullptr;
  if (!is_alone || count_labels(canonical_dns_name(name.name)) < 2) return false;
  const bool by_file = is_in_hosts_file(facts.snapshot, name.name);
  Finding finding = ways_finding(name, ways, by_file ? Severity::kNotice : Severity::kWarning);
  finding.title =
      fmt::format("Programs find {}, although {} says that it does not exist", name.name, denies->answer->way);
  finding.detail = by_file
                       ? "It is in /etc/hosts, which the C library reads before it asks a server."
                       : "The C library has it from somewhere else: another module of nsswitch.conf, a cache, or the "
                         "search list. Programs that ask a server themselves do not find it.";
  add_explain_step(name, finding.remedy);
  findings.push_back(std::move(finding));
  return true;
}

/// Two servers that are both asked for the name, of which one says that it does not exist.
bool judge_servers(const DnsNameTest& name, const Ways& ways, Findings& findings) {
  const JudgedWay* found = find_expected(ways, WayVerdict::kFound);
  const JudgedWay* denies = find_expected(ways, WayVerdict::kNoSuchName);
  if (found == nullptr || denies == nullptr) return false;
  Finding finding = ways_finding(name, ways, Severity::kWarning);
  finding.title = fmt::format("{} knows {}, and {} says that it does not exist", found->answer->way, name.name,
                              denies->answer->way);
  finding.detail =
      "Both are servers for this name. Which of them is asked, or answers first, decides whether it is found: it works "
      "at times.";
  add_explain_step(name, finding.remedy);
  findings.push_back(std::move(finding));
  return true;
}

/// All find it, but not the same.
void judge_addresses(const DnsNameTest& name, const Ways& ways, Findings& findings) {
  const JudgedWay* first = nullptr;
  const JudgedWay* other = nullptr;
  for (const JudgedWay& way : ways) {
    if (!way.is_expected || way.verdict != WayVerdict::kFound) continue;
    if (first == nullptr) first = &way;
    if (other == nullptr && are_disjoint(first->answer->addresses, way.answer->addresses)) other = &way;
  }
  if (other == nullptr) return;
  const auto has_private = [](const JudgedWay& way) {
    return std::ranges::any_of(way.answer->addresses, is_private_address);
  };
  const bool by_network = has_private(*first) || has_private(*other);
  Finding finding = ways_finding(name, ways, by_network ? Severity::kWarning : Severity::kNotice);
  finding.title =
      fmt::format("{} has other addresses by {} than by {}", name.name, first->answer->way, other->answer->way);
  finding.detail = by_network ? "A private address is among them: the name means another host inside the VPN than "
                                "outside, and programs differ in which one they reach."
                              : "All of them are public: large services have other addresses for each server that "
                                "asks. Nothing need be wrong.";
  if (by_network) add_explain_step(name, finding.remedy);
  findings.push_back(std::move(finding));
}

void judge_name(const DnsTestFacts& facts, const DnsNameTest& name, Findings& findings) {
  const Ways ways = judged_ways(name, facts.results.servers);
  const bool is_told = judge_hidden(name, ways, findings) || judge_libc_without(name, ways, findings) ||
                       judge_libc_alone(facts, name, ways, findings) || judge_servers(name, ways, findings);
  if (!is_told) judge_addresses(name, ways, findings);
}

}  // namespace

void judge_ways(const DnsTestFacts& facts, Findings& findings) {
  for (const DnsNameTest& name : facts.results.names) judge_name(facts, name, findings);
}

}  // namespace vpndoctor
