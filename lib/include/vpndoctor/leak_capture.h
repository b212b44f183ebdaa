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
#include "vpndoctor/result.h"

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
  std::uint64_t flows = 1;           ///< that differ in their source port alone
  bool is_midstream = false;         ///< who began it is not known: its beginning was not captured, or UDP tells none
  bool is_forwarded = false;         ///< with this machine's link address and another one's IP address
};

/// Which packets are one flow.
struct LeakFlow {
  std::string interface;
  IpAddress source;
  IpAddress destination;
  std::uint8_t ip_protocol = 0;
  std::uint16_t source_port = 0;
  std::uint16_t port = 0;
};

/// What the kernel tells of the socket that a flow comes from.
struct LeakSocket {
  std::optional<SocketOwner> owner;  ///< null: not seen
  std::optional<std::uint32_t> uid;  ///< null: there is none, or it was closed
  std::string bound_interface;       ///< empty: not bound
  bool is_service = false;           ///< another socket listens on its port: it was accepted
  bool has_source = false;           ///< it is bound to the packets' source address, which is this machine's then
};

/// Packets that belong outside, by what they are: no leak.
struct CaptureCounts {
  std::uint64_t tunnel = 0;            ///< the tunnels' own outer packets
  std::uint64_t control = 0;           ///< ARP, neighbour discovery, DHCP
  std::uint64_t local = 0;             ///< link-local, multicast, the LAN
  std::uint64_t by_configuration = 0;  ///< what a split tunnel leaves outside
  std::uint64_t replies = 0;           ///< to what came from outside: TCP connections, UDP services, echo, ICMP errors
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
  std::vector<std::string> limits;   ///< what could not be judged, a phrase each
  std::string file;                  ///< --read; empty: live
  std::string written_to;            ///< --write; empty: nothing was
  std::optional<Error> write_error;  ///< why what --write asked for is not in its place; `limits` says so too
  std::uint64_t leak_packets = 0;    ///< of all leaks, also those that are not kept
  /// Outgoing packets of which it cannot be told whether they leak: by the tables, since they may be a tunnel's own, or
  /// since they are cut. One of them, and no leaks prove nothing.
  std::uint64_t untold = 0;
  std::string why_untold;  ///< of the first of them, a phrase
  bool interrupted = false;
  std::string
      routes_changed;       ///< how routes and rules changed meanwhile, or why that is not known; empty: not, or a file
  std::string ended_early;  ///< why, by itself, on the first interface where it did, a phrase; empty: nowhere
};

/// Why no leaks in this capture do not prove that there are none: no control, drops, tables that do not tell. A
/// sentence without its full stop; empty when the question is answered, either way.
std::string why_unanswered(const CaptureResult& capture);
inline bool is_conclusive(const CaptureResult& capture) { return why_unanswered(capture).empty(); }

/// Says how routes and rules differ after a capture from those that it is judged by, a phrase; empty: they do not, or
/// it is not known.
std::string routes_changed_during(const Snapshot& before, const Snapshot& after);

/// Judges packets. `facts` must outlive it unchanged.
class LeakCapture {
 public:
  explicit LeakCapture(const LeakFacts& facts);
  ~LeakCapture();
  LeakCapture(LeakCapture&&) noexcept;
  LeakCapture& operator=(LeakCapture&&) noexcept;

  /// Returns the leak that the packet belongs to; null when it is none. Valid until the next call.
  const CaptureLeak* take(const CapturedPacket& packet);
  /// What was found so far; seconds, dropped and files are the caller's to fill in. `interfaces` are those that are
  /// captured on; empty for a file, whose packets name none.
  CaptureResult result(const std::vector<std::string>& interfaces = {}) const;

  /// What showed on an interface that the capture sees its packets, a phrase; empty: nothing did.
  std::string control_on(std::string_view interface) const;
  /// The leak that this flow is; null when it is none, or not kept by itself. Valid until the next call of take().
  const CaptureLeak* find(const LeakFlow& flow) const;
  /// Says who sent a leak that take() returned. Where that is the tunnel's holder, or the packet answers a listening
  /// socket, or the tables send this user's packets outside, it is none: false, and its packets are counted anew.
  bool explain(const LeakFlow& flow, const LeakSocket& socket);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Joins leaks that differ in their source port alone, most packets first.
std::vector<CaptureLeak> joined_leaks(std::vector<CaptureLeak> leaks);

/// Findings of a capture (codes LEK030 and following).
std::vector<Finding> judge_capture(const LeakFacts& facts, const CaptureResult& capture);

}  // namespace vpndoctor
