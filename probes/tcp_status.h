// SPDX-License-Identifier: Apache-2.0
// What the kernel tells of a TCP socket, in words. Apart from the sockets' own file because the kernel's header with
// the whole struct tcp_info and the C library's exclude each other.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace vpndoctor {

/// The parts of TCP_INFO that prove something.
struct TcpStatus {
  bool handshake_done = false;
  std::uint16_t announced_mss_bytes = 0;
  std::uint32_t send_mss_bytes = 0;          ///< payload of a full segment, options already taken off
  std::uint32_t receive_mss_bytes = 0;       ///< payload of the largest segment; below 537 only the kernel's guess
  std::uint32_t option_bytes = 0;            ///< of every data segment: 12 with timestamps
  std::uint32_t average_received_bytes = 0;  ///< payload a segment, rounded up: the largest was no smaller
  std::uint32_t peer_window_bytes = 0;
  std::uint64_t acknowledged_bytes = 0;  ///< of our payload
  std::uint32_t retransmissions = 0;
  std::uint32_t out_of_order_segments = 0;
  std::chrono::microseconds round_trip{};
};

/// Reads TCP_INFO; null when the descriptor is no TCP socket.
std::optional<TcpStatus> read_tcp_status(int fd);

}  // namespace vpndoctor
