// SPDX-License-Identifier: Apache-2.0
// Two looks at the counters, some on the way to the second; see the header. A tun device whose holder does not read
// shows at the second look alone: its queue has handed over packets, and none was sent.
#include "vpndoctor/tunnel_activity.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "interface_counters.h"
#include "rtnl_query.h"
#include "wireguard_query.h"
#include "wireguard_socket.h"

namespace vpndoctor {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;

constexpr milliseconds kUsualInterval{1000};
/// An idle WireGuard that is given a packet sends a handshake again after REKEY_TIMEOUT, 5 s. An answer that is lost or
/// late comes within that time as well.
constexpr milliseconds kLongInterval{6000};
constexpr std::chrono::seconds kOldHandshake{180};  // REJECT_AFTER_TIME

/// An interface that is looked at.
struct Watched {
  int index = 0;
  std::string name;
  bool is_tunnel = false;
  bool is_kernel_wireguard = false;
  std::vector<TunHolder> holders = {};  ///< of a userspace WireGuard; empty: it is none
};

/// What one look saw.
struct Look {
  std::map<int, InterfaceCounters> counters;
  std::map<int, std::vector<WireguardPeer>> peers;
  std::map<int, std::optional<bool>> carriers;
  std::string why_no_counters;
  std::vector<std::string> limits;
};

bool is_watched(const Snapshot& snapshot, const Link& link) {
  if (is_tunnel(snapshot, link.name)) return true;
  return link.is_up() && !link.is_loopback() && link.master.empty();
}

Watched watched_of(const Snapshot& snapshot, const Link& link) {
  Watched watched{link.index, link.name, is_tunnel(snapshot, link.name)};
  const Tunnel* tunnel = snapshot.find_tunnel(link.name);
  // Peers that could not be read a moment ago would only be waited for.
  if (tunnel == nullptr || !tunnel->peers) return watched;
  watched.is_kernel_wireguard = link.kind == "wireguard";
  if (!watched.is_kernel_wireguard && tunnel->holder_pid) {
    watched.holders.push_back({static_cast<pid_t>(*tunnel->holder_pid)});
  }
  return watched;
}

void look_at_peers(const Watched& watched, Look& look) {
  if (!watched.is_kernel_wireguard && watched.holders.empty()) return;
  auto device = watched.is_kernel_wireguard
                    ? ask_kernel_wireguard(watched.name)
                    : ask_userspace_wireguard(find_wireguard_control(watched.name, watched.holders).path);
  if (device) {
    look.peers.emplace(watched.index, std::move(device->peers));
  } else {
    look.limits.push_back(fmt::format("the peers of {} were not read: {}", watched.name, device.error().message));
  }
}

Look look_at(const std::vector<Watched>& interfaces) {
  Look look;
  // The peers' answers take longer, so the counters of both looks are as far apart as these.
  for (const Watched& watched : interfaces) look_at_peers(watched, look);
  for (const Link& link : ask_links().value_or(std::vector<Link>{})) look.carriers.emplace(link.index, link.carrier);
  auto counters = read_interface_counters();
  if (counters) {
    look.counters = std::move(*counters);
  } else {
    look.why_no_counters = counters.error().message;
  }
  return look;
}

bool has_old_handshake(const Look& look) {
  const auto now = system_clock::now();
  return std::ranges::any_of(look.peers, [&](const auto& device) {
    return std::ranges::any_of(device.second, [&](const WireguardPeer& peer) {
      return peer.last_handshake && now - *peer.last_handshake > kOldHandshake;
    });
  });
}

std::vector<WireguardPeer> peers_in(const Look& look, int index) {
  const auto found = look.peers.find(index);
  return found == look.peers.end() ? std::vector<WireguardPeer>{} : found->second;
}

/// True when a tunnel was sent into and nothing came out. Handshakes tell more than that, where there were any.
bool has_unanswered(const std::vector<Watched>& interfaces, const Look& first, const Look& last) {
  return std::ranges::any_of(interfaces, [&](const Watched& watched) {
    const auto before = first.counters.find(watched.index);
    const auto after = last.counters.find(watched.index);
    if (!watched.is_tunnel || before == first.counters.end() || after == last.counters.end()) return false;
    const auto peers = peers_in(last, watched.index);
    const bool has_shaken_hands =
        std::ranges::any_of(peers, [](const WireguardPeer& peer) { return peer.last_handshake.has_value(); });
    return !has_shaken_hands && after->second.sent_packets > before->second.sent_packets &&
           after->second.received_packets == before->second.received_packets;
  });
}

/// Waits until `deadline`; false when the descriptor became readable before.
bool wait_until(steady_clock::time_point deadline, int interrupt_descriptor) {
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    if (left.count() <= 0) return true;
    // poll() passes over a negative descriptor.
    pollfd interrupt{interrupt_descriptor, POLLIN, 0};
    const int ready = ::poll(&interrupt, 1, static_cast<int>(left.count()));
    if (ready > 0 || (ready < 0 && errno != EINTR)) return false;
  }
}

