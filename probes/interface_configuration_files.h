// SPDX-License-Identifier: Apache-2.0
// Where the files of interface configuration lie, program by program: DHCP leases and static settings of
// systemd-networkd, NetworkManager, dhclient, dhcpcd and ifupdown. What they say is decoded in lib; what of it counts
// is weighed there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vpndoctor/interface_configuration.h"
#include "vpndoctor/snapshot.h"

namespace vpndoctor {

/// What the files say, and a phrase for each that is there and could not be read or understood.
struct ConfigurationsFound {
  std::vector<InterfaceConfiguration> configurations;
  std::vector<std::string> failures;
};

enum class ConfigurationKind : std::uint8_t { kAll, kLeases };

/// Reads the files below `root` (empty: the machine's own) that tell of the snapshot's interfaces, those of tunnels and
/// the loopback apart. A lease that tells only how long it holds does so from the time its file was written.
ConfigurationsFound read_configurations(const Snapshot& now, const std::string& root, ConfigurationKind kind);

}  // namespace vpndoctor
