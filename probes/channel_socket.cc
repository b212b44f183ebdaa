// SPDX-License-Identifier: Apache-2.0
// Opens and sets up the probe channels' sockets.
#include "channel_socket.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace vpndoctor {
namespace {

constexpr int kSocketBufferBytes = 1 << 20;

int domain_of(Family family) { return family == Family::kInet ? AF_INET : AF_INET6; }

std::unexpected<Error> socket_failure(const std::string& what, const std::string& permission_hint) {
  const int error_number = errno;
  const std::string message = fmt::format("{}: {}", what, std::strerror(error_number));
  if (error_number == EPERM || error_number == EACCES) return failure(ErrorKind::kPermission, message, permission_hint);
  if (error_number == ENODEV || error_number == EADDRNOTAVAIL) return failure(ErrorKind::kUsage, message);
  return failure(ErrorKind::kUnavailable, message);
}

/// A burst must not be lost in our own buffers. The forced form needs a privilege, the plain one is capped by the
/// system.
void enlarge_buffers(const Fd& fd) {
  if (!set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, kSocketBufferBytes))
    set_option(fd, SOL_SOCKET, SO_RCVBUF, kSocketBufferBytes);
  if (!set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, kSocketBufferBytes))
    set_option(fd, SOL_SOCKET, SO_SNDBUF, kSocketBufferBytes);
}

Result<void> apply_user_options(const Fd& fd, const ChannelOptions& options) {
  const std::string& device = options.bind_interface;
  if (!device.empty() &&
      setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, device.data(), static_cast<socklen_t>(device.size())) != 0) {
    return socket_failure(fmt::format("cannot bind a socket to interface {}", device), "run as root");
  }
  if (options.mark && setsockopt(fd.get(), SOL_SOCKET, SO_MARK, &*options.mark, sizeof(*options.mark)) != 0) {
    return socket_failure("cannot set the socket mark", "--mark needs CAP_NET_RAW or CAP_NET_ADMIN: run as root");
  }
  return {};
}

}  // namespace

SocketAddress to_socket_address(const IpAddress& address, std::uint16_t port, int scope_interface_index) {
  SocketAddress result;
  if (address.family == Family::kInet) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    std::memcpy(&in.sin_addr, address.bytes.data(), sizeof(in.sin_addr));
    std::memcpy(&result.storage, &in, sizeof(in));
    result.length = sizeof(in);
    return result;
  }
  sockaddr_in6 in6{};
  in6.sin6_family = AF_INET6;
  in6.sin6_port = htons(port);
  std::memcpy(&in6.sin6_addr, address.bytes.data(), sizeof(in6.sin6_addr));
  if (address.is_link_local()) in6.sin6_scope_id = static_cast<std::uint32_t>(scope_interface_index);
  std::memcpy(&result.storage, &in6, sizeof(in6));
  result.length = sizeof(in6);
  return result;
}

std::optional<IpAddress> to_ip_address(const sockaddr* address) {
  IpAddress result;
  if (address->sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, address, sizeof(in));
    std::memcpy(result.bytes.data(), &in.sin_addr, sizeof(in.sin_addr));
    return result;
  }
  if (address->sa_family != AF_INET6) return std::nullopt;
  sockaddr_in6 in6{};
  std::memcpy(&in6, address, sizeof(in6));
  result.family = Family::kInet6;
  std::memcpy(result.bytes.data(), &in6.sin6_addr, sizeof(in6.sin6_addr));
  return result;
}

std::uint16_t port_of(const SocketAddress& address) {
  // sockaddr_in and sockaddr_in6 have the port at the same place.
  sockaddr_in in{};
  std::memcpy(&in, &address.storage, sizeof(in));
  return in.sin_family == AF_INET || in.sin_family == AF_INET6 ? ntohs(in.sin_port) : std::uint16_t{0};
}

bool set_option(const Fd& fd, int level, int name, int value) {
  return setsockopt(fd.get(), level, name, &value, sizeof(value)) == 0;
}

Result<void> set_options(const Fd& fd, std::span<const IntOption> wanted) {
  for (const IntOption& option : wanted) {
    if (set_option(fd, option.level, option.name, option.value)) continue;
    return socket_failure(fmt::format("cannot set {} on a socket", option.words), "run as root");
  }
  return {};
}

Result<Fd> open_channel_socket(const SocketKind& kind, const ChannelOptions& options) {
  const int type = kind.type | SOCK_CLOEXEC | SOCK_NONBLOCK;
  Fd fd(socket(domain_of(options.target.family), type, kind.protocol));
  if (!fd) return socket_failure("cannot open a socket", kind.hint);
  enlarge_buffers(fd);
  if (Result<void> applied = apply_user_options(fd, options); !applied) return std::unexpected(applied.error());
  return fd;
}

Result<void> bind_source(const Fd& fd, const ChannelOptions& options, std::uint16_t port) {
  const SocketAddress address = to_socket_address(options.source, port, options.scope_interface_index);
  if (bind(fd.get(), address.get(), address.length) == 0) return {};
  return socket_failure(fmt::format("cannot send from {}", options.source), "run as root");
}

SendFailure send_failure(int error_number) {
  switch (error_number) {
    case EMSGSIZE:
      return SendFailure::kTooLarge;
    case EAGAIN:
    case ENOBUFS:
    case ENOMEM:
    case EINTR:
      return SendFailure::kWouldBlock;
    case EPERM:
    case EACCES:
      return SendFailure::kBlocked;
    default:
      return SendFailure::kNoRoute;
  }
}

std::array<std::byte, 16> random_bytes() {
  std::array<std::byte, 16> bytes{};
  // Up to 256 bytes come whole and uninterrupted once the system's pool is ready (getrandom(2)).
  while (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
  }
  return bytes;
}

}  // namespace vpndoctor
