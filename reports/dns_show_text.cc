// SPDX-License-Identifier: Apache-2.0
// The text of `dns show`: who answers names, what the files say, then each scope with its servers and domains. What
// answers nothing is told from what does.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>

#include "dns_text.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostNames = 12;  ///< of a list that a line shows

/// "a, b, c, and 4 more"; all of them on a verbose page.
std::string list_text(const std::vector<std::string>& names, bool all) {
  if (all || names.size() <= kMostNames) return fmt::format("{}", fmt::join(names, ", "));
  return fmt::format("{}, and {} more", fmt::join(names.begin(), names.begin() + kMostNames, ", "),
                     names.size() - kMostNames);
}

std::string domain_text(const DnsDomain& domain) { return (domain.route_only ? "~" : "") + domain.name; }

std::vector<std::string> domain_texts(const DnsScopeView& scope) {
  std::vector<std::string> texts;
  texts.reserve(scope.domains.size());
  for (const DnsDomain& domain : scope.domains) texts.push_back(domain_text(domain));
  return texts;
}

std::vector<std::string> server_texts(const DnsScopeView& scope) {
  std::vector<std::string> texts;
  for (const DnsServer& server : scope.servers) {
    const bool is_current = scope.current_server == server && scope.servers.size() > 1;
    texts.push_back(server.to_string() + (is_current ? " (in use)" : ""));
  }
  return texts;
}

const char* resolver_text(DnsModel model) {
  switch (model) {
    case DnsModel::kResolved:
      return "systemd-resolved";
    case DnsModel::kResolvConf:
      return "the servers of resolv.conf";
    case DnsModel::kNetworkManagerDnsmasq:
      return "NetworkManager's dnsmasq";
    case DnsModel::kDnsmasq:
      return "dnsmasq";
    case DnsModel::kMacos:
      return "macOS";
    case DnsModel::kUnknown:
      break;
  }
  return "not known";
}

std::string nss_text(const NameServiceSwitch& nss) {
  std::string text;
  for (const NssService& service : nss.hosts) {
    text += (text.empty() ? "" : " ") + service.name;
    const bool is_missing = service.is_installed == false;
    std::string actions;
    if (!service.return_on_success) actions += " SUCCESS=continue";
    if (service.merge_on_success) actions += " SUCCESS=merge";
    if (service.return_on_not_found && service.return_on_try_again && !service.return_on_unavailable) {
      actions += " !UNAVAIL=return";
    } else {
      if (service.return_on_not_found) actions += " NOTFOUND=return";
      if (service.return_on_unavailable) actions += " UNAVAIL=return";
      if (service.return_on_try_again) actions += " TRYAGAIN=return";
    }
    if (!actions.empty()) text += fmt::format(" [{}]", actions.substr(1));
    if (is_missing) text += " (not installed)";
  }
  return text + (nss.is_default ? " (what glibc takes without a hosts line)" : "");
}

std::string resolv_conf_text(const ResolvConf& file, const std::optional<ResolvConfOwner>& owner) {
  std::string text = file.exists ? "" : "there is none";
  if (owner && !owner->name.empty()) {
    text += fmt::format("{}written by {}", text.empty() ? "" : "; ", owner->name);
    if (!owner->mode.empty()) text += fmt::format(" ({})", owner->mode);
    if (!owner->evidence.empty()) text += ": " + owner->evidence;
  } else if (!file.link_target.empty()) {
    text += fmt::format("{}a link to {}", text.empty() ? "" : "; ", file.link_target);
  } else if (file.exists) {
    text += "a file that does not say who wrote it";
  }
  if (!file.mount_source.empty()) text += fmt::format("; {} is mounted over it", file.mount_source);
  if (file.immutable == true) text += "; it cannot be changed (immutable)";
  return text;
}

std::string servers_text(const std::vector<DnsServer>& servers) {
  std::vector<std::string> texts;
  texts.reserve(servers.size());
  for (const DnsServer& server : servers) texts.push_back(server.to_string());
  return list_text(texts, false);
}

/// What glibc makes of the servers: it takes three of them, and its own machine when there is none.
std::string nameservers_text(const ResolvConf& file) {
  constexpr std::size_t kUsed = 3;
  if (file.nameservers.empty() && !file.not_servers.empty()) {
    return fmt::format("{} is no address, so glibc asks 127.0.0.1", in_quotes(file.not_servers.front()));
  }
  if (file.nameservers.empty()) return "no nameserver, so glibc asks 127.0.0.1";
  std::string text = "nameserver " + servers_text(file.nameservers);
  if (file.nameservers.size() > kUsed) text += "; glibc uses the first three";
  return text;
}

