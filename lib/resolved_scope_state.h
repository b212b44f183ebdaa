// SPDX-License-Identifier: Apache-2.0
// Whether a scope of systemd-resolved answers names now: the daemon's own word where there is one, else worked out from
// the link as src/resolve/resolved-link.c does (link_relevant(), link_allocate_scopes(), systemd 252 and later).
#pragma once

#include <cstdint>
#include <string>

#include "vpndoctor/snapshot.h"

namespace vpndoctor {

/// The state of a scope.
struct ResolvedScopeState {
  std::uint64_t protocols = 0;      ///< ResolvedProtocol bits that are live
  std::string why_no_dns;           ///< "the link tun0 has no carrier"; empty when DNS is live
  std::string uncertain;            ///< why DNS may not be live: a facet is missing; empty: certain
  std::string uncertain_multicast;  ///< why LLMNR or mDNS may be live although it has no bit; empty: certain
};

/// Works out a scope's state. The global scope and delegates are always live; whether they have a server is another
/// matter.
ResolvedScopeState resolved_scope_state(const Snapshot& snapshot, const ResolvedScope& scope);

/// Says why a scope's servers are asked nothing now, a phrase: "the link tun0 is down"; empty: it is live, or it is not
/// known that it is inert.
std::string why_scope_is_inert(const Snapshot& snapshot, const ResolvedScope& scope);

/// manager_routable(): some link is in a state to carry DNS. Without one, systemd-resolved sends nothing from scopes
/// that belong to no link. True also when links or addresses are not known.
bool can_resolved_reach_anything(const Snapshot& snapshot);

}  // namespace vpndoctor
