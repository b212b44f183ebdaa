// SPDX-License-Identifier: Apache-2.0
// Reads DHCP leases; see leak_facets.h. Whether one still holds is weighed in lib.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "interface_configuration_files.h"
#include "leak_facets.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

using Leases = std::vector<InterfaceConfiguration>;

/// An address that expires, of IPv4, comes from DHCP: where its lease was not found something is missing.
std::vector<std::string> interfaces_without_lease(const Snapshot& snapshot, const Leases& leases) {
  std::vector<std::string> names;
  if (!snapshot.addresses) return names;
  for (const Address& each : *snapshot.addresses) {
    const bool expires = each.address.family == Family::kInet && each.valid_seconds.has_value();
    if (!expires || is_tunnel(snapshot, each.interface)) continue;
    const bool has_lease =
        std::ranges::find(leases, each.interface, &InterfaceConfiguration::interface) != leases.end();
    if (!has_lease && std::ranges::find(names, each.interface) == names.end()) names.push_back(each.interface);
  }
  return names;
}

}  // namespace

Observed<Leases> read_leases(const Snapshot& snapshot, const std::string& root) {
  if (!snapshot.links) return Observed<Leases>::missing("the interfaces are not known");
  ConfigurationsFound found = read_configurations(snapshot, root, ConfigurationKind::kLeases);
  std::erase_if(found.configurations, [&](const InterfaceConfiguration& each) {
    return !each.is_lease || snapshot.find_link(each.interface) == nullptr;
  });
  const std::vector<std::string> without = interfaces_without_lease(snapshot, found.configurations);
  Observed<Leases> leases(std::move(found.configurations), "files of DHCP leases");
  for (std::string& failure : found.failures) leases.add_limit(std::move(failure));
  for (const std::string& name : without) {
    leases.add_limit(
        fmt::format("no DHCP lease was found of {}, which has an address that expires", escape_controls(name)));
  }
  return leases;
}

}  // namespace vpndoctor
