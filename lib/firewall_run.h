// SPDX-License-Identifier: Apache-2.0
// Runs a packet through one base chain: which ends are possible, and who says so. Joins what different ways make of
// the packet, so that the work grows with the number of rules and not with what is unknown.
#pragma once

#include <string>
#include <string_view>

#include "firewall_packet.h"

namespace vpndoctor {

/// One end that the packet may come to.
struct FirewallEnding {
  bool is_possible = false;
  std::string why;    ///< the rule or policy, a phrase
  std::string doubt;  ///< a noun: what it depends on that this end is met; empty: nothing
  bool is_by_rule = false;
  FirewallPacket packet;  ///< as it is then
};

struct FirewallOutcome {
  FirewallEnding accept;
  FirewallEnding drop;
};

/// Runs the packet through the base chain `chain` of `table`.
FirewallOutcome run_chain(const FirewallPlace& place, const FirewallTable& table, const FirewallChain& chain,
                          const FirewallPacket& packet);

/// "chain output of table inet mullvad".
std::string chain_phrase(const FirewallTable& table, const FirewallChain& chain);

}  // namespace vpndoctor