void write_files(const DnsShowReport& report, Page& page) {
  const DnsConfiguration& dns = report.snapshot->dns;
  if (dns.resolv_conf) {
    page.field("resolv.conf", resolv_conf_text(*dns.resolv_conf, report.overview.owner));
    page.field("", nameservers_text(*dns.resolv_conf));
    if (!dns.resolv_conf->environment.empty()) {
      page.field("environment", list_text(dns.resolv_conf->environment, page.verbose()));
    }
  }
  if (dns.name_service_switch) page.field("nsswitch", nss_text(*dns.name_service_switch));
  if (dns.name_service_cache && dns.name_service_cache->runs && dns.name_service_cache->caches_hosts) {
    page.field("nscd", "runs and answers libc programs from its cache");
  }
}

void write_daemons(const DnsShowReport& report, Page& page) {
  const DnsConfiguration& dns = report.snapshot->dns;
  if (dns.resolved) {
    std::string text = dns.resolved->version ? fmt::format("systemd {}", *dns.resolved->version) : "";
    if (dns.resolved->runs == false) text += (text.empty() ? "" : ", ") + std::string("it does not run");
    if (!dns.resolved->foreign.empty()) text += (text.empty() ? "" : ", ") + dns.resolved->foreign;
    page.field("resolved", text);
  }
  if (dns.network_manager && !dns.network_manager->mode.empty()) {
    std::string text = fmt::format("dns={}", dns.network_manager->mode);
    if (!dns.network_manager->rc_manager.empty()) text += ", rc-manager=" + dns.network_manager->rc_manager;
    if (!dns.network_manager->foreign.empty()) text += "; " + dns.network_manager->foreign;
    page.field("NetworkManager", text);
  }
}

bool claims_everything(const DnsScopeView& scope) {
  return std::ranges::find(scope.domains, ".", &DnsDomain::name) != scope.domains.end();
}

/// Whether names that no longer domain fits go there: a live scope with the domain "." is preferred to those that are
/// just a default route.
bool takes_rest(const DnsOverview& overview, const DnsScopeView& scope) {
  if (scope.default_route != true || claims_everything(scope)) return scope.default_route == true;
  return std::ranges::none_of(overview.scopes, [&scope](const DnsScopeView& other) {
    return other.source == scope.source && other.live == true && !other.servers.empty() && claims_everything(other);
  });
}

/// "tunnel, live, takes all other names, LLMNR".
std::string state_text(const DnsOverview& overview, const DnsScopeView& scope) {
  const bool is_alone = overview.scopes.size() == 1;
  std::string text = scope.is_tunnel ? "tunnel, " : "";
  if (scope.live) {
    text += *scope.live ? "live" : "NOT live: " + scope.why_not_live;
  } else {
    text += "not known whether live: " + scope.why_not_live;
  }
  if (scope.live != false && takes_rest(overview, scope))
    text += is_alone ? ", takes all names" : ", takes all other names";
  for (const std::string& protocol : scope.protocols) {
    if (protocol == "llmnr") text += ", LLMNR";
    if (protocol == "mdns") text += ", mDNS";
  }
  return text;
}

/// macOS has a resolver for each domain that goes to mDNS.
bool is_mdns_domain(const DnsScopeView& scope) {
  return scope.servers.empty() && !scope.domains.empty() && scope.protocols == std::vector<std::string>{"mdns"};
}

bool is_worth_a_block(const DnsScopeView& scope) { return !scope.servers.empty() || !scope.domains.empty(); }

void write_scope(const DnsOverview& overview, const DnsScopeView& scope, Page& page) {
  constexpr std::size_t kWidestLabel = 11;
  const std::string name = escape_non_ascii(scope.id);
  if (name.size() > kWidestLabel) {
    page.paragraph(name);
    page.field("", state_text(overview, scope));
  } else {
    page.field(name, state_text(overview, scope));
  }
  if (!scope.servers.empty()) page.field("", "servers " + list_text(server_texts(scope), page.verbose()));
  if (!scope.domains.empty()) page.field("", "domains " + list_text(domain_texts(scope), page.verbose()));
}

bool any_route_only(const DnsOverview& overview) {
  return std::ranges::any_of(overview.scopes, [](const DnsScopeView& scope) {
    return std::ranges::any_of(scope.domains, &DnsDomain::route_only);
  });
}

void write_scopes(const DnsOverview& overview, Page& page) {
  std::vector<std::string> others;
  std::vector<std::string> by_mdns;
  bool has_heading = false;
  for (const DnsScopeView& scope : overview.scopes) {
    if (is_mdns_domain(scope)) {
      by_mdns.push_back(scope.domains.front().name);
      continue;
    }
    if (!is_worth_a_block(scope)) {
      if (scope.id != "global") others.push_back(scope.id);
      continue;
    }
    if (!has_heading) page.heading("Scopes");
    has_heading = true;
    write_scope(overview, scope, page);
  }
  if (has_heading && any_route_only(overview)) {
    page.paragraph("~ marks a domain that is not appended to short names.", 2, Style::kQuiet);
  }
  if (!has_heading && !(others.empty() && by_mdns.empty())) page.heading("Scopes");
  page.field("by mDNS", list_text(by_mdns, page.verbose()));
  page.field("no servers", list_text(others, page.verbose()));
}

