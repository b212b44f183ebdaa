// SPDX-License-Identifier: Apache-2.0
// Makes entries of each source and compares them by who has them and what they are called.
#include "dns_diff_compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "byte_key.h"
#include "facet_diff.h"
#include "vpndoctor/dns_overview.h"

namespace vpndoctor {
namespace {

using Entries = std::vector<DnsDiffEntry>;

DnsDiffEntry entry_of(std::string source, std::string id) {
  DnsDiffEntry entry;
  entry.source = std::move(source);
  entry.id = std::move(id);
  return entry;
}

Entries entries_of(const ResolvConf& file) {
  DnsDiffEntry entry = entry_of("resolv.conf", "resolv.conf");
  entry.kind = DnsDiffEntry::Kind::kResolvConf;
  entry.servers = file.nameservers;
  for (const std::string& name : file.search) entry.domains.push_back({name, false});
  const ResolvConfOwner owner = resolv_conf_owner(file);
  entry.owner = owner.name;
  entry.mode = owner.mode;
  entry.link_target = file.link_target;
  entry.settings = file.options;
  return {entry};
}

std::string service_text(const NssService& service) {
  std::string actions;
  const auto say = [&](bool differs, const char* action) {
    if (differs) actions += fmt::format("{}{}", actions.empty() ? "" : " ", action);
  };
  say(!service.return_on_success && !service.merge_on_success, "SUCCESS=continue");
  say(service.merge_on_success, "SUCCESS=merge");
  say(service.return_on_not_found, "NOTFOUND=return");
  say(service.return_on_unavailable, "UNAVAIL=return");
  say(service.return_on_try_again, "TRYAGAIN=return");
  return actions.empty() ? service.name : fmt::format("{} [{}]", service.name, actions);
}

Entries entries_of(const NameServiceSwitch& names) {
  DnsDiffEntry entry = entry_of("nsswitch.conf", "nsswitch.conf");
  entry.kind = DnsDiffEntry::Kind::kNameServiceSwitch;
  for (const NssService& each : names.hosts) entry.settings.push_back(service_text(each));
  return {entry};
}

Entries entries_of(const ResolvedState& state) {
  Entries entries;
  for (const ResolvedScope& scope : state.scopes) {
    if (scope.servers.empty() && scope.domains.empty()) continue;
    const bool is_link = scope.kind == ResolvedScope::Kind::kLink;
    std::string id = is_link ? scope.interface : "global";
    if (is_link && id.empty()) id = fmt::format("interface {}", scope.interface_index);
    if (scope.kind == ResolvedScope::Kind::kDelegate) id = "delegate " + scope.delegate;
    DnsDiffEntry& entry = entries.emplace_back(entry_of("systemd-resolved", std::move(id)));
    entry.interface = scope.interface;
    entry.servers = scope.servers;
    entry.domains = scope.domains;
    entry.default_route = scope.default_route;
  }
  return entries;
}

/// What it gives to systemd-resolved is told there.
Entries entries_of(const NetworkManagerDns& manager) {
  Entries entries;
  if (manager.mode == "systemd-resolved") return entries;
  for (const NetworkManagerDnsEntry& each : manager.entries) {
    DnsDiffEntry& entry = entries.emplace_back(entry_of("NetworkManager", each.interface));
    entry.interface = each.interface;
    entry.servers = each.servers;
    entry.domains = each.domains;
    entry.settings = {fmt::format("priority {}", each.priority)};
  }
  return entries;
}

Entries entries_of(const std::vector<DnsmasqInstance>& instances) {
  Entries entries;
  for (const DnsmasqInstance& instance : instances) {
    if (!instance.upstreams) continue;
    DnsDiffEntry& entry = entries.emplace_back(entry_of("dnsmasq", instance.listens_on.to_string()));
    for (const DnsmasqUpstream& upstream : *instance.upstreams) {
      entry.servers.push_back(upstream.server);
      for (const std::string& name : upstream.domains) {
        entry.settings.push_back(fmt::format("{} to {}", name, upstream.server.to_string()));
      }
    }
    std::ranges::sort(entry.servers);
    std::ranges::sort(entry.settings);
  }
  return entries;
}

Entries entries_of(const MacosDns& macos) {
  static constexpr const char* kSections[] = {"", "scoped ", "service-specific "};
  Entries entries;
  for (const MacosResolver& resolver : macos.resolvers) {
    const std::string of = !resolver.domain.empty()      ? resolver.domain
                           : !resolver.interface.empty() ? resolver.interface
                                                         : "everything else";
    DnsDiffEntry& entry = entries.emplace_back(
        entry_of("macOS", fmt::format("{}{}", kSections[static_cast<std::size_t>(resolver.section)], of)));
    entry.interface = resolver.interface;
    entry.servers = resolver.servers;
    for (const std::string& name : resolver.search) entry.domains.push_back({name, false});
  }
  return entries;
}

Identified identify(const DnsDiffEntry& entry) {
  ByteKey content;
  for (const DnsServer& server : entry.servers) {
    content.put('s').put(server.address).put(server.port).put(server.zone).put(server.tls_name);
  }
  for (const DnsDomain& domain : entry.domains) content.put('d').put(domain.name).put(domain.route_only);
  content.put('o').put(entry.default_route.value_or(false)).put(entry.owner).put(entry.mode).put(entry.link_target);
  for (const std::string& setting : entry.settings) content.put(setting);
  return {ByteKey().put(entry.source).put(entry.id).take(), content.take()};
}

std::vector<std::optional<Identified>> identified(const Entries& entries) {
  std::vector<std::optional<Identified>> list;
  for (const DnsDiffEntry& entry : entries) list.emplace_back(identify(entry));
  return list;
}

void move_indexes(std::vector<std::uint32_t>& indexes, std::size_t by) {
  for (std::uint32_t& index : indexes) index += static_cast<std::uint32_t>(by);
}

/// Appends what differs in one source to the whole.
void append(Entries before, Entries after, FacetDiff part, SnapshotDiff& diff) {
  const std::size_t first_before = diff.dns_before.size();
  const std::size_t first_after = diff.dns_after.size();
  move_indexes(part.removed, first_before);
  move_indexes(part.added, first_after);
  for (FacetDiff::Changed& changed : part.changed) {
    changed.before += static_cast<std::uint32_t>(first_before);
    changed.after += static_cast<std::uint32_t>(first_after);
  }
  diff.dns.removed.insert(diff.dns.removed.end(), part.removed.begin(), part.removed.end());
  diff.dns.added.insert(diff.dns.added.end(), part.added.begin(), part.added.end());
  diff.dns.changed.insert(diff.dns.changed.end(), part.changed.begin(), part.changed.end());
  std::ranges::move(before, std::back_inserter(diff.dns_before));
  std::ranges::move(after, std::back_inserter(diff.dns_after));
}

void say_not_compared(const std::string& text, SnapshotDiff& diff) {
  if (!diff.dns.not_compared.empty()) diff.dns.not_compared += "; ";
  diff.dns.not_compared += text;
}

template <class T>
bool is_certain(const Observed<T>& source) {
  return source.is_complete() || source.is_absent();
}

template <class T>
Entries entries_of_source(const Observed<T>& source) {
  return source ? entries_of(*source) : Entries{};
}

template <class T>
void compare(const char* name, const Observed<T>& before, const Observed<T>& after, SnapshotDiff& diff) {
  if (!before && !after) return;
  if ((before || before.is_absent()) && (after || after.is_absent())) {
    Entries left = entries_of_source(before);
    Entries right = entries_of_source(after);
    FacetDiff part = diff_lists(identified(left), identified(right));
    if (!is_certain(before)) part.added.clear();
    if (!is_certain(after)) part.removed.clear();
    append(std::move(left), std::move(right), std::move(part), diff);
  }
  if (is_certain(before) && is_certain(after)) return;
  diff.dns_is_partial = true;
  const Observed<T>& lacking = is_certain(before) ? after : before;
  const char* side = is_certain(before) ? "after" : "before";
  const char* what = lacking ? "not whole" : "not known";
  const std::string& why = lacking ? lacking.limits().front() : lacking.why_missing();
  say_not_compared(fmt::format("{} is {} {}: {}", name, what, side, why), diff);
}

}  // namespace

void diff_dns(const DnsConfiguration& before, const DnsConfiguration& after, SnapshotDiff& diff) {
  compare("resolv.conf", before.resolv_conf, after.resolv_conf, diff);
  compare("nsswitch.conf", before.name_service_switch, after.name_service_switch, diff);
  compare("systemd-resolved", before.resolved, after.resolved, diff);
  compare("NetworkManager", before.network_manager, after.network_manager, diff);
  compare("dnsmasq", before.dnsmasq, after.dnsmasq, diff);
  compare("scutil --dns", before.macos, after.macos, diff);
  const bool is_known = before.resolv_conf || before.macos || after.resolv_conf || after.macos;
  if (!is_known && diff.dns.not_compared.empty()) {
    diff.dns.not_compared = fmt::format("not known before or after: {}", before.resolv_conf.why_missing());
  }
}

}  // namespace vpndoctor
