// SPDX-License-Identifier: Apache-2.0
// What to do about large packets that are lost, in the order: let the ICMP messages through, set the MTU, clamp the
// MSS. And what would settle a measurement that proved nothing. Says who has to do it; runs nothing.
#pragma once

#include <string>
#include <vector>

#include "path_mtu_findings.h"

namespace vpndoctor {

/// "ICMP type 3 code 4" or "ICMPv6 type 2", with the name of the message.
std::string too_big_message_name(Family family);

/// Returns all that helps against the black hole, each step where it is known to be of use.
Remedy hole_remedy(const FindingContext& context);
/// Appends the steps that set the MTU: of the egress, or of tunnels over this path.
void add_mtu_steps(const FindingContext& context, Remedy& remedy);
/// Appends the step that clamps the MSS; nothing when no MSS is known to help.
void add_clamp_step(const FindingContext& context, Remedy& remedy);

/// True when IPv6 goes through a link of less than 1280 bytes: no message and no setting on this machine helps then.
bool is_below_ipv6_minimum(const FindingContext& context);

/// Returns what would settle an undetermined path MTU, most promising first; empty when it was determined.
std::vector<RemedyStep> next_steps(const PathMtuMeasurement& measurement, const PathMtuJudgement& judgement);

}  // namespace vpndoctor
