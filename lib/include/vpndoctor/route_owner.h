// SPDX-License-Identifier: Apache-2.0
// Recognises who made a route, a rule or an interface: the kernel, DHCP, a network manager, a container engine, a VPN
// client. Only where the facts allow it, and says which fact it was. Pure.
#pragma once

#include <string>

#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// An owner and the fact that shows it; an empty name: not recognised.
struct Owner {
  std::string name;      ///< "kernel", "DHCP", "router advertisement", "wg-quick", "Tailscale", "Docker", ...
  std::string evidence;  ///< "protocol dhcp", "table 51820 and mark 0xca6c"
  bool is_vpn = false;   ///< a VPN client's own

  bool is_known() const { return !name.empty(); }
};

/// Recognises the owner of a route by its protocol, its table, the rules that lead there, and its interfaces.
Owner route_owner(const Snapshot& snapshot, const Route& route);
/// Recognises the owner of a rule by its mark, table, priority and protocol.
Owner rule_owner(const Snapshot& snapshot, const Rule& rule);
/// Recognises the owner of an interface by its kind, name and holder.
Owner link_owner(const Snapshot& snapshot, const Link& link);
/// Recognises the owner of a table by its number and by the rules that lead there.
Owner table_owner(const Snapshot& snapshot, std::uint32_t table);

}  // namespace vpndoctor
