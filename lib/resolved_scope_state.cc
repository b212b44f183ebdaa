// SPDX-License-Identifier: Apache-2.0
// Whether a scope of systemd-resolved answers names now; see the header.
#include "resolved_scope_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

namespace vpndoctor {

namespace {

constexpr std::uint32_t kLinkDormant = 1U << 17U;  // IFF_DORMANT
constexpr std::uint8_t kOperationalUnknown = 0;    // IF_OPER_UNKNOWN
constexpr std::uint8_t kOperationalUp = 6;         // IF_OPER_UP
constexpr unsigned kMdnsByDefault = 257;           // the first version where a link does mDNS unless it is told not to

bool has_carrier(const Link& link) {
  if (link.operational_state != kOperationalUnknown) return link.operational_state == kOperationalUp;
  return (link.flags & kLinkLowerUp) != 0 && link.is_running();
}

bool is_operational(const std::string& networkd_state) {
  return networkd_state.empty() || networkd_state == "degraded-carrier" || networkd_state == "degraded" ||
         networkd_state == "routable";
}

/// Why link_relevant() refuses the link whatever its addresses are; empty: it does not.
std::string why_link_is_inert(const Link& link, const std::string& networkd_state) {
  if (link.is_loopback()) return "it is the loopback interface";
  if ((link.flags & kLinkDormant) != 0) return fmt::format("the link {} is dormant", link.name);
  if (!link.is_up()) return fmt::format("the link {} is down", link.name);
  if ((link.flags & kLinkLowerUp) == 0 || !has_carrier(link)) {
    return fmt::format("the link {} has no carrier", link.name);
  }
  if (!is_operational(networkd_state)) {
    return fmt::format("systemd-networkd says that {} is in the state \"{}\"", link.name, networkd_state);
  }
  return {};
}

/// link_address_relevant()
bool is_relevant(const Address& address, bool allow_link_local) {
  return (address.flags & (kAddressDeprecated | kAddressTentative)) == 0 &&
         address.scope < (allow_link_local ? kScopeHost : kScopeLink);
}

/// The link has a relevant address; of any family when `family` is null.
bool has_address(const Snapshot& snapshot, std::string_view interface, std::optional<Family> family, bool link_local) {
  return std::ranges::any_of(*snapshot.addresses, [&](const Address& address) {
    return address.interface == interface && (!family || address.address.family == *family) &&
           is_relevant(address, link_local);
  });
}

/// The daemon is in another network namespace: its links are not those of the snapshot.
bool is_elsewhere(const Snapshot& snapshot) {
  return snapshot.dns.resolved.is_known() && !snapshot.dns.resolved->foreign.empty();
}

bool has_link_local_server(const ResolvedScope& scope) {
  return std::ranges::any_of(scope.servers, [](const DnsServer& server) { return server.address.is_link_local(); });
}

const ResolvedSettings* settings_of(const Snapshot& snapshot) {
  if (!snapshot.dns.resolved.is_known()) return nullptr;
  const auto& settings = snapshot.dns.resolved->settings;
  return settings.is_known() ? &*settings : nullptr;
}

std::optional<unsigned> version_of(const Snapshot& snapshot) {
  return snapshot.dns.resolved.is_known() ? snapshot.dns.resolved->version : std::nullopt;
}

/// The setting of the link, and of everything: a protocol is spoken unless one of them says no. Null: a default of the
/// build decides that differs between distributions.
std::optional<bool> speaks(const std::string& link, const std::string& everything, std::optional<bool> by_default) {
  if (link == "no" || everything == "no") return false;
  if (!link.empty() && !everything.empty()) return true;
  return by_default;
}

std::optional<bool> speaks_llmnr(const Snapshot& snapshot, const ResolvedScope& scope) {
  const ResolvedSettings* settings = settings_of(snapshot);
  const auto version = version_of(snapshot);
  // Debian's build has "no" since 257; before that the default was upstream's "yes" everywhere.
  const auto by_default = version && *version < kMdnsByDefault ? std::optional<bool>(true) : std::nullopt;
  const std::string link = scope.llmnr.empty() ? "yes" : scope.llmnr;
  return speaks(link, settings == nullptr ? std::string() : settings->llmnr, by_default);
}

std::optional<bool> speaks_mdns(const Snapshot& snapshot, const ResolvedScope& scope) {
  const ResolvedSettings* settings = settings_of(snapshot);
  const auto version = version_of(snapshot);
  const std::string everything = settings == nullptr ? std::string() : settings->multicast_dns;
  if (!scope.multicast_dns.empty()) return speaks(scope.multicast_dns, everything, true);
  if (version && *version < kMdnsByDefault) return false;
  return speaks("", everything, std::nullopt);
}

struct MulticastBits {
  std::uint64_t inet;
  std::uint64_t inet6;
};

std::uint64_t multicast_bits(const Snapshot& snapshot, const Link& link, MulticastBits bits) {
  if ((link.flags & kLinkMulticast) == 0) return 0;
  return (has_address(snapshot, link.name, Family::kInet, true) ? bits.inet : 0) |
         (has_address(snapshot, link.name, Family::kInet6, true) ? bits.inet6 : 0);
}

/// Adds the bits of LLMNR and mDNS, whichever the link speaks.
void add_multicast(const Snapshot& snapshot, const ResolvedScope& scope, const Link& link, ResolvedScopeState& state) {
  const auto add = [&](std::optional<bool> speaks_it, MulticastBits bits, const char* name) {
    const std::uint64_t possible = multicast_bits(snapshot, link, bits);
    if (possible == 0 || speaks_it == false) return;
    if (speaks_it) {
      state.protocols |= possible;
    } else {
      state.uncertain_multicast = fmt::format("it is not known whether {} speaks {}", link.name, name);
    }
  };
  add(speaks_llmnr(snapshot, scope), {kResolvedLlmnrIpv4, kResolvedLlmnrIpv6}, "LLMNR");
  add(speaks_mdns(snapshot, scope), {kResolvedMdnsIpv4, kResolvedMdnsIpv6}, "mDNS");
}

/// What link_relevant() and link_allocate_scopes() make of the link.
ResolvedScopeState state_from_link(const Snapshot& snapshot, const ResolvedScope& scope) {
  if (!snapshot.links.is_known()) {
    return {kResolvedDns, {}, fmt::format("links are not known ({})", snapshot.links.why_missing()), {}};
  }
  const Link* link = snapshot.find_link(scope.interface);
  if (link == nullptr) return {0, fmt::format("there is no link {}", scope.interface), {}, {}};
  if (std::string why = why_link_is_inert(*link, scope.networkd_state); !why.empty())
    return {0, std::move(why), {}, {}};
  if (!snapshot.addresses.is_known()) {
    return {kResolvedDns, {}, fmt::format("addresses are not known ({})", snapshot.addresses.why_missing()), {}};
  }
  ResolvedScopeState state;
  if (!has_address(snapshot, link->name, std::nullopt, has_link_local_server(scope))) {
    state.why_no_dns = fmt::format("the link {} has no address better than link-local", link->name);
  } else if (scope.servers.empty()) {
    state.why_no_dns = fmt::format("the link {} has no DNS server", link->name);
  } else {
    state.protocols = kResolvedDns;
  }
  add_multicast(snapshot, scope, *link, state);
  return state;
}

}  // namespace

ResolvedScopeState resolved_scope_state(const Snapshot& snapshot, const ResolvedScope& scope) {
  if (scope.kind != ResolvedScope::Kind::kLink) return {kResolvedDns, {}, {}, {}};
  if (!scope.live_protocols) return state_from_link(snapshot, scope);
  ResolvedScopeState state{*scope.live_protocols, {}, {}, {}};
  if ((state.protocols & kResolvedDns) != 0) return state;
  if (!is_elsewhere(snapshot)) state.why_no_dns = state_from_link(snapshot, scope).why_no_dns;
  if (state.why_no_dns.empty()) {
    // The daemon looks at the link when something about it changes, not when an address goes or a server is set.
    state.why_no_dns = fmt::format("systemd-resolved has no live DNS scope for the link {}", scope.interface);
  }
  return state;
}

std::string why_scope_is_inert(const Snapshot& snapshot, const ResolvedScope& scope) {
  return resolved_scope_state(snapshot, scope).why_no_dns;
}

bool can_resolved_reach_anything(const Snapshot& snapshot) {
  if (!snapshot.links.is_known() || !snapshot.addresses.is_known() || !snapshot.dns.resolved.is_known()) return true;
  if (is_elsewhere(snapshot)) return true;
  const auto& scopes = snapshot.dns.resolved->scopes;
  return std::ranges::any_of(*snapshot.addresses, [&](const Address& address) {
    const Link* link = is_relevant(address, true) ? snapshot.find_link(address.interface) : nullptr;
    if (link == nullptr) return false;
    const auto scope = std::ranges::find(scopes, link->name, &ResolvedScope::interface);
    const bool has_scope = scope != scopes.end();
    return why_link_is_inert(*link, has_scope ? scope->networkd_state : std::string()).empty() &&
           is_relevant(address, has_scope && has_link_local_server(*scope));
  });
}

}  // namespace vpndoctor
