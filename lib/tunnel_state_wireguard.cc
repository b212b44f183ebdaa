// SPDX-License-Identifier: Apache-2.0
// Judges WireGuard by its peers (wireguard_peer_state.h): one that lives makes the tunnel live, unless the one that has
// the default route is known to be gone.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "wireguard_peer_state.h"

namespace vpndoctor {
namespace {

using std::chrono::seconds;

/// All peers together.
struct Session {
  std::optional<seconds> age;  ///< of the newest handshake; null: no peer has ever shaken hands
  std::uint64_t received = 0;  ///< bytes by peers' counters, between the looks
  std::uint64_t sent = 0;
  std::size_t peers = 0;
};

Session session_of(const std::vector<PeerReport>& peers) {
  Session session;
  session.peers = peers.size();
  for (const PeerReport& each : peers) {
    if (each.age) session.age = session.age ? std::min(*session.age, *each.age) : *each.age;
    session.received += each.received;
    session.sent += each.sent;
  }
  return session;
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
  const std::string since = age_words(*session.age);
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

/// The peer that all goes to which is for no other decides, whatever the others do; null when it leaves that to them.
std::optional<TunnelJudgement> judge_default_peer(const std::vector<PeerReport>& peers) {
  if (peers.size() < 2) return std::nullopt;
  const auto in_state = [&](PeerState state) {
    return std::ranges::find_if(peers,
                                [state](const PeerReport& each) { return each.has_default && each.state == state; });
  };
  if (const auto silent = in_state(PeerState::kSilent); silent != peers.end()) {
    return TunnelJudgement{TunnelState::kDead, fmt::format("Its peer {} has the default route, and {}.",
                                                           peer_name(*silent->peer), silent->why)};
  }
  if (const auto unknown = in_state(PeerState::kUnknown); unknown != peers.end()) {
    return TunnelJudgement{TunnelState::kUnknown, fmt::format("Its peer {} has the default route, and {}.",
                                                              peer_name(*unknown->peer), unknown->why)};
  }
  return std::nullopt;
}

}  // namespace

TunnelJudgement judge_wireguard(const TunnelCase& facts) {
  if (facts.is_tun_device()) {
    const TunnelJudgement device = judge_tun_device(facts);
    if (device.state == TunnelState::kHung || device.state == TunnelState::kOrphan) return device;
    if (facts.is_holder_stopped() || !facts.has_carrier() || !facts.link.is_up()) return device;
  }
  if (!facts.link.is_up()) return {TunnelState::kIdle, "It is down: nothing is sent into it."};
  const auto peers = judge_peers(facts);
  if (!peers) {
    const bool has_reason = facts.tunnel != nullptr && !facts.tunnel->not_seen.empty();
    return judge_without_peers(facts, has_reason ? "Its peers could not be read" : "Its peers are not known");
  }
  if (auto judged = judge_default_peer(*peers)) return *std::move(judged);
  return judge_session(facts, session_of(*peers));
}

}  // namespace vpndoctor
