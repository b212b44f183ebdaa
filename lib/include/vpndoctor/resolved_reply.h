// SPDX-License-Identifier: Apache-2.0
// What systemd-resolved answers when it is asked for its configuration: varlink's JSON and D-Bus properties. Pure;
// knows nothing of sockets, and does not say where the daemon is.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vpndoctor/bus_value.h"
#include "vpndoctor/dns_configuration.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// A reply that was understood: the state with its scopes in order, and what of it was left out, a phrase each.
struct ResolvedReply {
  ResolvedState state;
  std::vector<std::string> limits;
  std::vector<std::pair<int, std::string>> interfaces;  ///< that the daemon knows: index and name (empty: not told)
};

/// At most so many servers or domains of a scope are taken.
inline constexpr std::size_t kMostScopeEntries = 10'000;

/// Parses a reply to io.systemd.Resolve.DumpDNSConfiguration (systemd 259; resolved-varlink.c,
/// manager_dump_dns_configuration_json()) without the NUL behind it. The error is a phrase that goes after "because".
std::expected<ResolvedReply, std::string> parse_resolved_dump(std::string_view reply);

/// Reads "systemd 257 (257.13-1)" or "252.39-1" or "v260~rc1" of a reply or property: the first number in it.
std::optional<unsigned> parse_systemd_version(std::string_view text);

/// The version in a reply to org.varlink.service.GetInfo; null when there is none.
std::optional<unsigned> parse_varlink_version(std::string_view reply);

/// Takes the properties of org.freedesktop.resolve1.Manager (resolved-bus.c): the mode, the fallback servers and the
/// global scope. A server with an interface index may belong to the global scope or to that link, which only the link's
/// own properties tell: see assign_global_servers().
ResolvedReply read_resolved_manager(const BusValue& properties);

/// Takes the properties of org.freedesktop.resolve1.Link (resolved-link-bus.c) of the link with this index and name.
ResolvedScope read_resolved_link(const BusValue& properties, int index, const std::string& name);

/// Gives the global scope (the first one) those servers of the manager's list that no link has.
void assign_global_servers(ResolvedReply& reply, const BusValue& manager_properties);

/// The interface indexes that occur in the manager's servers and domains, in order, each once.
std::vector<int> indexes_in_manager(const BusValue& properties);

/// The interface indexes of the objects below /org/freedesktop/resolve1/link, from what Introspect returns: sd-bus
/// writes index 12 as "_312" (sd_bus_path_encode()).
std::vector<int> indexes_in_introspection(std::string_view xml);

}  // namespace vpndoctor
