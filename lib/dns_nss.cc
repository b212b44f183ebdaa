// SPDX-License-Identifier: Apache-2.0
// The services of glibc (nss/nss_files, resolv/nss_dns), of systemd 252 (src/nss-resolve, src/nss-myhostname) and of
// nss-mdns 0.15; see the header.
#include "dns_nss.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string_view>

#include "dns_checks.h"
#include "dns_forwarder.h"
#include "dns_glibc_schedule.h"
#include "dns_paths.h"

namespace vpndoctor {
namespace {

constexpr std::array<bool, kNssStatuses> kSuccess = {true, false, false, false};
constexpr std::array<bool, kNssStatuses> kNotFound = {false, true, false, false};
constexpr std::array<bool, kNssStatuses> kUnavailable = {false, false, true, false};
constexpr std::array<bool, kNssStatuses> kAnswersOrNot = {true, true, false, true};
constexpr std::array<bool, kNssStatuses> kAnything = {true, true, true, true};

NssView plain(const std::array<bool, kNssStatuses>& may_be, std::string step) {
  NssView view;
  view.may_be = may_be;
  view.is_local = true;
  view.step = std::move(step);
  return view;
}

const Snapshot& snapshot_of(const NssCall& call) { return call.ground->snapshot; }
std::string name_of(const NssCall& call) { return canonical_dns_name(call.question->name); }

/// AF_INET6 alone is asked for: lines with an IPv4 address do not count. A question for A stands for AF_UNSPEC.
bool wants_inet6(const NssCall& call) { return !call.reverse && call.question->type == kDnsTypeAaaa; }

NssView files(const NssCall& call) {
  const Observed<std::vector<HostsEntry>>& hosts = snapshot_of(call).dns.hosts;
  if (!hosts) {
    NssView view = plain({true, true, false, false}, "whether /etc/hosts has the name is not known.");
    view.is_local = false;  // it is not shown as the one who answers
    view.uncertain = fmt::format("/etc/hosts is not known: {}", hosts.why_missing());
    return view;
  }
  // The lines are compared with the name as the program gave it, and none ends with a dot.
  const std::string name = call.question->name.ends_with('.') ? std::string() : name_of(call);
  const auto fits = [&](const HostsEntry& entry) {
    if (call.reverse) return entry.address == *call.reverse;
    if (wants_inet6(call) && entry.address.family != Family::kInet6) return false;
    return std::ranges::count(entry.names, name) != 0;
  };
  const auto found = std::ranges::find_if(*hosts, fits);
  if (found == hosts->end()) {
    return plain(kNotFound,
                 wants_inet6(call) ? "/etc/hosts has no IPv6 address for it." : "/etc/hosts does not have it.");
  }
  return plain(kSuccess, fmt::format("/etc/hosts says {}.",
                                     call.reverse ? found->names.empty() ? std::string() : found->names.front()
                                                  : found->address.to_string()));
}

bool is_localhost(std::string_view name) {
  return name == "localhost" || name == "localhost.localdomain" || name.ends_with(".localhost") ||
         name.ends_with(".localhost.localdomain");
}

bool is_own_name(const Snapshot& snapshot, const std::string& name) {
  return !snapshot.host_name.empty() && canonical_dns_name(snapshot.host_name) == name;
}

NssView myhostname(const NssCall& call) {
  const Snapshot& snapshot = snapshot_of(call);
  if (call.reverse) {
    if (!is_own_address(snapshot, *call.reverse)) return plain(kNotFound, "it is none of this machine's addresses.");
    return plain(kSuccess, "it is an address of this machine.");
  }
  const std::string name = name_of(call);
  if (is_localhost(name)) return plain(kSuccess, "localhost is this machine.");
  if (is_own_name(snapshot, name)) return plain(kSuccess, "it is this machine's own name.");
  if (name == "_gateway" || name == "_outbound") {
    return plain({true, true, false, false}, fmt::format("{} stands for what the default route names.", name));
  }
  NssView view = plain(kNotFound, "it is not this machine's name.");
  if (snapshot.host_name.empty()) view.uncertain = "this machine's own name is not known";
  return view;
}

/// It may be there and not have answered: then libc waits for it.
NssView unknown_resolve(const std::string& why) {
  NssView view = plain(kAnything, fmt::format("whether systemd-resolved answers is not known: {}.", why));
  view.is_local = false;
  view.uncertain = fmt::format("what systemd-resolved does is not known: {}", why);
  return view;
}

NssView foreign_resolve(const ResolvedState& resolved) {
  NssView view =
      plain(kAnswersOrNot, fmt::format("systemd-resolved answers from another network: {}.", resolved.foreign));
  view.is_local = false;
  DnsPath asks;
  asks.leaks_to.reset();
  asks.why_leaks_unknown = "what the systemd-resolved of another network namespace asks is not known";
  asks.notes.emplace_back("libc programs here get the answers of another network namespace's systemd-resolved.");
  view.asks = std::move(asks);
  view.uncertain = view.asks->why_leaks_unknown;
  return view;
}

/// dns_name_apply_idna(): libidn2 does not take such a label, and then systemd-resolved does not take the name.
bool has_hyphen_at_an_end(std::string_view name) {
  return name.starts_with('-') || name.ends_with('-') || name.find("-.") != std::string_view::npos ||
         name.find(".-") != std::string_view::npos;
}

/// systemd-resolved answers by /etc/hosts that the name has no address of this family (NoSuchResourceRecord).
bool is_empty_by_hosts(const NssCall& call, const DnsPath& asks) {
  const auto& hosts = snapshot_of(call).dns.hosts;
  if (!wants_inet6(call) || !hosts || asks.answered_by != "/etc/hosts") return false;
  return std::ranges::none_of(*hosts, [name = name_of(call)](const HostsEntry& entry) {
    return entry.address.family == Family::kInet6 && std::ranges::count(entry.names, name) != 0;
  });
}

/// A name that systemd-resolved answers itself is certain; what it sends is not.
NssView resolve(const NssCall& call, const NssService& service) {
  const Observed<ResolvedState>& resolved = snapshot_of(call).dns.resolved;
  if (!resolved && !resolved.is_absent()) return unknown_resolve(resolved.why_missing());
  if (!resolved) return plain(kUnavailable, fmt::format("systemd-resolved is not there: {}.", resolved.why_missing()));
  if (!resolved->foreign.empty()) return foreign_resolve(*resolved);
  if (resolved->runs == false) return plain(kUnavailable, "systemd-resolved does not run.");
  if (!call.reverse && has_hyphen_at_an_end(name_of(call))) {
    return plain(kNotFound, "systemd-resolved refuses a name with a label that begins or ends with a hyphen.");
  }
  NssView view;
  view.asks = explain_resolved(snapshot_of(call), *call.question, false);
  view.is_local = view.asks->is_answered_here;
  // What it cannot ask anywhere is TRYAGAIN ("NoNameServers"); UNAVAIL means that it did not take the question.
  view.may_be = view.is_local ? kSuccess : kAnswersOrNot;
  if (!view.is_local && view.asks->asked.empty()) view.may_be[kNssSuccess] = false;
  view.step = view.is_local ? "systemd-resolved knows the answer itself." : "systemd-resolved is asked.";
  if (is_empty_by_hosts(call, *view.asks)) {
    view.may_be = kNotFound;
    view.asks.reset();
    view.step = "systemd-resolved finds no IPv6 address for it in /etc/hosts.";
  }
  if (!resolved->runs) view.uncertain = "whether systemd-resolved runs is not known";
  if (!service.is_installed) view.uncertain = "whether libnss_resolve.so.2 is installed is not known";
  return view;
}

/// nss-mdns: two labels and .local, unless the zone "local" exists in DNS (util.c, verify_name_allowed()); for
/// addresses the minimal variants take link-local ones only.
NssView mdns(const NssCall& call, const NssService& service) {
  const bool is_minimal = service.name.ends_with("_minimal");
  const std::string name = name_of(call);
  if (call.reverse) {
    if (is_minimal && !call.reverse->is_link_local()) return plain(kUnavailable, "it is no link-local address.");
  } else if (!name.ends_with(".local") || count_labels(name) != 2) {
    const bool is_deep = name.ends_with(".local") && count_labels(name) > 2;
    return plain(kUnavailable, is_deep ? "names in .local with more than two labels are not asked."
                                       : "it takes names in .local alone.");
  }
  NssView view;
  view.may_be = {true, true, true, false};
  view.step = "Avahi is asked, over multicast, unless DNS has a zone named local.";
  view.uncertain = "whether avahi-daemon runs is not known";
  DnsPath asks;
  DnsQuery query;
  query.name = name;
  query.protocol = "mdns";
  query.scope = service.name;
  asks.asked.push_back(std::move(query));
  asks.notes.push_back(fmt::format("{} first asks resolv.conf's servers for the SOA of \"local\".", service.name));
  view.asks = std::move(asks);
  return view;
}

NssView dns(const NssCall& call) {
  if (!call.reverse && !is_glibc_host_name(call.question->name)) {
    return plain(kNotFound, "it is no host name, nothing is sent.");
  }
  NssView view;
  view.asks = explain_resolv_conf(*call.ground, *call.question, !call.reverse);
  view.may_be = kAnything;
  view.is_local = view.asks->is_answered_here;
  view.step = "the servers of resolv.conf are asked.";
  if (view.asks->asked.empty() && !view.is_local && view.asks->uncertain.empty()) {
    view.may_be = kUnavailable;
    view.step = "no server of resolv.conf is asked.";
  }
  return view;
}

NssView unknown(const NssService& service) {
  NssView view = plain(kAnything, "what this service does is not known.");
  view.uncertain = fmt::format("what the NSS service {} answers is not known", service.name);
  view.is_local = false;
  return view;
}

}  // namespace

const char* nss_status_words(std::size_t status) {
  static constexpr std::array<const char*, kNssStatuses> kWords = {"has an answer", "finds nothing", "is not there",
                                                                   "cannot say now"};
  return kWords[status];
}

NssView view_of_service(const NssCall& call, const NssService& service) {
  const std::string& name = service.name;
  if (service.is_installed == false) {
    return plain(kUnavailable, fmt::format("libnss_{}.so.2 is not installed.", name));
  }
  if (name == "files") return files(call);
  if (name == "dns") return dns(call);
  if (name == "resolve") return resolve(call, service);
  if (name == "myhostname") return myhostname(call);
  if (name.starts_with("mdns")) return mdns(call, service);
  if (name == "mymachines") return plain(kNotFound, "it knows the names of local containers alone.");
  return unknown(service);
}

}  // namespace vpndoctor
