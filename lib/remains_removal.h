// SPDX-License-Identifier: Apache-2.0
// How the remains of a VPN client are taken away, and what they are evidence of; and which dead tunnel they belong to,
// where it is still there: then they go with it, since what starts that VPN again needs them, or makes them anew.
#pragma once

#include <vector>

#include "crash_remains.h"
#include "leak_check_table.h"

namespace vpndoctor {

/// Quotes each part of the remains.
void quote_remains(const LeakContext& facts, const CrashRemains& remains, Finding& finding);
/// The commands that take all of it away, a kill switch too; the rules and routes are those of `routes restore
/// --infer`.
std::vector<Command> take_remains_away(const LeakContext& facts, const CrashRemains& remains);
/// Says how all but a kill switch is taken away; where the default route is gone too, that one is brought back first.
void add_removal_steps(const LeakContext& facts, const CrashRemains& remains, Finding& finding);

/// Says how a kill switch is taken away without its VPN: another way than to start that again.
void add_release_steps(const CrashRemains& remains, Finding& finding);

/// The dead tunnel that the same client may have had; null: none. What another product left is a matter of its own.
const TunnelReport* dead_tunnel_of(const LeakContext& facts, const CrashRemains& remains);
/// All remains of which that tunnel is the dead one; none where they cannot be looked for.
std::vector<const CrashRemains*> remains_beside(const LeakContext& facts, const TunnelReport& tunnel);

}  // namespace vpndoctor
