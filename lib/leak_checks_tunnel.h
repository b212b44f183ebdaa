// SPDX-License-Identifier: Apache-2.0
// The checks of tunnels, one small function a code, and what they share.
#pragma once

#include <string>
#include <vector>

#include "leak_check_table.h"

namespace vpndoctor {

/// Why its interface carries nothing at the last look, a phrase: no carrier, down, gone; empty when it may.
std::string why_carries_nothing(const LeakContext& facts, const TunnelReport& tunnel);
/// True when nothing carries what is sent into it: dead, left behind, or without a carrier whoever holds it.
bool is_broken(const LeakContext& facts, const TunnelReport& tunnel);
/// The tunnel when the program that holds it is stopped; null when it is not, or is not known.
const Tunnel* stopped_holder(const LeakContext& facts, const TunnelReport& report);
/// True when routes, rules or resolver scopes lead there.
bool is_in_use(const TunnelReport& tunnel);
/// True for those that TUN001 tells of: broken, nothing carries what is sent there, and something is.
bool is_dead_in_use(const LeakContext& facts, const TunnelReport& tunnel);
/// "2 routes, 1 rule and the resolver scope tun0"; "nothing" when nothing uses it.
std::string users_words(const TunnelReport& tunnel);
/// How the owner's program is started again, as far as that is one command; empty otherwise.
std::vector<Command> restart_commands(const std::string& owner, const std::string& interface);
/// Which program to start again, a sentence; of an owner that is not known, by the interface that it makes.
std::string restart_words(const std::string& owner, const std::string& interface);
/// Says which program to start again, where the interface is gone by then.
void add_restart_step(const std::string& owner, const std::string& interface, Finding& finding);
/// The same where the interface is still there: wg-quick(8) makes none that exists.
void add_renewal_step(const std::string& owner, const std::string& interface, Finding& finding);
/// "1 route", "2 routes".
std::string count_words(std::size_t count, const char* what);

using Findings = std::vector<Finding>;
void check_dead_tunnels_in_use(const LeakContext& facts, Findings& findings);
void check_hung_tunnels(const LeakContext& facts, Findings& findings);
void check_dead_sessions(const LeakContext& facts, Findings& findings);
void check_unused_tunnels(const LeakContext& facts, Findings& findings);
void check_stopped_holders(const LeakContext& facts, Findings& findings);
void check_expected_tunnel(const LeakContext& facts, Findings& findings);
std::string expected_tunnel_undecided(const LeakContext& facts);
void check_expected_coverage(const LeakContext& facts, Findings& findings);
std::string expected_coverage_undecided(const LeakContext& facts);
void check_crash_remains(const LeakContext& facts, Findings& findings);
/// Why it is not certain that nothing remains; empty when it is, or something was found.
std::string crash_remains_undecided(const LeakContext& facts);
void check_growth(const LeakContext& facts, Findings& findings);
void check_unserved_ipsec(const LeakContext& facts, Findings& findings);
/// Why it is not known whether IPsec policies are left behind; empty when it is.
std::string unserved_ipsec_unknown(const LeakContext& facts);

}  // namespace vpndoctor
