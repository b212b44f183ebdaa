// SPDX-License-Identifier: Apache-2.0
// One non-blocking TCP connection with a chosen MSS, and what the kernel tells of it (TCP_INFO). Knows neither what is
// said on it nor when enough is heard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "handles.h"
#include "tcp_status.h"
#include "vpndoctor/tcp_prober.h"

namespace vpndoctor {

class TcpConnection {
 public:
  enum class State { kConnecting, kOpen, kClosedByPeer, kFailed };

  /// Begins to connect. `packet_bytes` limits the MSS announced and used to that of a packet of this size.
  TcpConnection(const TcpProbeOptions& options, std::optional<std::uint32_t> packet_bytes);

  /// Looks at the handshake, reads what has arrived, writes what could not be written before.
  void advance();
  /// Sends now what fits and the rest in advance().
  void send(std::span<const std::byte> bytes);
  /// Closes with FIN, or with RST when the peer would not get that anyway or retransmissions would go on.
  void close();

  State state() const { return state_; }
  /// errno of the failure, 0 when there was none.
  int error() const { return error_; }
  /// -1 when closed.
  int descriptor() const { return fd_.get(); }
  /// The events to poll for.
  short events() const;
  std::uint16_t local_port() const;
  /// Returns what TCP_INFO said at the last advance().
  const TcpStatus& status() const { return status_; }
  /// The first bytes that arrived, at most 512.
  const std::string& head() const { return head_; }
  std::uint64_t received_bytes() const { return received_bytes_; }
  std::uint64_t sent_bytes() const { return sent_bytes_; }
  /// The smallest MTU that the kernel believes in for the way to the peer.
  std::optional<std::uint32_t> kernel_mtu_bytes() const;

 private:
  void read_status();
  void read_available();
  void write_pending();
  void fail(int error);

  Family family_;
  Fd fd_;
  State state_ = State::kConnecting;
  int error_ = 0;
  TcpStatus status_;
  std::string head_;
  std::vector<std::byte> pending_;
  std::uint64_t received_bytes_ = 0;
  std::uint64_t sent_bytes_ = 0;
};

}  // namespace vpndoctor
