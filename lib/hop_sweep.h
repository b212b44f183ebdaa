// SPDX-License-Identifier: Apache-2.0
// Finds the hops by TTL-limited probes, all in parallel, and the link that a size does not get over. A router's answers
// are small and often rate-limited, so a silent hop proves nothing unless a small probe sent after the large one was
// answered by the same hop.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "probe_ledger.h"
#include "vpndoctor/path_mtu.h"

namespace vpndoctor {

struct HopSweepOptions {
  Method discover_method = Method::kEcho;
  Method locate_method = Method::kEcho;
  std::uint32_t control_bytes = 60;
  std::uint32_t max_bytes = 1500;
};

struct HopWant {
  Method method = Method::kEcho;
  std::uint32_t size_bytes = 0;
  std::uint8_t ttl = 0;
};

class HopSweep {
 public:
  HopSweep(const HopSweepOptions& options, const ProbeLedger& ledger);

  /// Says how far away the target seems to be, from the TTL of its replies. Starts the discovery.
  void start(std::uint8_t estimated_hops);
  /// Asks for the link that `lost_bytes` does not get over; `chance` is the probability that one probe is lost anyway.
  void locate(std::uint32_t lost_bytes, double chance, bool try_largest);
  /// Losses of probes before this index of the ledger prove nothing.
  void forget_losses_before(std::size_t index) { first_ = index; }
  /// Takes every reply to a TTL-limited probe (and the target's, for its address).
  void on_reply(const SentProbe& probe, const Reply& reply);

  std::optional<HopWant> next(TimePoint now);
  bool settled() const { return settled_; }
  TimePoint not_before() const { return not_before_; }

  /// The first hop at which the target itself answered; nullopt when it is not known.
  std::optional<std::uint8_t> distance() const { return distance_; }
  /// The last hop that the located size reached; 0 is this machine. nullopt when locate() was not asked.
  std::optional<std::uint8_t> last_reached() const;
  /// Proven constriction for the located size; nullopt when it is not proven, or can only be the target's own link.
  std::optional<Constriction> constriction() const;
  /// A router behind this hop answered a small probe of the kind that locates.
  bool has_answering_router_after(std::uint8_t ttl) const;
  /// Hops from 1 to the target, silent ones included. `passing_bytes` got to the target, so every hop carried it.
  std::vector<Hop> hops(std::uint32_t passing_bytes) const;
  /// TTL of the hop with this address; nullopt when no hop has it.
  std::optional<std::uint8_t> ttl_of(const IpAddress& address) const;

 private:
  static constexpr std::uint8_t kMostHops = 30;
  struct Seen {
    std::optional<IpAddress> address;
    std::optional<Milliseconds> rtt;
    std::uint32_t largest_bytes = 0;
  };

  std::optional<HopWant> discover();
  std::optional<HopWant> pass_over_routers();
  std::optional<HopWant> settle_candidate(TimePoint now);
  std::optional<std::uint8_t> candidate() const;
  std::uint8_t last_router() const;
  int evidence(std::uint8_t ttl) const;
  bool is_proven_lost(std::uint8_t ttl) const;
  std::uint16_t silenced_since(std::uint8_t ttl) const;
  bool wait_for_recovery(TimePoint now);
  bool is_busy() const;

  HopSweepOptions options_;
  const ProbeLedger& ledger_;
  std::array<Seen, kMostHops + 1> seen_;
  std::uint8_t horizon_ = 0;  ///< highest TTL to discover; 0: not started
  std::optional<std::uint8_t> distance_;
  std::uint32_t lost_bytes_ = 0;
  bool try_largest_ = false;
  double chance_ = 1;
  std::uint8_t control_due_ = 0;  ///< TTL of the pair whose control is still to be sent
  std::uint16_t waited_for_ = 0;  ///< id of the lost control after which the last wait was made
  std::size_t first_ = 0;
  int passes_ = 1;
  int waits_ = 0;
  TimePoint not_before_{};
  bool settled_ = false;
};

}  // namespace vpndoctor
