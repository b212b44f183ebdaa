// SPDX-License-Identifier: Apache-2.0
// A kill switch that does its work while no tunnel is there: it stops all packets of this machine to public addresses.
// A client that died leaves it like this, and one whose user wants no traffic without the VPN (lockdown mode): the
// tables do not tell these apart.
#pragma once

#include <string>
#include <vector>

#include "kill_switch.h"

namespace vpndoctor {

struct StrandedKillSwitch {
  std::vector<ProtectionSign> tables = {};  ///< whose tunnel is not there, and without which packets would leave
  std::string interface = {};               ///< where they would
  std::string why = {};                     ///< a phrase: the rule or policy that stops them
  std::string undecided = {};               ///< why it is not known whether there is one, a phrase; empty: it is
};

/// Finds it; none where a tunnel works, or may. Takes a snapshot that knows links, addresses, routes and rules.
StrandedKillSwitch find_stranded_kill_switch(const LeakFacts& facts);

/// True when one of the tunnels carries packets, or may.
bool may_work(const std::vector<TunnelReport>& tunnels);

}  // namespace vpndoctor
