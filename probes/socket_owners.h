// SPDX-License-Identifier: Apache-2.0
// Which sockets of this network namespace a flow comes from, and which processes hold them: the kernel's socket
// diagnosis (sock_diag(7)) and /proc/PID/fd.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "netlink_attributes.h"
#include "vpndoctor/leak_capture.h"

namespace vpndoctor {

/// One socket as the kernel tells it.
struct DiagnosedSocket {
  std::uint8_t ip_protocol = 0;
  IpAddress local;  ///< unspecified: any; an IPv4-mapped one is given as IPv4
  IpAddress remote;
  std::uint16_t local_port = 0;
  std::uint16_t remote_port = 0;
  std::uint32_t uid = 0;
  std::uint64_t inode = 0;  ///< 0: no process holds it any more
  int bound_index = 0;      ///< of the interface that it is bound to; 0: none
  bool listens = false;     ///< TCP
};

/// Decodes one answer (struct inet_diag_msg of linux/inet_diag.h); nullopt when it is cut short or of another family.
std::optional<DiagnosedSocket> decode_diagnosed_socket(Bytes payload, std::uint8_t ip_protocol);

/// The socket that a packet of the flow was sent by: the one connected to its destination, else the one that is bound
/// to its source address and port, else to the port alone. Null when there is none. A socket of IPv6 sends IPv4 too.
const DiagnosedSocket* find_socket(const std::vector<DiagnosedSocket>& sockets, const LeakFlow& flow);

/// Looks the flows' sockets and their holders up, among programs of the names `likely` first. One answer for each flow,
/// in order.
std::vector<LeakSocket> find_leak_sockets(const std::vector<LeakFlow>& flows, const std::set<std::string>& likely);

}  // namespace vpndoctor
