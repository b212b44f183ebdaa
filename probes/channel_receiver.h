// SPDX-License-Identifier: Apache-2.0
// Reads packets with their TTL, and error queues, from sockets. Knows nothing of what the packets mean.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "channel_socket.h"
#include "vpndoctor/ip.h"

namespace vpndoctor {

/// An ICMP error from a socket's error queue.
struct ExtendedError {
  std::uint8_t type = 0;
  std::uint8_t code = 0;
  std::uint32_t info = 0;
  std::optional<IpAddress> offender;
};

/// One received packet; `bytes` is valid until the next one is read.
struct Arrival {
  std::span<const std::byte> bytes;
  std::optional<IpAddress> from;
  std::optional<std::uint8_t> ttl;
  std::optional<ExtendedError> error;  ///< from the error queue, null also there when it is not an ICMP message
};

/// Reads packets into one buffer.
class Receiver {
 public:
  Receiver();
  /// Returns the next packet, nullopt when there is none now. `flags` is 0 or MSG_ERRQUEUE.
  std::optional<Arrival> next(int fd, int flags = 0);

 private:
  std::vector<std::byte> buffer_;
  SocketAddress sender_;
};

/// How many packets are read from one socket in one go, so that a flood cannot keep the caller from its timers.
inline constexpr int kPacketsPerRead = 4096;

}  // namespace vpndoctor
