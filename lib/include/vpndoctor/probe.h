// SPDX-License-Identifier: Apache-2.0
// The vocabulary between the pure search, which decides what to send, and whatever carries packets
// (sockets, or a simulated network in the tests).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "vpndoctor/ip.h"
#include "vpndoctor/path_mtu.h"

namespace [[gnu::visibility("default")]] vpndoctor {

using TimePoint = std::chrono::steady_clock::time_point;

/// Not limited: the packet carries the system's usual TTL and is meant to reach the target.
inline constexpr std::uint8_t kFullTtl = 0;

/// One packet to send, don't-fragment set. `id` is unique within a search, counted from 1, below 65536.
struct Probe {
  std::uint16_t id = 0;
  Method method = Method::kEcho;
  std::uint32_t size_bytes = 0;  ///< of the IP packet
  std::uint8_t ttl = kFullTtl;   ///< TTL or hop limit
  bool fragmented = false;       ///< an echo sent without DF, in fragments that each fit `fragment_bytes`, so that only
                                 ///< the reply is large (raw ICMP channels only)
  std::uint32_t fragment_bytes = 0;
};

/// What came back, as far as the carrier can tell. Nothing here is believed before the search checked it.
struct Reply {
  enum class Kind {
    kReached,       ///< the target itself: echo reply, port unreachable, SYN-ACK or RST
    kTimeExceeded,  ///< a router on the way
    kTooBig,        ///< ICMP 3/4, ICMPv6 2
    kUnreachable,   ///< any other ICMP unreachable (administratively prohibited, no route, ...)
  };
  Kind kind = Kind::kReached;
  std::optional<std::uint16_t> probe_id;  ///< null: it quotes no packet of ours (forged, or somebody else's)
  IpAddress from;
  std::uint32_t mtu_bytes = 0;               ///< kTooBig: the claim, 0 from routers older than RFC 1191
  std::optional<std::uint8_t> received_ttl;  ///< TTL of the reply on arrival, when the socket tells
  std::uint8_t icmp_code = 0;                ///< kUnreachable: the code
  bool on_wire_only = false;                 ///< seen by the capture; `kTooBig` only
};

/// Why a probe could not be sent.
enum class SendFailure {
  kTooLarge,    ///< EMSGSIZE: above what the device (or, with `local_limit`, the system) lets out
  kWouldBlock,  ///< the socket's buffer is full (EAGAIN, ENOBUFS): try again
  kBlocked,     ///< EPERM, EACCES: a local firewall
  kNoRoute,     ///< ENETUNREACH, EHOSTUNREACH, ENETDOWN, EINVAL
};

/// What a carrier can do; constant for its life.
struct CarrierAbilities {
  bool echo = false;
  bool udp = false;
  bool ttl_limited = false;  ///< time-exceeded messages reach us
  bool fragments = false;    ///< `Probe::fragmented` and reply fragments can be seen
  bool harmless = false;  ///< a too-big message leaves nothing in the kernel's path MTU cache, echo excepted for IPv6
};

}  // namespace vpndoctor
