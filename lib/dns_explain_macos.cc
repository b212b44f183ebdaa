// SPDX-License-Identifier: Apache-2.0
// The model of macOS: what mDNSResponder asks for a program, for one that is bound to an interface, and what dig asks,
// which reads /etc/resolv.conf by itself. Which entries a name goes to is macos_resolvers.h's; see dns_explain.h.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "macos_notes.h"
#include "macos_resolvers.h"
#include "vpndoctor/dns_explain.h"

namespace vpndoctor {
namespace {

using Section = MacosResolver::Section;

constexpr std::size_t kMostServersAsked = 128;  // DNSQuestion::validDNSServers has that many bits
constexpr std::size_t kMostQueries = 1024;
constexpr const char* kNoStub = "systemd-resolved is a service of Linux";

bool has_flag(const MacosResolver& resolver, std::string_view flag) {
  return std::ranges::count(resolver.flags, flag) != 0;
}

/// Releases before 10.7 or so print no flag for record types; then nothing is held back.
bool prints_record_types(const MacosDns& dns) {
  return std::ranges::any_of(dns.resolvers, [](const MacosResolver& each) {
    return has_flag(each, "Request A records") || has_flag(each, "Request AAAA records");
  });
}

bool is_held_back(const MacosDns& dns, const MacosResolver& resolver, std::uint16_t type) {
  if (type == kDnsTypeA) return !has_flag(resolver, "Request A records") && prints_record_types(dns);
  if (type == kDnsTypeAaaa) return !has_flag(resolver, "Request AAAA records") && prints_record_types(dns);
  return false;
}

unsigned labels_of(const MacosResolver& resolver) {
  return resolver.domain.empty() ? 0 : count_labels(resolver.domain);
}

std::string why_it_takes(const MacosResolver& entry) {
  if (entry.domain.empty()) return "it has no domain, so it takes every name";
  return fmt::format("its domain {} is the longest that fits", entry.domain);
}

std::string why_not(const MacosResolver& entry, const std::string& name) {
  if (!takes_name(entry, name)) return fmt::format("its domain {} does not fit", entry.domain);
  if (is_macos_multicast(entry)) return "it is for names that are asked by multicast";
  if (entry.servers.empty()) return "it names no server";
  if (entry.domain.empty()) return "it takes every name, but another entry's domain fits";
  return fmt::format("its domain {} fits, but another entry's is longer", entry.domain);
}

/// An entry that this query never looks at.
std::string why_other_section(const MacosResolver& entry) {
  if (entry.section == Section::kServiceSpecific) return "it is for the queries of one service alone";
  if (entry.section == Section::kUnscoped) return "it is for programs that are not bound to an interface";
  return fmt::format("it is for programs that are bound to {}",
                     entry.interface.empty() ? "an interface that is gone" : entry.interface);
}

/// One question, for mDNSResponder.
class MacosExplanation {
 public:
  MacosExplanation(const Snapshot& snapshot, const DnsQuestion& question, DnsPath& path)
      : dns_(*snapshot.dns.macos),
        question_(question),
        interface_(question.caller == DnsCaller::kBound ? question.interface : std::string()),
        entries_(macos_entries_for(dns_, interface_)),
        path_(path) {}

  void run() {
    const auto names = names_to_ask();
    for (const std::string& name : names) ask(name, &name == &names.front() ? "" : *(&name - 1));
    for (const MacosResolver& each : dns_.resolvers) {
      if (std::ranges::count(entries_, &each) != 0) continue;
      keep(each, {.scope = macos_scope_name(each),
                  .score = {},
                  .chosen = false,
                  .rule = why_other_section(each),
                  .matched_domain = {}});
    }
    if (entries_.empty()) path_.steps.push_back(why_nobody());
    if (path_.asked.empty()) return;
    const DnsQuery& first = path_.asked.front();
    path_.answered_by = first.server ? first.server->to_string() : "multicast DNS";
  }