/// The sources of one machine, told as far as they were not read.
class UnreadSources {
 public:
  template <class T>
  void add(const char* name, const Observed<T>& facet) {
    if (!facet && facet.why_missing().ends_with("does not run")) {
      idle_.emplace_back(name);
    } else if (!facet) {
      unread_.push_back(fmt::format("{}: {}", name, facet.why_missing()));
    }
    for (const std::string& limit : facet.limits()) unread_.push_back(fmt::format("{}: {}", name, limit));
  }

  void write_idle(Page& page) const { page.field("not running", list_text(idle_, true)); }
  void write_unread(Page& page) const {
    if (!unread_.empty()) page.heading("What could not be read");
    for (const std::string& each : unread_) page.item(each);
  }

 private:
  std::vector<std::string> idle_;
  std::vector<std::string> unread_;
};

UnreadSources unread_sources(const Snapshot& snapshot) {
  const DnsConfiguration& dns = snapshot.dns;
  UnreadSources sources;
  if (snapshot.platform == Platform::kMacos) {
    sources.add("scutil --dns", dns.macos);
    return sources;
  }
  sources.add("resolv.conf", dns.resolv_conf);
  sources.add("nsswitch.conf", dns.name_service_switch);
  sources.add("hosts", dns.hosts);
  sources.add("nscd", dns.name_service_cache);
  sources.add("systemd-resolved", dns.resolved);
  sources.add("NetworkManager", dns.network_manager);
  sources.add("dnsmasq", dns.dnsmasq);
  sources.add("port 53", dns.listeners);
  sources.add("backups of resolv.conf", dns.backups);
  return sources;
}

/// "tun0 for corp.example and 2 more", "lan0 for all others"; a scope that belongs to no link is known by its servers.
std::string share_text(const DnsOverview& overview, const DnsScopeView& scope, bool is_alone) {
  std::string text = scope.interface.empty() ? servers_text(scope.servers) : scope.interface;
  if (takes_rest(overview, scope)) return text + (is_alone ? "" : " for all others");
  if (scope.domains.empty()) return text;
  text += " for " + scope.domains.front().name;
  if (scope.domains.size() > 1) text += fmt::format(" and {} more", scope.domains.size() - 1);
  return text;
}

/// A resolver of macOS that only programs bound to its interface, or of its service, ask.
bool is_for_some_programs(const DnsOverview& overview, const DnsScopeView& scope) {
  return overview.model == DnsModel::kMacos && !scope.default_route;
}

/// Those that get names now; the one that takes the rest comes after those that take something.
std::vector<const DnsScopeView*> answering_scopes(const DnsOverview& overview) {
  std::vector<const DnsScopeView*> answering;
  for (const DnsScopeView& scope : overview.scopes) {
    const bool gets_names = scope.default_route != true || !scope.domains.empty() || takes_rest(overview, scope);
    if (scope.live == true && !scope.servers.empty() && gets_names && !is_for_some_programs(overview, scope))
      answering.push_back(&scope);
  }
  std::ranges::stable_partition(answering, [&](const DnsScopeView* scope) { return !takes_rest(overview, *scope); });
  return answering;
}

/// Why there is none of them, by the first scope with servers.
std::string why_nobody(const DnsOverview& overview) {
  for (const DnsScopeView& scope : overview.scopes) {
    if (scope.servers.empty()) continue;
    return scope.live ? scope.why_not_live : "not known whether one is live: " + scope.why_not_live;
  }
  return "none is set up";
}

}  // namespace

std::string data_headline(const DnsShowReport& report) {
  const DnsOverview& overview = report.overview;
  if (overview.model == DnsModel::kUnknown) {
    return fmt::format("How names are resolved is not known: {}.", overview.why_unknown);
  }
  std::vector<const DnsScopeView*> answering = answering_scopes(overview);
  std::string text = fmt::format("Names are resolved by {}", resolver_text(overview.model));
  if (answering.empty()) return fmt::format("{}, but no server can be asked now: {}.", text, why_nobody(overview));
  constexpr std::size_t kMostScopes = 4;
  // The one that takes the rest is always named.
  if (answering.size() > kMostScopes) std::swap(answering[kMostScopes - 1], answering.back());
  for (std::size_t i = 0; i < std::min(answering.size(), kMostScopes); ++i) {
    text += (i == 0 ? ": " : ", ") + share_text(overview, *answering[i], answering.size() == 1);
  }
  if (answering.size() > kMostScopes) text += fmt::format(", and {} more", answering.size() - kMostScopes);
  return text + ".";
}

void write_sections(const DnsShowReport& report, Page& page) {
  const UnreadSources sources = unread_sources(*report.snapshot);
  if (report.snapshot->platform == Platform::kLinux) page.blank_line();
  write_files(report, page);
  write_daemons(report, page);
  sources.write_idle(page);
  write_scopes(report.overview, page);
  sources.write_unread(page);
}

}  // namespace vpndoctor
