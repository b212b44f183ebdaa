// SPDX-License-Identifier: Apache-2.0
// Which names NetworkManager gives to which server in its split modes (dns=dnsmasq), from what its DnsManager tells and
// from the routes: the wildcard, dropped and shadowed domains, reverse zones.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/snapshot.h"

namespace vpndoctor {

struct NetworkManagerDomains {
  std::vector<DnsmasqUpstream> upstreams;  ///< each with its domains; "." stands for the default
  std::string uncertain;                   ///< why it may be wrong; empty: certain
};

/// Follows _mgr_configs_data_construct() of NetworkManager 1.42 (src/core/dns/nm-dns-manager.c) and add_ip_config() of
/// nm-dns-dnsmasq.c. Null when NetworkManager's configuration is not known.
std::optional<NetworkManagerDomains> network_manager_domains(const Snapshot& snapshot);

}  // namespace vpndoctor
