// SPDX-License-Identifier: Apache-2.0
// The remedies as exact commands and configuration lines, in the order: let the ICMP messages through, set the
// MTU, clamp the MSS. Runs nothing and decides nothing.
#pragma once

#include <vector>

#include "path_mtu_judgement.h"
#include "vpndoctor/finding.h"
#include "vpndoctor/path_mtu_diagnosis.h"

namespace vpndoctor {

enum class FilterChain { kInput, kForward };

/// Returns rules, for nftables and for iptables, that accept ICMP 3/4 or ICMPv6 2 here (input) or on a router
/// (forward).
std::vector<Command> accept_too_big_commands(Family family, FilterChain chain);
/// Returns commands that set `advice.interface_mtu_bytes` on the egress, and the line of its tunnel if it is one.
std::vector<Command> set_mtu_commands(const PathMtuMeasurement& measurement, const Advice& advice);
/// Returns the configuration lines for tunnels whose own packets would take this path; none when nothing is to be set.
std::vector<Command> tunnel_lines(const PathMtuMeasurement& measurement, const Advice& advice);
/// Returns commands that clamp the MSS in both directions on the egress interface: of the measured family, or of both
/// when the egress is a tunnel, which carries both.
std::vector<Command> clamp_mss_commands(const PathMtuMeasurement& measurement, const Advice& advice);
/// Returns commands that give the route to the target alone this MTU.
std::vector<Command> set_route_mtu_commands(const PathMtuMeasurement& measurement, std::uint32_t mtu_bytes);
/// Returns commands that empty the kernel's path MTU cache of one family.
std::vector<Command> flush_cache_commands(Family family);

}  // namespace vpndoctor
