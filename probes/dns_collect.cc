// SPDX-License-Identifier: Apache-2.0
// Puts the resolver configuration together from its sources; see the header.
#include "vpndoctor/dns_collect.h"

#include "dns_sources.h"

namespace vpndoctor {

void read_dns_configuration(Snapshot& snapshot) {
  DnsConfiguration& dns = snapshot.dns;
  read_resolver_files(dns);
  dns.resolved = read_resolved_state(snapshot, read_resolved_settings());
  dns.network_manager = read_network_manager_dns(snapshot);
  dns.listeners = read_dns_listeners();
  dns.dnsmasq = read_dnsmasq(dns.listeners, dns.network_manager);
}

}  // namespace vpndoctor
