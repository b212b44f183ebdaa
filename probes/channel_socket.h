// SPDX-License-Identifier: Apache-2.0
// What the probe channels' sockets have in common: opening with the user's options, addresses, the meaning of errno.
// Knows nothing of what the packets mean.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "handles.h"
#include "vpndoctor/ip.h"
#include "vpndoctor/probe.h"
#include "vpndoctor/probe_channel.h"
#include "vpndoctor/result.h"

namespace vpndoctor {

/// A kernel socket address with its length.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_storage);

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

/// Builds the kernel's form; `scope_interface_index` only counts for link-local IPv6 addresses.
SocketAddress to_socket_address(const IpAddress& address, std::uint16_t port, int scope_interface_index);
/// Returns the IP address; nullopt for other families.
std::optional<IpAddress> to_ip_address(const sockaddr* address);
/// Returns the port of an IPv4 or IPv6 address, in host order; 0 for other families.
std::uint16_t port_of(const SocketAddress& address);

struct SocketKind {
  int type = SOCK_DGRAM;
  int protocol = 0;
  std::string hint;  ///< what to do when the privilege is missing
};

/// Opens a non-blocking, close-on-exec socket of the target's family with large buffers, bound to the interface and
/// marked as the options ask. kPermission, kUsage for an unknown interface, kUnavailable for an unknown family.
Result<Fd> open_channel_socket(const SocketKind& kind, const ChannelOptions& options);
/// Binds to the source address and the port. kUsage when the address is not this machine's.
Result<void> bind_source(const Fd& fd, const ChannelOptions& options, std::uint16_t port = 0);
/// Sets an integer option; false when the kernel refuses.
bool set_option(const Fd& fd, int level, int name, int value);
/// Sets options without which the channel would not keep its promises; kUnavailable names the one that failed.
struct IntOption {
  int level;
  int name;
  int value;
  const char* words;
};
Result<void> set_options(const Fd& fd, std::span<const IntOption> wanted);

/// Returns what an errno of a send call means for the search.
SendFailure send_failure(int error_number);
/// Returns bytes that nobody can guess (getrandom).
std::array<std::byte, 16> random_bytes();

}  // namespace vpndoctor
