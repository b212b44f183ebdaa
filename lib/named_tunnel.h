// SPDX-License-Identifier: Apache-2.0
// The tunnel that --vpn names, against what is expected of it: whether it is one, and whether it is what carries.
// Another tunnel that does it in its place is not enough.
#pragma once

#include <set>
#include <string>

#include "vpndoctor/leak_checks.h"

namespace vpndoctor {

class LeakContext;

/// What stands against the named interface; empty fields: nothing.
struct NamedTunnel {
  std::string why_missing;         ///< no sentence's end: "The interface eth0 is no tunnel"
  std::string undecided;           ///< why it is not known whether it is there and works, a phrase
  bool is_nature_unknown = false;  ///< of undecided: it may be no tunnel at all
  bool is_no_tunnel = false;       ///< of why_missing: there is an interface of that name, and it is none
};

/// Takes facts with an interface named. What the tables send into it is not looked at. LeakContext remembers it.
NamedTunnel find_named_tunnel(const LeakContext& facts);

/// What the tables send into the named interface, against what is expected.
struct NamedCoverage {
  std::string different;      ///< no sentence's end: "Nothing goes through wg0"; empty: as expected, or not decided
  std::string undecided;      ///< a phrase; empty: decided
  bool has_no_route = false;  ///< of `different`: no route leads there
  bool is_another = false;    ///< of `different`: another tunnel carries what it should
};
NamedCoverage judge_named_coverage(const LeakContext& facts);

/// Why nothing gets through a tunnel for certain, "hangs: ...", no sentence's end; empty when it may.
std::string why_useless(const LeakContext& facts, const std::string& interface);

/// The tunnels that carry what --expect wants of one; where none does, all that carry something.
std::set<std::string> expected_carriers(const LeakContext& facts);

/// "tun0 is dead: ...", the first of the tunnels, when none of them works; empty when one may, or there is none.
std::string why_all_useless(const LeakContext& facts, const std::set<std::string>& tunnels);

/// Why it is not known whether one of the tunnels works, a phrase; empty when one may, or all are useless for certain.
std::string why_all_uncertain(const LeakContext& facts, const std::set<std::string>& tunnels);

/// True when public addresses of the family leave outside of every tunnel.
bool lets_public_out(const FamilyCoverage& coverage);

}  // namespace vpndoctor
