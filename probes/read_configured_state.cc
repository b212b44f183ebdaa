// SPDX-License-Identifier: Apache-2.0
// Puts together what the files of interface configuration say; see the header.
#include "vpndoctor/read_configured_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "interface_configuration_files.h"
#include "vpndoctor/route_owner.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

/// An interface with an address that somebody gave to it, and no file that says who.
void note_unconfigured(const Snapshot& now, ConfiguredState& state) {
  if (!now.links || !now.addresses) return;
  for (const Link& link : *now.links) {
    if (!link.is_running() || link.is_loopback() || is_tunnel(now, link.name) || link_owner(now, link).is_known()) {
      continue;
    }
    const bool has_address = std::ranges::any_of(*now.addresses, [&](const Address& each) {
      return each.interface == link.name && !each.address.is_link_local();
    });
    const bool is_found = state.managers.contains(link.name);
    if (!has_address || is_found) continue;
    state.not_read.push_back(
        fmt::format("no configuration found for {} (looked for networkd, NetworkManager, dhclient, dhcpcd, ifupdown)",
                    escape_controls(link.name)));
  }
}

}  // namespace

ConfiguredState read_configured_state(const Snapshot& now, const std::string& root) {
  ConfigurationsFound found = read_configurations(now, root, ConfigurationKind::kAll);
  ConfiguredState state = weigh_configuration(now, found.configurations);
  note_unconfigured(now, state);
  for (std::string& failure : found.failures) state.not_read.push_back(std::move(failure));
  return state;
}

}  // namespace vpndoctor
