// SPDX-License-Identifier: Apache-2.0
// Translates struct tcp_info of include/uapi/linux/tcp.h. Fields that an older kernel does not fill stay zero.
#include "tcp_status.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

namespace vpndoctor {
namespace {

constexpr std::uint32_t kTimestampOptionBytes = 12;
// enum in include/net/tcp_states.h
constexpr std::uint8_t kStateSynSent = 2;
constexpr std::uint8_t kStateClose = 7;

/// Many small answers on one connection arrive as ceil(bytes / segments) on average; retransmitted and overlapping
/// segments only make it smaller, so that it never claims too much.
std::uint32_t average_segment(const tcp_info& info) {
  if (info.tcpi_data_segs_in == 0) return 0;
  return static_cast<std::uint32_t>((info.tcpi_bytes_received + info.tcpi_data_segs_in - 1) / info.tcpi_data_segs_in);
}

/// The SYN carries the MSS without regard to options; once both sides agree on timestamps tcp_finish_connect()
/// (net/ipv4/tcp_input.c) takes their size off what TCP_INFO shows.
std::uint16_t announced_mss(const tcp_info& info, const TcpStatus& status) {
  const std::uint32_t options = status.handshake_done ? status.option_bytes : 0;
  return static_cast<std::uint16_t>(std::min<std::uint32_t>(info.tcpi_advmss + options, UINT16_MAX));
}

}  // namespace

std::optional<TcpStatus> read_tcp_status(int fd) {
  tcp_info info{};
  socklen_t length = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return std::nullopt;
  TcpStatus status;
  status.handshake_done = info.tcpi_state != kStateSynSent && info.tcpi_state != kStateClose;
  status.send_mss_bytes = info.tcpi_snd_mss;
  status.receive_mss_bytes = info.tcpi_rcv_mss;
  status.option_bytes = (info.tcpi_options & TCPI_OPT_TIMESTAMPS) != 0 ? kTimestampOptionBytes : 0;
  status.average_received_bytes = average_segment(info);
  status.announced_mss_bytes = announced_mss(info, status);
  status.peer_window_bytes = info.tcpi_snd_wnd;
  // The SYN counts as one byte.
  status.acknowledged_bytes = info.tcpi_bytes_acked == 0 ? 0 : info.tcpi_bytes_acked - 1;
  status.retransmissions = info.tcpi_total_retrans;
  status.out_of_order_segments = info.tcpi_rcv_ooopack;
  status.round_trip = std::chrono::microseconds(info.tcpi_rtt);
  return status;
}

}  // namespace vpndoctor
