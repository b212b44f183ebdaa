// SPDX-License-Identifier: Apache-2.0
// The sources of the resolver configuration, one function each. What cannot be read is missing with its reason.
#pragma once

#include <string>

#include "vpndoctor/dns_configuration.h"
#include "vpndoctor/snapshot.h"

namespace vpndoctor {

/// Fills the facets that are files (resolv_conf, name_service_switch, hosts, name_service_cache, backups), below the
/// folder `root` (empty: the machine's own).
void read_resolver_files(DnsConfiguration& dns, const std::string& root = {});

/// Reads resolved.conf and its drop-ins below `root`.
Observed<ResolvedSettings> read_resolved_settings(const std::string& root = {});

/// Asks systemd-resolved over varlink, else over D-Bus, else reads what networkd tells it below `root`; `settings` are
/// those of its files. Never starts it.
Observed<ResolvedState> read_resolved_state(const Snapshot& snapshot, const Observed<ResolvedSettings>& settings,
                                            const std::string& root = {});

/// What systemd-networkd (or a test) left in /run/systemd/netif/links: a scope for each link that has one.
Observed<std::vector<ResolvedScope>> read_networkd_scopes(const Snapshot& snapshot, const std::string& root = {});

/// Asks NetworkManager's DnsManager over D-Bus. Never starts it.
Observed<NetworkManagerDns> read_network_manager_dns(const Snapshot& snapshot);

/// Who listens on port 53 of this machine's own addresses.
Observed<std::vector<DnsListener>> read_dns_listeners();

/// Asks each dnsmasq among `listeners` that listens on a loopback address for its upstreams, and reads its
/// configuration for their domains.
Observed<std::vector<DnsmasqInstance>> read_dnsmasq(const Observed<std::vector<DnsListener>>& listeners,
                                                    const Observed<NetworkManagerDns>& network_manager);

}  // namespace vpndoctor
