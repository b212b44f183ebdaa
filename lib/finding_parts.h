// SPDX-License-Identifier: Apache-2.0
// What every check needs to word a finding: its registry entry, its steps, its commands.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "vpndoctor/finding.h"
#include "vpndoctor/ip.h"

namespace vpndoctor {

/// Those that a check of both goes through.
inline constexpr std::array kFamilies{Family::kInet, Family::kInet6};

/// Starts a finding with the texts and the severity of its registry entry.
Finding make_finding(const char* code, Subject subject);

/// Appends a step, its sentence and its commands to the remedy.
void add_step(Remedy& remedy, std::string summary, std::vector<Command> commands = {});

/// "a", "a and b", "a, b and c": all of them.
std::string in_a_row(const std::vector<std::string>& words);

/// A command of this machine that needs root: `root_command({"ip", "route", "del", ...})`.
Command root_command(std::vector<std::string> argv);
/// One that any user may run.
Command user_command(std::vector<std::string> argv);

}  // namespace vpndoctor
