// SPDX-License-Identifier: Apache-2.0
// Judges peers; see the header. Without traffic nobody shakes hands, and nothing is wrong.
#include "wireguard_peer_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "address_classes.h"
#include "vpndoctor/prefix_set.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

using std::chrono::seconds;

constexpr std::size_t kMostQuotedPeers = 8;

std::uint64_t risen(std::uint64_t first, std::uint64_t last) { return last > first ? last - first : 0; }

const std::vector<WireguardPeer>* peers_of(const TunnelCase& facts) {
  if (facts.activity != nullptr && !facts.activity->last_peers.empty()) return &facts.activity->last_peers;
  return facts.tunnel != nullptr && facts.tunnel->peers ? &*facts.tunnel->peers : nullptr;
}

/// Nearly all public addresses of a family: 0.0.0.0/0, both halves of it, or the list that leaves private networks out.
bool has_default(const WireguardPeer& peer) {
  constexpr double kNearlyAll = 0.9;
  std::vector<IpPrefix> allowed;
  allowed.reserve(peer.allowed_ips.size());
  for (const AllowedIp& each : peer.allowed_ips) allowed.push_back(IpPrefix::of(each.address, each.prefix_length));
  allowed = aggregate(std::move(allowed));
  return public_share(allowed, Family::kInet) > kNearlyAll || public_share(allowed, Family::kInet6) > kNearlyAll;
}

/// One peer among those of its interface.
class PeerCase {
 public:
  PeerCase(const TunnelCase& facts, const WireguardPeer& peer, bool is_watched, bool is_only)
      : facts_(facts), moved_(facts.movement()), is_only_(is_only) {
    report_.peer = &peer;
    report_.has_default = has_default(peer);
    const auto now = is_watched ? facts.snapshot.activity->ended_at : facts.snapshot.taken_at;
    if (peer.last_handshake) report_.age = std::chrono::duration_cast<seconds>(now - *peer.last_handshake);
    if (!is_watched || peer.public_key.empty()) return;
    const auto& first = facts.activity->first_peers;
    const auto before = std::ranges::find(first, peer.public_key, &WireguardPeer::public_key);
    if (before == first.end()) return;
    is_counted_ = true;
    report_.received = risen(before->received_bytes, peer.received_bytes);
    report_.sent = risen(before->sent_bytes, peer.sent_bytes);
  }

  PeerReport judge() {
    if (report_.received > 0 || (is_only_ && moved_ && moved_->received > 0)) {
      put(PeerState::kLive, "something came in from it");
    } else if (!report_.age) {
      put(PeerState::kNever, "it has never shaken hands");
    } else if (*report_.age < -kClockError) {
      put(PeerState::kUnknown, "its last handshake lies ahead of the clock, which was set back");
    } else if (*report_.age <= kRejectAfter) {
      put(PeerState::kLive, fmt::format("its last handshake was {} s ago", std::max(seconds(0), *report_.age).count()));
    } else {
      judge_expired();
    }
    return std::move(report_);
  }

 private:
  void put(PeerState state, std::string why) {
    report_.state = state;
    report_.why = std::move(why);
  }

  /// What the interface sends is for its only peer; among several, a peer's own counters tell.
  void judge_expired() {
    const std::string since = fmt::format("its last handshake was {} ago", age_words(*report_.age));
    const bool is_known = moved_ && (is_counted_ || is_only_);
    const bool is_sent_to = report_.sent > 0 || (is_only_ && moved_ && moved_->sent > 0);
    if (!is_known) {
      put(PeerState::kUnknown, since + ", and whether anything is sent to it is not known");
    } else if (!is_sent_to) {
      put(PeerState::kIdle, since + ", and nothing is sent to it");
    } else if (facts_.snapshot.activity->interval < kLongEnough) {
      put(PeerState::kUnknown, since + ", and it was not watched long enough for an answer");
    } else {
      put(PeerState::kSilent, since + ": it is sent to and nothing comes back");
    }
  }

  const TunnelCase& facts_;
  std::optional<TunnelMovement> moved_;
  bool is_only_;
  bool is_counted_ = false;  ///< its counters were read at both looks
  PeerReport report_;
};

const char* peer_state_name(PeerState state) {
  constexpr std::array kNames = {"live", "idle", "silent", "no session yet", "unknown"};
  return kNames[static_cast<std::size_t>(state)];
}

}  // namespace

std::string age_words(seconds age) {
  constexpr auto kLong = std::chrono::minutes(10);
  if (age < kLong) return fmt::format("{} s", age.count());
  constexpr auto kVeryLong = std::chrono::hours(10);
  if (age < kVeryLong) return fmt::format("{} minutes", std::chrono::duration_cast<std::chrono::minutes>(age).count());
  return fmt::format("{} hours", std::chrono::duration_cast<std::chrono::hours>(age).count());
}

std::string peer_name(const WireguardPeer& peer) {
  if (!peer.public_key.empty()) return escape_controls(peer.public_key);
  return peer.endpoint ? fmt::format("at {} port {}", *peer.endpoint, peer.endpoint_port) : "without a known key";
}

std::optional<std::vector<PeerReport>> judge_peers(const TunnelCase& facts) {
  const auto* peers = peers_of(facts);
  if (peers == nullptr) return std::nullopt;
  const bool is_watched = facts.activity != nullptr && peers == &facts.activity->last_peers;
  std::vector<PeerReport> reports;
  reports.reserve(peers->size());
  for (const WireguardPeer& peer : *peers) {
    reports.push_back(PeerCase(facts, peer, is_watched, peers->size() == 1).judge());
  }
  return reports;
}

void quote_peer_states(const std::vector<PeerReport>& peers, std::vector<Evidence>& evidence) {
  std::vector<const PeerReport*> order;
  order.reserve(peers.size());
  for (const PeerReport& each : peers) order.push_back(&each);
  const auto rank = [](const PeerReport* each) {
    return std::pair(!each->has_default, each->state != PeerState::kSilent);
  };
  std::ranges::stable_sort(order, {}, rank);
  for (std::size_t at = 0; at < std::min(order.size(), kMostQuotedPeers); ++at) {
    const PeerReport& each = *order[at];
    evidence.push_back({"wireguard", "peer " + peer_name(*each.peer),
                        fmt::format("{}: {}{}", peer_state_name(each.state), each.why,
                                    each.has_default ? "; it has the default route" : "")});
  }
  if (order.size() <= kMostQuotedPeers) return;
  evidence.push_back({"wireguard", "peers", fmt::format("and {} more peers", order.size() - kMostQuotedPeers)});
}

}  // namespace vpndoctor
