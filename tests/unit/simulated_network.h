// SPDX-License-Identifier: Apache-2.0
// A network in virtual time for the pure search: routers with an MTU each way, loss (independent or in bursts), ICMP
// policies and rate limits, queues, and hooks for hostile answers. Runs a PathMtuSearch to its end and says how long it
// took. One packet is in the network at a time as far as routers are concerned: only delays and queues know time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <random>
#include <vector>

#include "vpndoctor/path_mtu_search.h"

namespace vpndoctor::testing {

struct SimulatedLink {
  std::uint32_t mtu_bytes = 65535;           ///< towards the target
  std::uint32_t back_mtu_bytes = 65535;      ///< towards us; larger packets vanish
  bool back_fragments = false;               ///< larger packets without DF are fragmented instead
  bool signals = false;                      ///< the router before the link answers too-big
  std::optional<std::uint32_t> claim_bytes;  ///< null: the truth
  bool passes_above = false;                 ///< sizes from `passes_above_bytes` on pass again (fragmented outside)
  std::uint32_t passes_above_bytes = 0;
};

struct SimulatedNetwork {
  std::vector<SimulatedLink> links{1};  ///< links[i] is between hop i and hop i + 1; the last ends at the target
  Milliseconds one_way{20};
  Milliseconds jitter{0};  ///< of each answer by itself: answers overtake each other
  double late_ratio = 0;   ///< share of answers that take `late_by` longer
  Milliseconds late_by{0};
  double duplicate_ratio = 0;  ///< share of answers that arrive twice
  double loss = 0;             ///< each way
  double burst_packets = 1;    ///< mean length of a loss burst
  double large_loss = 0;       ///< extra loss on the way there, of packets from `large_bytes` on
  std::uint32_t large_bytes = 65535;
  std::vector<bool> silent;   ///< silent[i]: router i + 1 sends no time-exceeded
  bool rate_limited = false;  ///< routers' errors and the target's port unreachables: six, then one a second
  bool answers_echo = true;
  bool answers_udp = true;
  std::uint32_t target_link_bytes = 1500;   ///< the largest fragment that the target sends
  std::uint32_t echo_filter_bytes = 65535;  ///< larger echoes are dropped at the target
  std::uint64_t bytes_per_second = 0;       ///< of the first link; 0: unlimited
  std::uint64_t queue_bytes = 0;            ///< what waits for it; 0: nothing waits, bursts above `burst_bytes` drop
  std::uint64_t burst_bytes = 0;

  /// Answers that somebody forges when he sees a probe; they arrive before any true one.
  std::function<std::vector<Reply>(const Probe&)> forge;
  /// What the machine itself does with a probe; null: sends it.
  std::function<std::optional<SendFailure>(const Probe&)> refuse;

  /// The largest size up to which all pass there, and back.
  std::uint32_t forward_mtu() const;
  std::uint32_t back_mtu() const;
  /// The link at which a packet of this size ends on its way there; links.size() when it arrives.
  std::size_t end_of(std::uint32_t bytes) const;
  bool carries(std::uint32_t bytes) const { return end_of(bytes) == links.size(); }
};

class Simulation {
 public:
  struct Sent {
    Probe probe;
    TimePoint at;
  };

  Simulation(SimulatedNetwork network, std::uint64_t seed) : network_(std::move(network)), random_(seed) {}

  /// Runs the search to its end, or up to `most` of virtual time; returns the virtual time it took.
  Milliseconds run(PathMtuSearch& search, Milliseconds most = Milliseconds(1e9));
  static TimePoint begin() { return TimePoint{} + std::chrono::hours(1); }

  std::uint64_t too_big_after_echo = 0;  ///< too-big messages that an echo provoked
  std::vector<Sent> sent;                ///< everything that left the machine
  std::optional<TimePoint> first_answer;
  std::map<std::uint32_t, TimePoint> answered;  ///< size -> when the target's first answer to it arrived

 private:
  struct Arrival {
    TimePoint at;
    std::uint64_t order = 0;
    Reply reply;
    bool whole = true;                       ///< else only some fragments of it arrive
    std::uint32_t first_fragment_bytes = 0;  ///< 0: none
    std::uint32_t tail_of_bytes = 0;         ///< size of the reply whose last fragment arrives; 0: none
    bool operator>(const Arrival& other) const { return std::tie(at, order) > std::tie(other.at, other.order); }
  };
  struct Bucket {
    double tokens = 6;
    TimePoint at{};
  };
  /// An answer on its way: from which hop, how large, and whether routers may fragment it.
  struct Return {
    std::size_t hop = 0;
    std::uint32_t bytes = 56;
    bool may_fragment = false;
  };

  void offer(PathMtuSearch& search, const Probe& probe, TimePoint now);
  void transmit(const Probe& probe, TimePoint now);
  void arrive_at_target(const Probe& probe, TimePoint now);
  void deliver(const Reply& reply, const Return& way, TimePoint now);
  void deliver_fragments(Arrival arrival, const Return& way);
  void note_fragments(PathMtuSearch& search, const Arrival& arrival);
  void hand_over(PathMtuSearch& search, TimePoint now);
  bool lost_now();
  bool chance(double probability);
  bool may_answer(std::size_t hop, TimePoint now);
  bool queue_full(std::uint32_t bytes, TimePoint now);

  SimulatedNetwork network_;
  std::mt19937_64 random_;
  std::priority_queue<Arrival, std::vector<Arrival>, std::greater<>> arrivals_;
  std::map<std::size_t, Bucket> buckets_;
  std::uint64_t order_ = 0;
  bool in_burst_ = false;
  std::uint32_t largest_first_ = 0;
  std::uint32_t smallest_whole_ = UINT32_MAX;
  TimePoint queue_free_{};
};

/// The address of a hop; hop 0 is this machine.
IpAddress simulated_address(std::size_t hop);

}  // namespace vpndoctor::testing