 private:
  /// The search list is for names of one label without a dot at their end; the bare name comes last.
  std::vector<std::string> names_to_ask() const {
    const std::string name = canonical_dns_name(question_.name);
    std::vector<std::string> names;
    if (count_labels(name) == 1 && !question_.name.ends_with('.')) {
      for (const std::string& domain : macos_search_list(entries_)) {
        const std::string longer = fmt::format("{}.{}", name, domain);
        if (domain != "." && std::ranges::count(names, longer) == 0) names.push_back(longer);
      }
    }
    names.push_back(name);
    return names;
  }

  void ask(const std::string& name, const std::string& after) {
    const MacosChoice choice = choose_macos_entries(entries_, name, question_.type);
    const std::string only_if = after.empty() ? "" : fmt::format("{} does not exist", after);
    if (choice.multicast) ask_by_multicast(choice, name, only_if);
    for (const MacosResolver* entry : entries_) judge(*entry, choice, name);
    if (choice.unicast.empty()) return;
    if (is_held_back(dns_, *choice.unicast.front(), question_.type)) {
      path_.steps.push_back(fmt::format("{} asks for no {} records: there is no answer of that type",
                                        macos_scope_name(*choice.unicast.front()), dns_type_name(question_.type)));
      return;
    }
    if (choice.multicast && after.empty()) path_.parallel = true;
    ask_servers(choice, name, only_if);
  }

  void ask_by_multicast(const MacosChoice& choice, const std::string& name, const std::string& only_if) {
    const std::string scope = choice.multicast_entry == nullptr ? "mdns" : macos_scope_name(*choice.multicast_entry);
    path_.asked.push_back({.server = std::nullopt,
                           .interface = interface_,
                           .name = name,
                           .protocol = "mdns",
                           .scope = scope,
                           .only_if = only_if});
    if (choice.multicast_entry == nullptr) {
      path_.steps.push_back(fmt::format("{} lies below local: it is asked by multicast", name));
    }
  }

  void ask_servers(const MacosChoice& choice, const std::string& name, std::string only_if) {
    std::vector<std::pair<DnsServer, std::string>> seen;
    for (const MacosResolver* entry : choice.unicast) {
      if (is_held_back(dns_, *entry, question_.type)) continue;
      for (const DnsServer& server : entry->servers) {
        const std::pair key(server, entry->interface);
        if (std::ranges::count(seen, key) != 0) continue;
        if (seen.size() == kMostServersAsked || path_.asked.size() == kMostQueries) return;
        seen.push_back(key);
        path_.asked.push_back({.server = server,
                               .interface = entry->interface,
                               .name = name,
                               .protocol = "dns",
                               .scope = macos_scope_name(*entry),
                               .only_if = only_if});
        only_if = fmt::format("{} does not answer", server.to_string());
      }
    }
  }

  void judge(const MacosResolver& entry, const MacosChoice& choice, const std::string& name) {
    DnsCandidate candidate{
        .scope = macos_scope_name(entry), .score = {}, .chosen = true, .rule = {}, .matched_domain = {}};
    if (takes_name(entry, name)) {
      candidate.score = {DnsScore::Rank::kYes, labels_of(entry)};
      candidate.matched_domain = entry.domain;
    }
    const auto place = std::ranges::find(choice.unicast, &entry);
    if (&entry == choice.multicast_entry) {
      candidate.rule = fmt::format("names below {} are asked by multicast", entry.domain);
    } else if (place == choice.unicast.end()) {
      candidate.chosen = false;
      candidate.rule = why_not(entry, name);
    } else {
      candidate.rule = why_it_takes(entry);
      if (place != choice.unicast.begin()) {
        candidate.rule += fmt::format(", as {}'s; its order {} puts it behind",
                                      macos_scope_name(*choice.unicast.front()), entry.order);
      }
    }
    keep(entry, std::move(candidate));
  }

  /// Keeps the first judgement of an entry, unless a later name of the search list goes there.
  void keep(const MacosResolver& entry, DnsCandidate candidate) {
    const auto known = std::ranges::find(judged_, &entry);
    if (known == judged_.end()) {
      judged_.push_back(&entry);
      path_.candidates.push_back(std::move(candidate));
      return;
    }
    DnsCandidate& kept = path_.candidates[static_cast<std::size_t>(known - judged_.begin())];
    if (candidate.chosen && !kept.chosen) kept = std::move(candidate);
  }

