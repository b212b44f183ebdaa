// SPDX-License-Identifier: Apache-2.0
// The scopes of each source in the one shape of the overview. Knows no model: which sources count is decided by
// dns_overview.cc.
#pragma once

#include <vector>

#include "vpndoctor/dns_overview.h"
#include "vpndoctor/snapshot.h"

namespace vpndoctor {

/// Those that systemd-resolved has: global, links, delegates. Links without servers, domains and protocols are left
/// out.
std::vector<DnsScopeView> scopes_of_resolved(const Snapshot& snapshot, const ResolvedState& resolved);

/// What a libc program without a local forwarder uses: one scope of all servers.
std::vector<DnsScopeView> scopes_of_resolv_conf(const Snapshot& snapshot, const Observed<ResolvConf>& file);

/// NetworkManager's entries, an interface each, with what its dnsmasq makes of them; then upstreams of no entry.
std::vector<DnsScopeView> scopes_of_network_manager(const Snapshot& snapshot, const NetworkManagerDns& network_manager,
                                                    const DnsmasqInstance* instance);

/// The upstreams of a dnsmasq: those with the same domains and interface are one scope.
std::vector<DnsScopeView> scopes_of_dnsmasq(const Snapshot& snapshot, const DnsmasqInstance& instance);

/// macOS's resolvers, those that cannot be asked left out.
std::vector<DnsScopeView> scopes_of_macos(const Snapshot& snapshot, const MacosDns& macos);

/// Why the interface carries nothing: "it is down", "it has no carrier", "it is gone"; empty when it may, or when links
/// are not known.
std::string why_link_is_dead(const Snapshot& snapshot, std::string_view interface);

}  // namespace vpndoctor
