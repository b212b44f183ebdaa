// SPDX-License-Identifier: Apache-2.0
// What state each tunnel is in, with the proof, and what uses it. Pure: values of a snapshot in, a judgement out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/fib.h"
#include "vpndoctor/finding.h"
#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

enum class TunnelState : std::uint8_t {
  kLive,    ///< packets move, or a session was renewed in time
  kIdle,    ///< held and nothing moves: nothing says that it is broken
  kHung,    ///< its holder does not read what is sent into it
  kDead,    ///< its session is gone: it sends and receives nothing, or it has no carrier
  kOrphan,  ///< persistent, and no program holds it
  kSystem,  ///< the system's own, no VPN
  kUnknown,
};
const char* tunnel_state_name(TunnelState state);  ///< "live", "idle", ...

/// One tunnel, judged.
struct TunnelReport {
  std::string interface;
  std::string kind;  ///< "wireguard", "openvpn", "tun", "ppp", ...
  TunnelState state = TunnelState::kUnknown;
  std::string why;    ///< what the state rests on, one sentence
  std::string owner;  ///< the product; empty: not recognised
  std::vector<Evidence> evidence;
  std::vector<IpPrefix> addresses;      ///< its own, with their host bits, as `ip address` shows them
  std::size_t routes_count = 0;         ///< routes of all tables that lead into it
  std::size_t rules_count = 0;          ///< rules that name it or lead to a table of its routes alone
  std::vector<std::string> dns_scopes;  ///< resolver scopes that use it
};

/// Judges every tunnel-like interface of the snapshot, in the order of its links.
std::vector<TunnelReport> judge_tunnels(const Snapshot& snapshot);
/// The same with the index of the snapshot's routes that the caller has.
std::vector<TunnelReport> judge_tunnels(const Snapshot& snapshot, const Fib& fib);

}  // namespace vpndoctor
