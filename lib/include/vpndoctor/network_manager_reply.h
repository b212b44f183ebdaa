// SPDX-License-Identifier: Apache-2.0
// What NetworkManager's DnsManager answers on D-Bus. Pure; knows nothing of sockets.
#pragma once

#include <string>
#include <vector>

#include "vpndoctor/bus_value.h"
#include "vpndoctor/dns_configuration.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// Takes the properties of org.freedesktop.NetworkManager.DnsManager (nm-dns-manager.c, _get_config_variant()): its
/// entries come in the order of their priority. What was not understood is added to `limits`, a phrase each.
NetworkManagerDns read_dns_manager(const BusValue& properties, std::vector<std::string>& limits);

/// The DnsManager leaves the domain "~." out of what it tells; an IP4Config or IP6Config has it. Adds it to the entries
/// of that configuration: those of its interface, or of VPNs when `interface` is empty, in its family with the same
/// priority and the same other domains.
void add_wildcard_domain(NetworkManagerDns& dns, const std::string& interface, Family family,
                         const BusValue& ip_configuration);

}  // namespace vpndoctor
