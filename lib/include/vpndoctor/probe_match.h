// SPDX-License-Identifier: Apache-2.0
// Recognises the answers to our probes among everything that arrives. Says whose answer it is and what it claims; what
// that means for the path is the search's business.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "vpndoctor/probe.h"
#include "vpndoctor/probe_packet.h"
#include "vpndoctor/wire.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// One ICMP message as it arrived.
struct ReceivedIcmp {
  IpAddress from;
  std::optional<std::uint8_t> ttl;  ///< TTL or hop limit on arrival, when known
  std::span<const std::byte> icmp;  ///< from the ICMP header on, whole
  bool checksum_verified = false;   ///< by the kernel, as it does for ICMPv6 on raw sockets
};

/// An ICMP error as a socket's error queue gives it: already matched by the kernel to our socket.
struct QueuedError {
  IpAddress from;
  std::uint8_t type = 0;
  std::uint8_t code = 0;
  std::uint32_t mtu_bytes = 0;
  std::span<const std::byte> quoted;  ///< ICMP: from the echo's header on; UDP: the payload
};

/// Remembers what was sent and recognises its answers.
class ProbeMatcher {
 public:
  explicit ProbeMatcher(const ProbeFlow& flow) : flow_(flow) {}

  const ProbeFlow& flow() const { return flow_; }
  /// Notes a probe that has left; answers to others are not recognised.
  void note_sent(const Probe& probe);

  /// Returns what a received message means; nullopt for malformed, forged and foreign ones. A too-big message that
  /// quotes none of our probes is returned without a probe id.
  std::optional<Reply> match(const ReceivedIcmp& received);
  /// The same for an entry of an error queue of a socket that sends with `method`. A quote without payload is taken for
  /// the only probe that is still unanswered, when there is only one.
  std::optional<Reply> match(const QueuedError& error, Method method);
  /// Recognises an echo reply without IP header, as a ping socket delivers it.
  std::optional<Reply> match_echo_reply(const IpAddress& from, const IcmpMessage& message);
  /// Recognises a UDP payload that the target sent back.
  std::optional<Reply> match_udp_reply(const IpAddress& from, std::span<const std::byte> payload);

 private:
  struct Sent {
    std::uint32_t size_bytes = 0;  ///< 0: this id was not sent
    Method method = Method::kEcho;
    bool answered = false;
  };
  using Bytes = std::span<const std::byte>;
  using Id = std::optional<std::uint16_t>;

  Id quoted_probe(const IpPacket& packet) const;
  Id quoted_echo(Bytes icmp) const;
  Id quoted_udp(const IpPacket& packet) const;
  Id id_in_payload(Bytes payload) const;
  Id only_probe_of_size(std::uint32_t size_bytes) const;
  Id only_unanswered(Method method) const;
  bool was_sent(std::uint16_t id, Method method) const;
  bool checksum_is_right(const ReceivedIcmp& received) const;
  std::optional<Reply> error_reply(IcmpKind kind, Id id, const IpAddress& from) const;
  std::optional<Reply> note_answer(std::optional<Reply> reply);

  ProbeFlow flow_;
  std::vector<Sent> sent_;  ///< by probe id
};

}  // namespace vpndoctor
