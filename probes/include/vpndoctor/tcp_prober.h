// SPDX-License-Identifier: Apache-2.0
// Asks a TCP port what it carries: the MSS that arrives, and whether full-size segments get through each way.
// Uses the kernel's TCP and at most `max_connections` connections; no TLS library (a hand-made ClientHello or an SSH
// identification line is enough to make the peer send more than one segment).
#pragma once

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/path_mtu.h"
#include "vpndoctor/probe.h"

namespace [[gnu::visibility("default")]] vpndoctor {

struct TcpProbeOptions {
  IpAddress target;
  int scope_interface_index = 0;
  IpAddress source;
  std::string bind_interface;
  std::string capture_interface;  ///< to see the peer's SYN-ACK where the privilege allows; empty: none
  std::optional<std::uint32_t> mark;
  std::uint16_t port = 443;
  std::string server_name;  ///< for the ClientHello's SNI; empty for literals
  int max_connections = 4;
  /// Whether to send full-size segments too. A too-big message that they provoke enters the kernel's path MTU cache.
  bool forward = true;
  /// How long at least a reply, or an acknowledgement, may be missing before it counts as lost: time for a peer that
  /// sends again after 0.2, 0.4 and 0.8 s. Longer waits follow from the round trip and from loss that was seen.
  Milliseconds loss_wait{1200};
  /// How long the port may say nothing before it is called silent; null: one retransmitted SYN and three round trips.
  std::optional<Milliseconds> silence_after;
};

/// A TCP examination in progress. Driven by the same poll loop as the probes: non-blocking, one thread.
class TcpProber {
 public:
  explicit TcpProber(TcpProbeOptions options);
  ~TcpProber();
  TcpProber(const TcpProber&) = delete;
  TcpProber& operator=(const TcpProber&) = delete;

  /// Descriptors to poll and the events wanted; changes over time, ask before every poll.
  std::vector<pollfd> descriptors() const;
  /// Does whatever is due at `now`: connects, writes, reads, times out.
  void step(TimePoint now);
  /// When step() must be called even if no descriptor is ready.
  TimePoint wake_at() const;
  /// The port's state is known: open, refused (both after one round trip) or silent (no answer in the time allowed).
  bool port_state_known() const;
  /// Nothing is left to do: the port does not answer, or the examination is over. Not before examine() on an open port.
  bool done() const;
  /// Tells the round trip measured by the probes, from which the waits follow; until then the shortest handshake, or 1
  /// s.
  void set_round_trip(Milliseconds rtt);
  /// Override what TcpProbeOptions says; before examine().
  void set_forward(bool forward);
  void set_loss_wait(Milliseconds wait);
  /// Starts the tests of both directions, at once or when the port answers. `sizes` are the packet sizes of interest
  /// (link MTU, the largest that echo showed to pass, ...): each gets one connection with that MSS, in parallel, as far
  /// as `max_connections` allows; the largest and the smallest go first. A loss is only reported against a smaller size
  /// that works, so the smallest should be one that surely passes; 576 or 1280 is added where there is room.
  void examine(std::vector<std::uint32_t> sizes, TimePoint now);
  /// Everything learned so far.
  TcpEvidence evidence() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vpndoctor