std::optional<bool> carrier_in(const Look& look, int index) {
  const auto found = look.carriers.find(index);
  return found == look.carriers.end() ? std::nullopt : found->second;
}

Observed<TunnelActivity> compare(const std::vector<Watched>& interfaces, const Look& first, const Look& last) {
  Observed<TunnelActivity> activity({}, "rtnetlink, WireGuard");
  for (const std::string& limit : first.limits) activity.add_limit(limit);
  for (const std::string& limit : last.limits) activity.add_limit(limit);
  for (const Watched& watched : interfaces) {
    const auto before = first.counters.find(watched.index);
    const auto after = last.counters.find(watched.index);
    if (before == first.counters.end() || after == last.counters.end()) {
      activity.add_limit(fmt::format("{} went away between the two looks", watched.name));
      continue;
    }
    activity->interfaces.push_back({watched.name, before->second, after->second, peers_in(first, watched.index),
                                    peers_in(last, watched.index), carrier_in(last, watched.index)});
  }
  return activity;
}

}  // namespace

struct TunnelActivityReader::State {
  std::vector<Watched> interfaces;
  std::string why_none;  ///< the interfaces are not known
  Look first;
  steady_clock::time_point began;
  milliseconds interval = kUsualInterval;
};

TunnelActivityReader::TunnelActivityReader(const Snapshot& snapshot) : state_(std::make_unique<State>()) {
  if (!snapshot.links) {
    state_->why_none = snapshot.links.why_missing();
    return;
  }
  for (const Link& link : *snapshot.links) {
    if (is_watched(snapshot, link)) state_->interfaces.push_back(watched_of(snapshot, link));
  }
  state_->first = look_at(state_->interfaces);
  state_->began = steady_clock::now();
  if (has_old_handshake(state_->first)) state_->interval = kLongInterval;
}

TunnelActivityReader::~TunnelActivityReader() = default;
TunnelActivityReader::TunnelActivityReader(TunnelActivityReader&&) noexcept = default;
TunnelActivityReader& TunnelActivityReader::operator=(TunnelActivityReader&&) noexcept = default;

milliseconds TunnelActivityReader::remaining() const {
  if (!state_->why_none.empty() || !state_->first.why_no_counters.empty()) return {};
  const auto left = std::chrono::ceil<milliseconds>(state_->began + state_->interval - steady_clock::now());
  return std::max(left, milliseconds(0));
}

Observed<TunnelActivity> TunnelActivityReader::finish(int interrupt_descriptor) {
  const auto nothing = [](const std::string& why) { return Observed<TunnelActivity>::missing(why); };
  if (!state_->why_none.empty()) return nothing(state_->why_none);
  if (!state_->first.why_no_counters.empty()) return nothing(state_->first.why_no_counters);
  bool waited = wait_until(state_->began + state_->interval, interrupt_descriptor);
  Look last = look_at(state_->interfaces);
  while (waited && steady_clock::now() - state_->began < kLongInterval &&
         has_unanswered(state_->interfaces, state_->first, last)) {
    waited = wait_until(steady_clock::now() + kUsualInterval, interrupt_descriptor);
    last = look_at(state_->interfaces);
  }
  if (!last.why_no_counters.empty()) return nothing(last.why_no_counters);
  const auto interval = std::chrono::duration_cast<milliseconds>(steady_clock::now() - state_->began);
  if (!waited) {
    last.limits.push_back(fmt::format("the second look came after {} ms already: interrupted", interval.count()));
  }
  auto activity = compare(state_->interfaces, state_->first, last);
  activity->interval = interval;
  activity->ended_at = system_clock::now();
  return activity;
}

}  // namespace vpndoctor
