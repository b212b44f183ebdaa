// SPDX-License-Identifier: Apache-2.0
// The chain of user-space routers: takes packets from the gateway and from the target, and delivers at the other
// end what delays, losses, MTUs and ICMP policies leave of them. Knows no sockets: packets in, packets out.
#pragma once

#include <functional>
#include <map>
#include <random>
#include <vector>

#include "event_loop.h"
#include "packet.h"
#include "path.h"

namespace vpndoctor::lab {

/// Which way a packet goes.
enum class Way { kForward, kBack };

/// The limit of one ICMP error a second after a burst of six, for each destination, as Linux has it.
class TokenBuckets {
 public:
  bool take(const IpAddress& destination, EventLoop::Clock::time_point now);

 private:
  struct Bucket {
    std::chrono::duration<double> credit{6};
    EventLoop::Clock::time_point filled;
  };
  std::map<IpAddress, Bucket> buckets_;
};

/// Node 0 is the gateway, which is a kernel; nodes 1 to n-1 are emulated; node n is the target, a kernel again.
class PathEmulator {
 public:
  using Deliver = std::function<void(const Bytes&)>;
  struct Ends {
    Deliver to_client;
    Deliver to_target;
  };

  PathEmulator(const PathConfig& config, std::uint64_t seed, EventLoop& loop, Ends ends);
  /// Takes a packet that the gateway forwards to the first link, or that the target sends.
  void from_gateway(Bytes packet);
  void from_target(Bytes packet) { transmit(target_node(), Way::kBack, std::move(packet)); }
  /// Answers the next packet of the client above `mtu_bytes` with a too-big message instead of forwarding it.
  void poison_once(std::uint32_t mtu_bytes) { poison_mtu_bytes_ = mtu_bytes; }

 private:
  struct LinkState {
    bool burst = false;
    EventLoop::Clock::time_point free_at;
  };

  std::size_t target_node() const { return config_.hops.size(); }
  const LinkConfig& link(std::size_t node, Way way) const;
  LinkState& link_state(std::size_t node, Way way);
  void transmit(std::size_t node, Way way, Bytes packet);
  void refuse_too_big(std::size_t node, Way way, const Bytes& packet);
  void carry(std::size_t node, Way way, Bytes packet);
  bool lost(const LinkConfig& link, LinkState& state, std::size_t packet_bytes);
  bool chance(double ratio);
  void arrive(std::size_t node, Way way, Bytes packet);
  void route(std::size_t node, Way way, Bytes packet);
  void answer(std::size_t node, Way way, const IcmpError& error, BytesView offending);
  void forge(std::size_t node, BytesView passing);
  bool passes_target_filter(BytesView packet) const;

  PathConfig config_;
  EventLoop& loop_;
  Ends ends_;
  std::mt19937_64 random_;
  std::vector<LinkState> forward_state_;
  std::vector<LinkState> back_state_;
  std::vector<TokenBuckets> buckets_;
  std::uint32_t poison_mtu_bytes_ = 0;
};

/// Returns the address from which the router at `node` sends its errors about packets that go `way`.
IpAddress router_address(std::size_t node, Way way, Family family);

}  // namespace vpndoctor::lab
