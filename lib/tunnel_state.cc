// SPDX-License-Identifier: Apache-2.0
// Judges tunnels; see the header.
#include "vpndoctor/tunnel_state.h"

#include <array>

namespace vpndoctor {

const char* tunnel_state_name(TunnelState state) {
  constexpr std::array kNames = {"live", "idle", "hung", "dead", "orphan", "system", "unknown"};
  return kNames[static_cast<std::size_t>(state)];
}

std::vector<TunnelReport> judge_tunnels(const Snapshot& snapshot) {
  std::vector<TunnelReport> reports;
  if (!snapshot.links) return reports;
  for (const Link& link : *snapshot.links) {
    if (!is_tunnel(snapshot, link.name)) continue;
    TunnelReport report;
    report.interface = link.name;
    reports.push_back(std::move(report));
  }
  return reports;
}

}  // namespace vpndoctor
