// SPDX-License-Identifier: Apache-2.0
// A network in virtual time for the pure search: routers with an MTU each way, loss (independent or in bursts), ICMP
// policies and rate limits. Runs a PathMtuSearch to its end and says how long it took.
#pragma once

#include <cstdint>
#include <map>
#include <queue>
#include <random>
#include <vector>

#include "vpndoctor/path_mtu_search.h"

namespace vpndoctor::testing {

struct SimulatedLink {
  std::uint32_t mtu_bytes = 1500;       ///< towards the target
  std::uint32_t back_mtu_bytes = 1500;  ///< towards us; larger packets vanish
  bool signals = false;                 ///< the router before the link answers too-big
  std::uint32_t claim_bytes = 0;        ///< 0: the truth
  bool passes_above = false;  ///< sizes above `passes_above_bytes` pass again (an outer socket fragments them)
  std::uint32_t passes_above_bytes = 0;
};

struct SimulatedNetwork {
  std::vector<SimulatedLink> links{1};  ///< links[i] is between hop i and hop i + 1; the last ends at the target
  Milliseconds one_way{20};
  Milliseconds jitter{0};
  double loss = 0;            ///< each way
  double burst_packets = 1;   ///< mean length of a loss burst
  std::vector<bool> silent;   ///< silent[i]: router i + 1 sends no time-exceeded
  bool rate_limited = false;  ///< routers' errors and the target's port unreachables: six, then one a second
  bool answers_echo = true;
  bool answers_udp = true;
  std::uint32_t echo_filter_bytes = 65535;  ///< larger echoes are dropped at the target
  std::uint64_t bytes_per_second = 0;       ///< of the first link; 0: unlimited
  std::uint64_t queue_bytes = 0;

  /// The largest size up to which all pass there.
  std::uint32_t forward_mtu() const {
    std::uint32_t mtu = 65535;
    for (const auto& link : links) mtu = std::min(mtu, link.mtu_bytes);
    return mtu;
  }
  std::uint32_t back_mtu() const {
    std::uint32_t mtu = 65535;
    for (const auto& link : links) mtu = std::min(mtu, link.back_mtu_bytes);
    return mtu;
  }
};

class Simulation {
 public:
  Simulation(SimulatedNetwork network, std::uint64_t seed) : network_(std::move(network)), random_(seed) {}

  /// Runs the search to its end; returns the virtual time it took.
  Milliseconds run(PathMtuSearch& search);
  static TimePoint begin() { return TimePoint{} + std::chrono::hours(1); }
  std::uint64_t too_big_after_echo = 0;  ///< too-big messages that an echo provoked

 private:
  struct Arrival {
    TimePoint at;
    std::uint64_t order;
    Reply reply;
    bool operator>(const Arrival& other) const { return std::tie(at, order) > std::tie(other.at, other.order); }
  };
  struct Bucket {
    double tokens = 6;
    TimePoint at{};
  };

  void transmit(const Probe& probe, TimePoint now);
  void deliver(Reply reply, std::size_t hops, std::uint32_t bytes, TimePoint now);
  bool lost_now();
  bool may_answer(std::size_t hop, TimePoint now);
  bool queue_full(std::uint32_t bytes, TimePoint now);
  static IpAddress address_of(std::size_t hop);

