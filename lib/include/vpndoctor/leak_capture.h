// SPDX-License-Identifier: Apache-2.0
// Which captured packets are leaks: those that the routing tables or the user's expectation put into a tunnel and that
// left by a physical interface all the same. Takes packets one by one; sends and reads nothing itself.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/captured_packet.h"
#include "vpndoctor/leak_checks.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// A process that owns a socket.
struct SocketOwner {
  std::uint32_t pid = 0;
  std::string name;  ///< control characters replaced
};

/// One flow that leaked.
struct CaptureLeak {
  std::string interface;
  IpAddress source;
  std::uint16_t source_port = 0;
  IpAddress destination;
  std::uint16_t port = 0;  ///< the destination's; 0: none
  std::uint8_t ip_protocol = 0;
  std::string kind;    ///< "dns", "dot", "doh", "quic", "http", "https", "ntp", "stun", "icmp", "tcp", ...
  std::string reason;  ///< why it is a leak, a phrase
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;  ///< on the wire, link header included
  std::chrono::system_clock::time_point first_at;
  std::optional<SocketOwner> owner;  ///< null: not known
  std::string bound_interface;       ///< of its socket; empty: not bound, or not known
};

/// Packets that belong outside, by what they are: no leak.
struct CaptureCounts {
  std::uint64_t tunnel = 0;            ///< the tunnels' own outer packets
  std::uint64_t control = 0;           ///< ARP, neighbour discovery, DHCP
  std::uint64_t local = 0;             ///< link-local, multicast, the LAN
  std::uint64_t by_configuration = 0;  ///< what a split tunnel leaves outside
  std::uint64_t incoming = 0;
  std::uint64_t foreign = 0;    ///< not of this machine (another source address on the link)
  std::uint64_t undecided = 0;  ///< cut, malformed, not IP, or the tables do not tell
};

/// What a capture says. Without a control that was seen, no leaks prove nothing.
struct CaptureResult {
  std::vector<std::string> interfaces;
  double seconds = 0;
  std::uint64_t packets = 0;
  std::uint64_t dropped = 0;  ///< by the kernel: not seen
  bool control_seen = false;
  std::string control;             ///< what was seen, or why nothing was, a phrase
  std::vector<CaptureLeak> leaks;  ///< most packets first
  bool is_cut = false;             ///< there were more flows than could be kept
  CaptureCounts counts;
  std::vector<std::string> limits;  ///< what could not be judged, a phrase each
  std::string file;                 ///< --read; empty: live
  std::string written_to;           ///< --write; empty: nothing was
};

/// Judges packets. `facts` must outlive it unchanged.
class LeakCapture {
 public:
  explicit LeakCapture(const LeakFacts& facts);
  ~LeakCapture();
  LeakCapture(LeakCapture&&) noexcept;
  LeakCapture& operator=(LeakCapture&&) noexcept;

  /// Returns the leak that the packet belongs to; null when it is none. Valid until the next call.
  const CaptureLeak* take(const CapturedPacket& packet);
  /// What was found so far; interfaces, seconds, dropped, owners and files are the caller's to fill in.
  CaptureResult result() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Findings of a capture (codes LEK030 and following).
std::vector<Finding> judge_capture(const LeakFacts& facts, const CaptureResult& capture);

}  // namespace vpndoctor
