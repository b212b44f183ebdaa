// SPDX-License-Identifier: Apache-2.0
// The facts of one path MTU measurement, before anybody judges them. All sizes are IP packet sizes in
// bytes, IP header included. Filled by the probes and by the search; read by diagnose_path_mtu().
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/ip.h"

namespace [[gnu::visibility("default")]] vpndoctor {

using Milliseconds = std::chrono::duration<double, std::milli>;

/// The smallest MTU that a link may have: 68 (RFC 791) or 1280 (RFC 8200 section 5) bytes.
constexpr std::uint32_t minimum_mtu_bytes(Family family) { return family == Family::kInet ? 68 : 1280; }

/// Whom the user asked about.
struct Target {
  std::string host;  ///< as the user wrote it
  IpAddress address;
  std::string zone;                       ///< interface name of a link-local address, else empty
  std::optional<IpAddress> other_family;  ///< an address of the family that is not measured
};

/// How packets to the target leave this machine (RTM_GETROUTE), read before the first probe.
struct Egress {
  std::string interface;
  int interface_index = 0;
  IpAddress source;
  std::optional<IpAddress> gateway;                    ///< null when on-link
  std::optional<std::uint32_t> link_mtu_bytes;         ///< the device's (IFLA_MTU)
  std::optional<std::uint32_t> route_mtu_bytes;        ///< an `mtu` metric of the route or a router advertisement
  std::optional<std::uint32_t> kernel_path_mtu_bytes;  ///< a cached exception (RTA_CACHEINFO expires), else null
  bool is_tunnel = false;
  std::string tunnel_kind;  ///< "wireguard", "tun", "ipip", "gre", "ppp", ...; empty when no tunnel
  bool is_local = false;    ///< the target is one of the machine's own addresses
};

/// What kind of packet carries a probe.
enum class Method { kEcho, kUdp, kTcp };
const char* method_name(Method method);  ///< "icmp", "udp", "tcp"

/// How much of one direction (or of the round trip) is known. `at_least == at_most` means exact.
struct SizeBounds {
  std::optional<std::uint32_t> at_least_bytes;  ///< every size up to here gets through; null: none was shown to
  std::optional<std::uint32_t> at_most_bytes;   ///< at_most + 1 was shown to be lost; null: nothing was shown lost
  bool exact() const { return at_least_bytes.has_value() && at_least_bytes == at_most_bytes; }
  bool operator==(const SizeBounds&) const = default;
};

/// Sizes that are lost although larger ones pass, both ends included.
struct LostBand {
  std::uint32_t from_bytes = 0;
  std::uint32_t to_bytes = 0;
  bool operator==(const LostBand&) const = default;
};

/// Loss by size, end-to-end probes of every method together.
struct SizeCount {
  std::uint32_t size_bytes = 0;
  std::uint32_t sent = 0;
  std::uint32_t answered = 0;
};

/// What was seen of one hop. The target itself is the last hop when it was reached.
struct Hop {
  std::uint8_t ttl = 0;
  std::optional<IpAddress> address;  ///< null: silent
  std::optional<Milliseconds> rtt;
  std::optional<std::uint32_t> largest_bytes;       ///< the largest packet that is proven to have reached it
  std::optional<std::uint32_t> reported_mtu_bytes;  ///< what it claimed in a too-big message
};

/// A "packet too big" (ICMP 3/4, ICMPv6 type 2) that was seen.
struct TooBigMessage {
  IpAddress from;
  std::uint32_t mtu_bytes = 0;
  std::optional<std::uint32_t> probe_bytes;  ///< size of the probe it quotes; null when it quotes none of ours
  bool accepted = false;
  std::string reason;       ///< why it was not believed; empty when accepted
  std::uint32_t count = 1;  ///< how many alike
};

/// The last hop that a too-large packet still reached (0: this machine) and the first that it did not.
struct Constriction {
  std::uint8_t from_ttl = 0;
  std::optional<IpAddress> from_address;
  std::uint8_t to_ttl = 0;
  std::optional<IpAddress> to_address;
  bool operator==(const Constriction&) const = default;
};

/// Proof about the way back, from a capture of fragments of the target's replies.
/// No value in either member: replies were watched and came whole.
struct ReplyFragments {
  /// Size of the largest first fragment of a reply that left the target whole: the way back carries this and
  /// fragments above it (8-byte granularity). Null: replies came whole.
  std::optional<std::uint32_t> first_fragment_bytes;
  /// Size of the smallest reply that came in fragments; smaller ones came whole. Null: no such reply was complete.
  std::optional<std::uint32_t> smallest_fragmented_bytes;
  /// The last, small fragment of a large reply came while the full-size ones before it did not: the target
  /// answered, and large packets die on the way back.
  bool only_tail_arrived = false;
};

/// What TCP showed on one port. Sizes are packet sizes, MSS values are segment payloads.
struct TcpEvidence {
  enum class State { kOpen, kRefused, kSilent };
  std::uint16_t port = 0;
  State state = State::kSilent;
  bool requested = true;  ///< the user named the port: then its losses outrank what ICMP showed to pass
  std::optional<std::uint16_t> sent_mss_bytes;  ///< what our SYN announced
  std::optional<std::uint16_t> peer_mss_bytes;  ///< as it arrived here, null when the privilege to see it is missing
  std::optional<std::uint32_t> forward_full_bytes;  ///< largest packet of ours whose payload was acknowledged
  std::optional<std::uint32_t> forward_lost_bytes;  ///< smallest full-size packet of ours that was never acknowledged
  std::optional<std::uint32_t> reverse_full_bytes;  ///< largest packet that the peer got through to us
  std::optional<std::uint32_t> reverse_lost_bytes;  ///< smallest packet size at which the peer's data never came
  std::vector<std::string> notes;                   ///< what could not be tested and why
};

/// How the probing was done.
struct Probing {
  Method method = Method::kEcho;
  std::string privilege;  ///< "raw", "ping-socket", "unprivileged"
  bool changed_kernel_cache = false;
  std::uint64_t probes_sent = 0;
  std::uint64_t replies_received = 0;
  std::uint64_t replies_ignored = 0;  ///< malformed, forged or for nobody
  std::uint64_t bytes_sent = 0;
  std::uint32_t rounds = 0;
  Milliseconds elapsed{};
  std::vector<std::string> could_not_see;  ///< what the privileges or the target left in the dark
  std::vector<std::string> tried;          ///< when nothing answered: each way that was tried and what became of it
};

/// Everything that was learned about one path.
struct PathMtuMeasurement {
  Target target;
  Egress egress;
  std::uint32_t min_bytes = 0;  ///< where the search began
  std::uint32_t max_bytes = 0;  ///< and its upper end: the device MTU unless the user said otherwise
  bool answered = false;        ///< the target, or a proof that it received something, was heard at all
  bool incomplete = false;      ///< interrupted or out of time