  SimulatedNetwork network_;
  std::mt19937_64 random_;
  std::priority_queue<Arrival, std::vector<Arrival>, std::greater<>> arrivals_;
  std::map<std::size_t, Bucket> buckets_;
  std::uint64_t order_ = 0;
  bool in_burst_ = false;
  TimePoint queue_free_{};
};

inline IpAddress Simulation::address_of(std::size_t hop) {
  IpAddress address;
  address.bytes = {192, 0, 2, static_cast<std::uint8_t>(hop + 1)};
  return address;
}

// Gilbert's model: within a burst everything is lost; mean burst length and overall loss are as asked.
inline bool Simulation::lost_now() {
  if (network_.loss <= 0) return false;
  std::uniform_real_distribution<double> uniform(0, 1);
  if (network_.burst_packets <= 1) return uniform(random_) < network_.loss;
  const double leave = 1 / network_.burst_packets;
  const double enter = leave * network_.loss / (1 - network_.loss);
  in_burst_ = in_burst_ ? uniform(random_) >= leave : uniform(random_) < enter;
  return in_burst_;
}

inline bool Simulation::may_answer(std::size_t hop, TimePoint now) {
  if (!network_.rate_limited) return true;
  Bucket& bucket = buckets_[hop];
  if (bucket.at == TimePoint{}) bucket.at = now;
  bucket.tokens = std::min(6.0, bucket.tokens + std::chrono::duration<double>(now - bucket.at).count());
  bucket.at = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

inline bool Simulation::queue_full(std::uint32_t bytes, TimePoint now) {
  if (network_.bytes_per_second == 0) return false;
  queue_free_ = std::max(queue_free_, now);
  const auto waiting =
      std::chrono::duration<double>(queue_free_ - now).count() * static_cast<double>(network_.bytes_per_second);
  if (waiting > static_cast<double>(network_.queue_bytes)) return true;
  queue_free_ += std::chrono::round<TimePoint::duration>(
      std::chrono::duration<double>(bytes / static_cast<double>(network_.bytes_per_second)));
  return false;
}

inline void Simulation::deliver(Reply reply, std::size_t hops, std::uint32_t bytes, TimePoint now) {
  for (std::size_t i = 0; i < std::min(hops, network_.links.size()); ++i) {
    if (bytes > network_.links[i].back_mtu_bytes) return;
  }
  if (lost_now()) return;
  const double share = static_cast<double>(hops) / static_cast<double>(network_.links.size());
  std::uniform_real_distribution<double> jitter(0, network_.jitter.count());
  const Milliseconds delay = network_.one_way * 2 * share + Milliseconds(jitter(random_));
  const TimePoint out = std::max(now, queue_free_);
  arrivals_.push({out + std::chrono::round<TimePoint::duration>(delay), order_++, reply});
}

inline void Simulation::transmit(const Probe& probe, TimePoint now) {
  if (probe.fragmented) return;  // the simulated target does not put fragments together
  if (queue_full(probe.size_bytes, now)) return;
  if (lost_now()) return;
  Reply reply;
  reply.probe_id = probe.id;
  const std::size_t end = network_.links.size();
  for (std::size_t hop = 0; hop < end; ++hop) {
    const SimulatedLink& link = network_.links[hop];
    const bool is_router = hop > 0;
    if (is_router && probe.ttl == hop) {
      const bool silent = hop - 1 < network_.silent.size() && network_.silent[hop - 1];
      reply.kind = Reply::Kind::kTimeExceeded;
      reply.from = address_of(hop);
      if (!silent && may_answer(hop, now)) deliver(reply, hop, 56, now);
      return;
    }
    const bool passes =
        probe.size_bytes <= link.mtu_bytes || (link.passes_above && probe.size_bytes >= link.passes_above_bytes);
    if (passes) continue;
    if (!link.signals || !may_answer(hop, now)) return;
    if (probe.method == Method::kEcho) ++too_big_after_echo;
    reply.kind = Reply::Kind::kTooBig;
    reply.from = address_of(hop);
    reply.mtu_bytes = link.claim_bytes != 0 ? link.claim_bytes : link.mtu_bytes;
    deliver(reply, hop, 56, now);
    return;
  }
  reply.kind = Reply::Kind::kReached;
  reply.from = address_of(end);
  reply.received_ttl = static_cast<std::uint8_t>(64 - (end - 1));
  const bool echo = probe.method == Method::kEcho;
  if (echo && (!network_.answers_echo || probe.size_bytes > network_.echo_filter_bytes)) return;
  if (!echo && (!network_.answers_udp || !may_answer(end, now))) return;
  deliver(reply, end, echo ? probe.size_bytes : 56, now);
}

inline Milliseconds Simulation::run(PathMtuSearch& search) {
  TimePoint now = begin();
  for (int guard = 0; guard < 200000 && !search.done(); ++guard) {
    while (!arrivals_.empty() && arrivals_.top().at <= now) {
      search.on_reply(arrivals_.top().reply, now);
      arrivals_.pop();
    }
    if (const auto probe = search.next(now)) {
      transmit(*probe, now);
      continue;
    }
    if (search.done()) break;
    TimePoint wake = search.wake_at(now);
    if (!arrivals_.empty()) wake = std::min(wake, arrivals_.top().at);
    now = std::max(wake, now + std::chrono::microseconds(10));
  }
  return now - begin();
}

}  // namespace vpndoctor::testing
