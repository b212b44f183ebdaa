// SPDX-License-Identifier: Apache-2.0
// Which entries of `scutil --dns` a name goes to: mDNSResponder's own choice (DNSServerMatch(), BetterMatchForName(),
// SetValidDNSServers(), GetBestServer()). Says who is chosen and in which order, not what follows from it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "vpndoctor/dns_configuration.h"

namespace vpndoctor {

/// "resolver #2", "scoped resolver #1", "service resolver #1": unique in a dump.
std::string macos_scope_name(const MacosResolver& resolver);

/// The entries that a query may go to, by their order; those of equal order as they stand. With an interface those that
/// are scoped to it, else those that are for everybody: the two are never mixed.
std::vector<const MacosResolver*> macos_entries_for(const MacosDns& dns, std::string_view interface);

/// True for "options mdns" and for port 5353: names below its domain are asked by multicast.
bool is_macos_multicast(const MacosResolver& resolver);

/// True when names may be sent to it: it has a server, and is not for multicast.
bool is_macos_unicast(const MacosResolver& resolver);

/// True when the entry takes `name`: its domain fits, or it has none.
bool takes_name(const MacosResolver& resolver, std::string_view name);

/// The search list of a section: that of its first entry without a domain that has one.
std::vector<std::string> macos_search_list(const std::vector<const MacosResolver*>& entries);

struct MacosChoice {
  std::vector<const MacosResolver*> unicast;  ///< equally good; the later ones are asked when the earlier are silent
  const MacosResolver* multicast_entry = nullptr;  ///< that makes it a multicast query; null: there is none
  bool multicast = false;                          ///< asked by multicast, at once with `unicast`
};

/// Chooses among macos_entries_for(). `name` is canonical.
MacosChoice choose_macos_entries(const std::vector<const MacosResolver*>& entries, const std::string& name,
                                 std::uint16_t type);

}  // namespace vpndoctor
