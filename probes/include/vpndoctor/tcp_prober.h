// SPDX-License-Identifier: Apache-2.0
// Asks a TCP port what it carries: the MSS that arrives, and whether full-size segments get through each way.
// Uses the kernel's TCP and at most `max_connections` connections; no TLS library (a hand-made ClientHello or an SSH
// identification line is enough to make the peer send more than one segment).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

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
  std::uint32_t link_mtu_bytes = 1500;
  int max_connections = 4;
};

/// A TCP examination in progress. Driven by the same poll loop as the probes: non-blocking, one thread.
class TcpProber {
 public:
  explicit TcpProber(TcpProbeOptions options);
  ~TcpProber();
  TcpProber(const TcpProber&) = delete;
  TcpProber& operator=(const TcpProber&) = delete;

  /// Descriptors to poll and the events wanted; changes over time, ask before every poll.
  std::vector<struct pollfd> descriptors() const;
  /// Does whatever is due at `now`: connects, writes, reads, times out.
  void step(TimePoint now);
  /// When step() must be called even if no descriptor is ready.
  TimePoint wake_at() const;
  /// The port's state is known: open, refused (both after one round trip) or silent (no answer in the time allowed).
  bool port_state_known() const;
  bool done() const;
  /// Tells the round trip measured by the probes, from which the waits follow; default 1 s.
  void set_round_trip(Milliseconds rtt);
  /// Starts the tests of both directions after the port answered. `sizes` are the packet sizes of interest, largest
  /// first (link MTU, the largest that echo showed to pass, ...): each gets one connection with that MSS, in parallel.
  void examine(std::vector<std::uint32_t> sizes, TimePoint now);
  /// Everything learned so far.
  TcpEvidence evidence() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vpndoctor
