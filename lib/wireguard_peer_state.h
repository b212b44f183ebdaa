// SPDX-License-Identifier: Apache-2.0
// The state of each peer of a WireGuard interface by itself: a session ends 180 s after its handshake
// (REJECT_AFTER_TIME, wireguard.com/protocol), so that a peer which is sent to and shakes no hands any more is gone.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tunnel_judgement.h"

namespace vpndoctor {

/// A session is over so long after its handshake.
inline constexpr std::chrono::seconds kRejectAfter{180};
/// A handshake is tried again after so long (REKEY_TIMEOUT): a shorter look may miss the answer to one.
inline constexpr std::chrono::milliseconds kLongEnough{5000};
/// How far a handshake may lie ahead of the clock that it was read by.
inline constexpr std::chrono::seconds kClockError{5};

enum class PeerState : std::uint8_t {
  kLive,    ///< something came in from it, or its session has not run out
  kIdle,    ///< its session has run out, and nothing is sent to it
  kSilent,  ///< its session has run out, it is sent to, and nothing comes back
  kNever,   ///< it has never shaken hands
  kUnknown,
};

struct PeerReport {
  const WireguardPeer* peer = nullptr;
  PeerState state = PeerState::kUnknown;
  std::optional<std::chrono::seconds> age;  ///< of its last handshake; null: never
  std::uint64_t received = 0;               ///< bytes between the looks
  std::uint64_t sent = 0;
  std::string why;           ///< what the state rests on, a phrase
  bool has_default = false;  ///< nearly all public addresses of a family are for it
};

/// Judges them in their order; null: the peers are not known.
std::optional<std::vector<PeerReport>> judge_peers(const TunnelCase& facts);

/// One line of evidence a peer, those that matter most first, and how many more there are.
void quote_peer_states(const std::vector<PeerReport>& peers, std::vector<Evidence>& evidence);

/// "AbC...=", its key; else "at 192.0.2.1 port 51820" or "without a known key": what a peer is called in a sentence.
std::string peer_name(const WireguardPeer& peer);

/// "20 s", "12 minutes", "30 hours".
std::string age_words(std::chrono::seconds age);

}  // namespace vpndoctor
