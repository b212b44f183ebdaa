// SPDX-License-Identifier: Apache-2.0
// What systemd-resolved answers without asking anybody: /etc/hosts (resolved-etc-hosts.c) and synthesised names
// (resolved-dns-synthesize.c).
#include <fmt/format.h>

#include <algorithm>

#include "dns_explain_resolved.h"
#include "dns_paths.h"
#include "dns_reverse.h"
#include "resolved_names.h"

namespace vpndoctor {

namespace {

constexpr std::uint16_t kDnsTypeAny = 255;

bool may_bring_addresses(std::uint16_t type) { return is_address_type(type) || type == kDnsTypeAny; }

bool is_loopback_host(const IpAddress& address) {
  static const auto kOwn = {*IpAddress::parse("127.0.0.1"), *IpAddress::parse("::1")};
  return std::ranges::find(kOwn, address) != kOwn.end();
}

bool lists_name(const HostsEntry& entry, std::string_view name) {
  return is_host_name(name) && std::ranges::find(entry.names, name) != entry.names.end();
}

/// All addresses that the file gives to a name are loopback ones.
bool has_only_loopback_addresses(const std::vector<HostsEntry>& hosts, const std::string& name) {
  return std::ranges::all_of(hosts, [&](const HostsEntry& entry) {
    return entry.address.is_unspecified() || !lists_name(entry, name) || entry.address.is_loopback();
  });
}

/// strip_localhost(): lines for 127.0.0.1 and ::1 that name nothing but localhost are left to the synthesised answer.
bool is_stripped(const std::vector<HostsEntry>& hosts, const IpAddress& address) {
  if (!is_loopback_host(address)) return false;
  return std::ranges::all_of(hosts, [&](const HostsEntry& entry) {
    return entry.address != address || std::ranges::all_of(entry.names, [&](const std::string& name) {
             return !is_host_name(name) || (is_localhost_name(name) && has_only_loopback_addresses(hosts, name));
           });
  });
}

bool has_reverse(const std::vector<HostsEntry>& hosts, const IpAddress& address) {
  const bool is_listed = std::ranges::any_of(hosts, [&](const HostsEntry& entry) { return entry.address == address; });
  return is_listed && !address.is_unspecified() && !is_stripped(hosts, address);
}

bool has_name(const std::vector<HostsEntry>& hosts, std::string_view name) {
  return std::ranges::any_of(hosts, [&](const HostsEntry& entry) {
    // A name that is stripped for one loopback address is gone for the other one as well.
    return lists_name(entry, name) && !is_stripped(hosts, entry.address);
  });
}

LocalAnswer no_such_name(std::string_view name) {
  return {"systemd-resolved", fmt::format("{} never leaves the machine: the answer is \"no such name\"", name)};
}

bool is_own_beyond_host_scope(const Snapshot& snapshot, const IpAddress& address) {
  return snapshot.addresses.is_known() && std::ranges::any_of(*snapshot.addresses, [&](const Address& own) {
           return own.address == address && own.scope < kScopeHost;
         });
}

bool is_gateway(const Snapshot& snapshot, const IpAddress& address) {
  if (!snapshot.routes.is_known()) return false;
  const RouteTable& table = *snapshot.routes;
  return std::ranges::any_of(table.routes, [&](const Route& route) {
    if (route.table != kTableMain || !route.destination.is_default() || route.type != RouteType::kUnicast) return false;
    return std::ranges::any_of(table.hops(route), [&](const NextHop& hop) { return hop.gateway == address; });
  });
}

}  // namespace

std::optional<LocalAnswer> hosts_answer(const ResolvedQuestion& question) {
  const auto& settings = question.state.settings;
  if (settings.is_known() && settings->read_etc_hosts == false) return std::nullopt;
  if (!question.snapshot.dns.hosts.is_known()) return std::nullopt;
  const auto& hosts = *question.snapshot.dns.hosts;
  if (const auto address = address_of_reverse_name(question.name)) {
    if (!has_reverse(hosts, *address)) return std::nullopt;
    return LocalAnswer{"/etc/hosts", fmt::format("/etc/hosts has the address {}", *address)};
  }
  if (!question.rules.modern && !may_bring_addresses(question.type)) return std::nullopt;
  if (!has_name(hosts, question.name)) return std::nullopt;
  return LocalAnswer{"/etc/hosts", fmt::format("/etc/hosts has the name {}", question.name)};
}

std::optional<LocalAnswer> synthesized_answer(const ResolvedQuestion& question) {
  const std::string& name = question.name;
  if (name == "." || (question.rules.modern && is_below_domain(name, "resolver.arpa"))) {
    return LocalAnswer{"systemd-resolved", fmt::format("systemd-resolved answers for {} that it has nothing",
                                                       name == "." ? "the root" : name)};
  }
  if (is_never_resolved(name, question.rules.modern)) return no_such_name(name);
  if (is_localhost_name(name) || is_loopback_reverse_name(name)) {
    return LocalAnswer{"systemd-resolved",
                       fmt::format("{} means this machine: systemd-resolved answers it itself", name)};
  }
  if (is_own_host_name(name, question.snapshot.host_name)) {
    return LocalAnswer{"systemd-resolved",
                       fmt::format("{} is this machine's own name: systemd-resolved answers with its addresses", name)};
  }
  if (is_synthetic_host(name, question.rules.stub_hosts)) {
    return LocalAnswer{"systemd-resolved", fmt::format("{} is a name that systemd-resolved makes up itself", name)};
  }
  const auto address = address_of_reverse_name(name);
  if (!address) return std::nullopt;
  if (is_own_beyond_host_scope(question.snapshot, *address)) {
    return LocalAnswer{"systemd-resolved", fmt::format("{} is this machine's own address", *address)};
  }
  if (!is_gateway(question.snapshot, *address)) return std::nullopt;
  return LocalAnswer{"systemd-resolved", fmt::format("{} is the default gateway, called _gateway", *address)};
}

}  // namespace vpndoctor
