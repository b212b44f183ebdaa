// SPDX-License-Identifier: Apache-2.0
// What VPN clients that ended without cleaning up left on a machine, gathered by client: rules, host routes, tables of
// the packet filter, kill switch interfaces, control sockets. The rules and routes are those that routes restore takes
// away; whether they are a fault is for others to say.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "stranded_kill_switch.h"
#include "vpndoctor/leak_checks.h"

namespace vpndoctor {

inline constexpr const char* kUnknownClient = "VPN client";

/// A rule of iptables that says in its comment which tunnel it is for.
struct MarkedRule {
  const FirewallTable* table = nullptr;
  const FirewallChain* chain = nullptr;
  std::string comment;
};

/// All that one client left; pointers lead into the snapshot.
struct CrashRemains {
  std::string client;                        ///< "wg-quick", "Mullvad", ...; kUnknownClient: it is not recognised
  std::vector<const Rule*> rules;            ///< that lead to a table without routes, and their companions
  std::vector<const Route*> server_routes;   ///< host routes that no tunnel uses
  std::vector<const FirewallTable*> tables;  ///< named after an interface that is gone
  std::vector<MarkedRule> marked_rules;      ///< for an interface that is gone
  StrandedKillSwitch stranded;               ///< tables that stop this machine without its VPN
  std::vector<const Link*> kill_switches;    ///< dummies that take the traffic in the place of a tunnel
  std::vector<const VpnSign*> sockets;       ///< that nobody listens on
  std::vector<std::string> interfaces;       ///< that are gone, as the tables and sockets name them
  /// Some of it can only come from a client: rules that most packets meet, tables, the way that the default route
  /// takes.
  bool is_certain = false;
  bool has_default = true;  ///< false: a family of the server routes has none any more, or only into dead tunnels
  bool is_recognised() const { return client != kUnknownClient; }
};

/// True for a snapshot that knows what they are found in: links, addresses, routes, rules and tunnels.
bool can_find_remains(const Snapshot& snapshot);
/// Finds them, ordered by client, where they can be found.
std::vector<CrashRemains> find_crash_remains(const LeakFacts& facts);

}  // namespace vpndoctor