  std::string why_nobody() const {
    if (!dns_.has_configuration) return "this Mac has no DNS configuration";
    if (!interface_.empty()) return fmt::format("no entry is scoped to {}: nobody is asked", interface_);
    return "no entry is for programs that are not bound to an interface";
  }

  const MacosDns& dns_;
  const DnsQuestion& question_;
  std::string interface_;
  std::vector<const MacosResolver*> entries_;
  std::vector<const MacosResolver*> judged_;  ///< whose the candidates are
  DnsPath& path_;
};

/// What dig and nslookup do: the servers of /etc/resolv.conf, which has those of one entry without a domain.
void explain_dig(const Snapshot& snapshot, const DnsQuestion& question, DnsPath& path) {
  std::vector<DnsServer> servers;
  std::string scope = "/etc/resolv.conf";
  if (snapshot.dns.resolv_conf && snapshot.dns.resolv_conf->exists) {
    servers = snapshot.dns.resolv_conf->used_servers;
  } else if (snapshot.dns.macos) {
    path.uncertain = "/etc/resolv.conf was not captured: it has the servers of one entry without a domain";
    const auto entries = macos_entries_for(*snapshot.dns.macos, {});
    const auto found = std::ranges::find_if(
        entries, [](const MacosResolver* entry) { return entry->domain.empty() && is_macos_unicast(*entry); });
    if (found != entries.end()) servers = (*found)->servers;
    if (found != entries.end()) scope = macos_scope_name(**found);
  } else {
    path.uncertain = why_macos_is_uncertain(snapshot);
  }
  path.steps.emplace_back("dig and nslookup ask the servers of /etc/resolv.conf, whatever the name is");
  std::string only_if;
  for (const DnsServer& server : servers) {
    path.asked.push_back({.server = server,
                          .interface = {},
                          .name = canonical_dns_name(question.name),
                          .protocol = "dns",
                          .scope = scope,
                          .only_if = std::exchange(only_if, fmt::format("{} does not answer", server.to_string()))});
  }
  if (!servers.empty()) path.answered_by = servers.front().to_string();
}

/// What the machine answers by itself; false when it asks.
bool answers_here(const Snapshot& snapshot, const std::string& name, DnsPath& path) {
  const bool is_in_hosts = snapshot.dns.hosts && std::ranges::any_of(*snapshot.dns.hosts, [&](const HostsEntry& each) {
                             return std::ranges::count(each.names, name) != 0;
                           });
  if (!is_in_hosts && name != "localhost") return false;
  path.is_answered_here = true;
  path.answered_by = "/etc/hosts";
  path.steps.push_back(fmt::format("{} is in /etc/hosts", name));
  return true;
}

/// A program of this Mac is asked, which asks others.
void doubt_local_servers(DnsPath& path) {
  for (const DnsQuery& query : path.asked) {
    if (!query.server || !query.server->address.is_loopback()) continue;
    path.leaks_to.reset();
    path.why_leaks_unknown = fmt::format("whom the program at {} asks is not known", query.server->to_string());
    return;
  }
}

}  // namespace

DnsPath explain_macos(const Snapshot& snapshot, const DnsQuestion& question) {
  DnsPath path;
  path.caller = question.caller;
  if (question.caller == DnsCaller::kBound) path.interface = question.interface;
  if (question.caller == DnsCaller::kStub) {
    path.why_none = kNoStub;
    return path;
  }
  if (question.caller == DnsCaller::kDirect) {
    explain_dig(snapshot, question, path);
  } else if (!answers_here(snapshot, canonical_dns_name(question.name), path)) {
    if (snapshot.dns.macos) MacosExplanation(snapshot, question, path).run();
    path.uncertain = why_macos_is_uncertain(snapshot);
  }
  doubt_local_servers(path);
  add_macos_notes(snapshot, question, path);
  return path;
}

}  // namespace vpndoctor
