// SPDX-License-Identifier: Apache-2.0
// The internet sockets of one process, joined from its descriptors and the socket tables of its network namespace.
// The table parser is pure.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "vpndoctor/ip.h"

namespace vpndoctor {

struct InternetSocket {
  std::uint64_t inode = 0;
  bool tcp = false;
  bool listening = false;
  IpAddress local;
  std::uint16_t local_port = 0;
  IpAddress remote;               ///< unspecified when not connected; an IPv4-mapped one is given as IPv4
  std::uint16_t remote_port = 0;  ///< 0 when not connected
};

/// ::ffff:a.b.c.d, as dual-stack sockets have it, becomes a.b.c.d.
IpAddress unmapped(const IpAddress& address);

/// Parses /proc/net/{udp,udp6,tcp,tcp6}; lines that are not understood are skipped.
std::vector<InternetSocket> parse_socket_table(std::string_view text, bool tcp);

/// Reads /proc/PID/net/{udp,udp6,tcp,tcp6}: the sockets of the network namespace that `process` ("self", or a number)
/// lives in.
std::vector<InternetSocket> read_socket_tables(const std::string& process);

/// The inodes of the process's sockets of all kinds; nullopt, with errno set, when this user may not see its
/// descriptors or it has ended.
std::optional<std::set<std::uint64_t>> socket_inodes(pid_t pid);

/// Lists the process's sockets in the namespace that it lives in; nullopt as socket_inodes().
std::optional<std::vector<InternetSocket>> process_sockets(pid_t pid);

}  // namespace vpndoctor
