// SPDX-License-Identifier: Apache-2.0
// Sockets for questions to a DNS server, and what the kernel tells beside the bytes: where they came from, their TTL,
// and the ICMP messages that came instead.
#pragma once

#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "handles.h"
#include "vpndoctor/dns_server.h"

namespace vpndoctor {

/// A server as the kernel takes it.
struct DnsSocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

/// Returns the socket address; the scope of a link-local one is its zone, else `interface`.
DnsSocketAddress dns_socket_address(const DnsServer& server, const std::string& interface);

/// A socket, or why there is none.
struct DnsSocket {
  Fd fd;
  std::string why_not_bound;  ///< the interface could not be had
  std::string why_none;       ///< there is no socket for another reason
};

/// Opens a non-blocking socket with a source port that the kernel draws, bound to `interface` unless that is empty.
DnsSocket open_dns_socket(const DnsServer& server, const std::string& interface, int socket_type);

/// Binds to a device; empty, or the reason why not.
std::string bind_to_device(int descriptor, const std::string& interface);

/// One datagram, its sender and its TTL.
struct ReceivedDatagram {
  std::vector<std::byte> bytes;
  IpAddress from;
  std::uint16_t port = 0;
  std::optional<std::uint8_t> ttl;
};

/// Takes the next datagram; nullopt when there is none now.
std::optional<ReceivedDatagram> receive_datagram(int descriptor);

/// Takes the next ICMP message or local error off the error queue, in words: "port unreachable, from 10.0.0.1". Too-big
/// messages are passed over. Nullopt when there is none.
std::optional<std::string> receive_refusal(int descriptor);

}  // namespace vpndoctor
