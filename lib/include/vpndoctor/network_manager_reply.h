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

}  // namespace vpndoctor
