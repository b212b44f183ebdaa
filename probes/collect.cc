// SPDX-License-Identifier: Apache-2.0
// Puts a Snapshot of this namespace together. See the header.
#include "vpndoctor/collect.h"

#include <sys/stat.h>
#include <sys/utsname.h>

#include <algorithm>

#include "leak_facets.h"
#include "network_reading.h"
#include "number_names.h"
#include "routing_changes.h"
#include "routing_settings.h"
#include "tunnel_facet.h"
#include "vpndoctor/dns_collect.h"
#include "vpndoctor/version.h"

namespace vpndoctor {
namespace {

void describe_machine(Snapshot& snapshot) {
  snapshot.tool_version = version();
  utsname names{};
  if (::uname(&names) == 0) {
    snapshot.kernel_release = names.release;
    snapshot.host_name = names.nodename;
  }
  struct stat facts{};
  if (::stat("/proc/self/ns/net", &facts) == 0) snapshot.namespace_inode = facts.st_ino;
}

/// Reads once between a subscription to changes and its end.
Result<bool> read_in_bracket(Snapshot& snapshot) {
  auto changes = RoutingChanges::subscribe();
  if (!changes) return std::unexpected(changes.error());
  snapshot.taken_at = std::chrono::system_clock::now();
  const auto consistent = read_network(snapshot);
  if (!consistent) return consistent;
  return *consistent && !changes->any();
}

}  // namespace

Result<Snapshot> collect_snapshot(const CollectOptions& options) {
  Snapshot snapshot;
  describe_machine(snapshot);
  snapshot.stable = false;
  for (int attempt = 0; attempt < std::max(1, options.most_attempts) && !*snapshot.stable; ++attempt) {
    const auto stable = read_in_bracket(snapshot);
    if (!stable) return std::unexpected(stable.error());
    snapshot.stable = *stable;
  }
  snapshot.settings = read_routing_settings();
  snapshot.names = read_number_names();
  if (!options.tunnels) {
    snapshot.tunnels = Observed<std::vector<Tunnel>>::missing("tunnels were not asked for");
  } else if (!snapshot.links) {
    snapshot.tunnels = Observed<std::vector<Tunnel>>::missing("the interfaces are not known");
  } else {
    snapshot.tunnels = read_tunnels(snapshot);
  }
  if (options.dns) read_dns_configuration(snapshot);
  if (options.leaks) {
    snapshot.xfrm = read_xfrm();
    snapshot.firewall = read_firewall(snapshot.links ? *snapshot.links : std::vector<Link>{});
    snapshot.leases = read_leases(snapshot);
    snapshot.vpn_signs = read_vpn_signs();
  }
  return snapshot;
}

}  // namespace vpndoctor