  SizeBounds round_trip;  ///< by probes whose answer is as large as the probe (echo)
  SizeBounds
      forward;  ///< by everything with small answers: UDP, TTL-limited probes, TCP; includes round-trip successes
  std::optional<double> false_claim_probability;  ///< that round_trip/forward's at_most + 1 was lost by chance
  std::vector<LostBand> lost_bands;
  std::optional<SizeBounds> reverse;  ///< the way back where it was measured by itself (fragments, TCP)
  bool large_echo_filtered = false;   ///< shown by proof: large echoes vanish where equally large UDP or TCP passes
  std::vector<SizeCount> sizes;       ///< ascending
  std::vector<Hop> hops;              ///< ascending TTL, silent ones included
  std::optional<Constriction> constriction;
  std::vector<TooBigMessage> too_big;
  /// Too-big messages that a capture saw on the wire and no socket received.
  std::vector<TooBigMessage> too_big_not_delivered;
  std::optional<ReplyFragments> fragments;
  std::optional<TcpEvidence> tcp;
  /// Controls of a size proven to pass, and probes of the size range that was answered only partly.
  std::optional<Milliseconds> rtt;
  std::optional<double> loss_ratio;  ///< of controls, round trip
  bool size_dependent_loss = false;  ///< some sizes are answered partly while controls proven to pass are not lost
  Probing probing;
};

}  // namespace vpndoctor
