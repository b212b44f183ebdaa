// SPDX-License-Identifier: Apache-2.0
// Whether something stops this machine's traffic when its tunnels are gone: the routes that are left, then the packet
// filter. By what happens to packets, not by the names of rules; names only tell what rules were meant for.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "guests.h"
#include "vpndoctor/firewall.h"
#include "vpndoctor/leak_checks.h"

namespace vpndoctor {

/// What became of packets to public addresses that are sent one way.
enum class StopState : std::uint8_t {
  kNoWay,    ///< no route leads out of this machine, with or without a tunnel's help
  kStopped,  ///< every packet is stopped
  kOpen,     ///< at least one kind of packet leaves
  kUnknown,
};

struct StopReport {
  StopState state = StopState::kNoWay;
  std::string interface;  ///< where packets leave or would leave
  std::string why;        ///< a phrase: the rule that stops them, lets them out, or cannot be followed
  /// The kinds that leave, by their names (flow_kinds.h); not all of them: a filter stops the others.
  std::vector<std::string> leaving;
  bool is_by_filter = false;  ///< the packet filter stops it, not the routes
  std::string input;          ///< of forwarded packets: where they come in
};

/// One family, as if every tunnel were gone.
struct FamilyKillSwitch {
  StopReport local;
  StopReport forwarded;  ///< the worst over all guests (guests.h); kNoWay: none are forwarded
};

/// A table that looks like a VPN's protection.
struct ProtectionSign {
  std::string table;               ///< "table inet mullvad"
  std::string why;                 ///< a phrase: "it stops packets that leave by eth0 and none that leave by wg0"
  std::array<bool, 2> families{};  ///< by Family: those whose packets it is meant to stop
  bool is_spoof_guard = false;     ///< wg-quick's rules against spoofed packets, which stop nothing that leaves
  bool is_left_behind = false;     ///< no tunnel that it names is there
  const FirewallTable* source = nullptr;  ///< in the snapshot
  std::string tunnel = {};                ///< that it names; empty: none
  std::string product = {};               ///< that gives its table this name; empty: not recognised
  bool is_for(Family family) const { return families[static_cast<std::size_t>(family)]; }
};

struct KillSwitch {
  std::array<FamilyKillSwitch, 2> families;  ///< by Family
  std::vector<ProtectionSign> signs;
  const FamilyKillSwitch& of(Family family) const { return families[static_cast<std::size_t>(family)]; }
};

/// The machine as if every tunnel were gone.
class WithoutTunnels {
 public:
  explicit WithoutTunnels(const LeakFacts& facts);
  /// What becomes of its own packets to public addresses behind this packet filter.
  StopReport local(Family family, const Observed<Firewall>& filter) const;
  /// The worst that becomes of packets that it forwards; `way_out` is where its own ones leave.
  StopReport forwarded(Family family, const Observed<Firewall>& filter, const std::string& way_out) const;

 private:
  std::vector<Guests> guests_;
  Snapshot snapshot_;
  Fib fib_;
  std::uint32_t uid_;
};

KillSwitch judge_kill_switch(const LeakFacts& facts);

/// Tables of the packet filter that were meant to protect a VPN's traffic: by the name that a client gives to them, or
/// since each, alone, stops public packets of this machine that leave by another interface and lets them into a tunnel
/// that it names.
std::vector<ProtectionSign> protection_signs(const LeakFacts& facts);

}  // namespace vpndoctor
