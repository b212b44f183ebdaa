// SPDX-License-Identifier: Apache-2.0
// Judges WireGuard: a session ends 180 s after its handshake (REJECT_AFTER_TIME, wireguard.com/protocol), so that a
// peer which is sent to and shakes no hands any more is gone. Without traffic nobody shakes hands, and nothing is
// wrong.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "tunnel_judgement.h"

namespace vpndoctor {
namespace {

using std::chrono::seconds;

constexpr seconds kRejectAfter{180};
/// A handshake is tried again after so long (REKEY_TIMEOUT): a shorter look may miss the answer to one.
constexpr std::chrono::milliseconds kLongEnough{5000};
/// How far a handshake may lie ahead of the clock that it was read by.
constexpr seconds kClockError{5};

/// All peers together.
struct Session {
  std::optional<seconds> age;  ///< of the newest handshake; null: no peer has ever shaken hands
  std::uint64_t received = 0;  ///< bytes by peers' counters, between the looks
  std::uint64_t sent = 0;
  std::size_t peers = 0;
};

std::uint64_t risen(std::uint64_t first, std::uint64_t last) { return last > first ? last - first : 0; }

const std::vector<WireguardPeer>* peers_of(const TunnelCase& facts) {
  if (facts.activity != nullptr && !facts.activity->last_peers.empty()) return &facts.activity->last_peers;
  return facts.tunnel != nullptr && facts.tunnel->peers ? &*facts.tunnel->peers : nullptr;
}

Session session_of(const TunnelCase& facts, const std::vector<WireguardPeer>& peers) {
  const bool watched = facts.activity != nullptr && &peers == &facts.activity->last_peers;
  const auto now = watched ? facts.snapshot.activity->ended_at : facts.snapshot.taken_at;
  Session session;
  session.peers = peers.size();
  for (const WireguardPeer& peer : peers) {
    if (peer.last_handshake) {
      const auto age = std::chrono::duration_cast<seconds>(now - *peer.last_handshake);
      session.age = session.age ? std::min(*session.age, age) : age;
    }
    if (!watched) continue;
    const auto& first = facts.activity->first_peers;
    const auto before = std::ranges::find(first, peer.public_key, &WireguardPeer::public_key);
    if (peer.public_key.empty() || before == first.end()) continue;
    session.received += risen(before->received_bytes, peer.received_bytes);
    session.sent += risen(before->sent_bytes, peer.sent_bytes);
  }
  return session;
}

std::string age_text(seconds age) {
  constexpr auto kLong = std::chrono::minutes(10);
  if (age < kLong) return fmt::format("{} s", age.count());
  constexpr auto kVeryLong = std::chrono::hours(10);
  if (age < kVeryLong) return fmt::format("{} minutes", std::chrono::duration_cast<std::chrono::minutes>(age).count());
  return fmt::format("{} hours", std::chrono::duration_cast<std::chrono::hours>(age).count());
}

/// What the packets of the interface tell when its peers cannot be read.
TunnelJudgement judge_without_peers(const TunnelCase& facts, const std::string& why) {
  const auto moved = facts.movement();
  if (moved && moved->received > 0) {
    return {TunnelState::kLive, fmt::format("{} packets came in; its peers were not read.", moved->received)};
  }
  return {TunnelState::kUnknown, fmt::format("{}, and nothing came in that would show a session.", why)};
}

/// The last session is over; what moves tells whether that is a fault.
TunnelJudgement judge_expired(const TunnelCase& facts, const Session& session) {
  const std::string since = age_text(*session.age);
  const auto moved = facts.movement();
  if (!moved) {
    return {TunnelState::kUnknown,
            fmt::format("Its last handshake was {} ago, and whether packets move is not known: {}.", since,
                        facts.why_no_movement())};
  }
  if (session.sent == 0 && moved->sent == 0) {
    return {TunnelState::kIdle,
            fmt::format("Its last handshake was {} ago and nothing is sent: nobody needed a new one.", since)};
  }
  if (facts.snapshot.activity->interval < kLongEnough) {
    return {
        TunnelState::kUnknown,
        fmt::format("Its last handshake was {} ago and it is sending; it was not watched long enough for an answer.",
                    since)};
  }
  return {TunnelState::kDead,
          fmt::format("Its last handshake was {} ago, over {} s: it is sending and nothing comes back.", since,
                      kRejectAfter.count())};
}

TunnelJudgement judge_session(const TunnelCase& facts, const Session& session) {
  const auto moved = facts.movement();
  if (session.received > 0 || (moved && moved->received > 0)) {
    return {TunnelState::kLive, "Something came in from a peer while it was watched."};
  }
  if (session.peers == 0) return {TunnelState::kUnknown, "It has no peer."};
  if (!session.age) return {TunnelState::kUnknown, "No peer has ever shaken hands: that it worked once is not shown."};
  if (*session.age < -kClockError) {
    return {TunnelState::kUnknown,
            "Its last handshake lies ahead of the clock, which was set back: its age is not known."};
  }
  if (*session.age <= kRejectAfter) {
    return {TunnelState::kLive,
            fmt::format("Its last handshake was {} s ago.", std::max(seconds(0), *session.age).count())};
  }
  return judge_expired(facts, session);
}

}  // namespace

TunnelJudgement judge_wireguard(const TunnelCase& facts) {
  if (facts.is_tun_device()) {
    const TunnelJudgement device = judge_tun_device(facts);
    if (device.state == TunnelState::kHung || device.state == TunnelState::kOrphan) return device;
    if (facts.is_holder_stopped() || !facts.has_carrier() || !facts.link.is_up()) return device;
  }
  if (!facts.link.is_up()) return {TunnelState::kIdle, "It is down: nothing is sent into it."};
  const auto* peers = peers_of(facts);
  if (peers == nullptr) {
    const bool has_reason = facts.tunnel != nullptr && !facts.tunnel->not_seen.empty();
    return judge_without_peers(facts, has_reason ? "Its peers could not be read" : "Its peers are not known");
  }
  return judge_session(facts, session_of(facts, *peers));
}

}  // namespace vpndoctor
