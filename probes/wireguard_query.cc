// SPDX-License-Identifier: Apache-2.0
// Exchanges with WireGuard; see the header.
#include "wireguard_query.h"

#include <fmt/format.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "netlink.h"
#include "wireguard_answer.h"
#include "wireguard_message.h"

namespace vpndoctor {
namespace {

constexpr std::chrono::seconds kPatience{1};  // a stopped process accepts, and never answers

NlMessage generic_message(std::uint16_t family, std::uint8_t command, int flags) {
  NlMessage message = netlink_message(family, flags);
  if (!message) return message;
  const genlmsghdr header{command, 1, 0};
  nlmsg_append(message.get(), const_cast<genlmsghdr*>(&header), sizeof header, NLMSG_ALIGNTO);
  return message;
}

Result<std::uint16_t> wireguard_family() {
  const NlMessage message = generic_message(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
  if (!message) return failure(ErrorKind::kInternal, "build a netlink request");
  nla_put_string(message.get(), CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME);
  const auto reply = netlink_exchange(NETLINK_GENERIC, *message);
  if (!reply) return std::unexpected(reply.error());
  for (const NetlinkMessage& part : reply->messages) {
    if (const auto id = decode_generic_family(part.payload)) return *id;
  }
  return failure(ErrorKind::kUnavailable, "this kernel has no WireGuard");
}

void wipe(NetlinkReply& reply) {
  for (NetlinkMessage& message : reply.messages) ::explicit_bzero(message.payload.data(), message.payload.size());
}

std::unexpected<Error> refused(const std::string& interface, int error_number) {
  if (error_number == EPERM) {
    return failure(ErrorKind::kPermission, fmt::format("only root may read WireGuard's peers on {}", interface),
                   "run as root, or name the server with --endpoint");
  }
  return failure(ErrorKind::kUnavailable,
                 fmt::format("WireGuard knows nothing of {}: {}", interface, std::strerror(error_number)));
}

Result<Fd> connect_control_socket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return failure(ErrorKind::kUnavailable, "the control socket's path is too long");
  path.copy(address.sun_path, path.size());
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return socket;
  if (errno == EACCES || errno == EPERM) {
    return failure(ErrorKind::kPermission, fmt::format("only root may read WireGuard's peers from {}", path),
                   "run as root, or name the server with --endpoint");
  }
  if (errno == EAGAIN) return failure(ErrorKind::kUnavailable, fmt::format("nobody answers at {}", path));
  return failure(ErrorKind::kUnavailable, fmt::format("connect to {}: {}", path, std::strerror(errno)));
}

/// What was read until the answer's end, the other end's close, or the deadline.
enum class Reading { kWhole, kCut, kLate };

/// An answer ends with an empty line.
Reading read_answer(int socket, KeylessAnswer& answer, std::chrono::steady_clock::time_point deadline) {
  std::array<char, 4096> block;
  while (!answer.is_whole()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd waiting{socket, POLLIN, 0};
    if (left.count() <= 0 || ::poll(&waiting, 1, static_cast<int>(left.count())) == 0) return Reading::kLate;
    const ssize_t got = ::recv(socket, block.data(), block.size(), 0);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    const bool taken = got > 0 && answer.take({block.data(), static_cast<std::size_t>(got)});
    ::explicit_bzero(block.data(), block.size());
    if (!taken) return Reading::kCut;
  }
  return Reading::kWhole;
}

}  // namespace

Result<WireguardDevice> ask_kernel_wireguard(const std::string& interface) {
  const auto family = wireguard_family();
  if (!family) return std::unexpected(family.error());
  const NlMessage message = generic_message(*family, WG_CMD_GET_DEVICE, NLM_F_DUMP);
  if (!message) return failure(ErrorKind::kInternal, "build a netlink request");
  nla_put_string(message.get(), WGDEVICE_A_IFNAME, interface.c_str());
  auto reply = netlink_exchange(NETLINK_GENERIC, *message);
  if (!reply) return std::unexpected(reply.error());
  if (reply->error_number != 0) return refused(interface, reply->error_number);
  WireguardDevice device;
  bool well_formed = true;
  for (const NetlinkMessage& part : reply->messages) {
    if (part.type == *family) well_formed = well_formed && take_wireguard_message(part.payload, device);
  }
  wipe(*reply);
  if (!well_formed) return failure(ErrorKind::kUnavailable, "WireGuard's netlink answer is malformed");
  return device;
}

Result<WireguardDevice> ask_userspace_wireguard(const std::string& socket_path) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  const auto socket = connect_control_socket(socket_path);
  if (!socket) return std::unexpected(socket.error());
  constexpr std::string_view kRequest = "get=1\n\n";
  if (::send(socket->get(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(kRequest.size())) {
    return failure(ErrorKind::kUnavailable, fmt::format("ask {}: {}", socket_path, std::strerror(errno)));
  }
  KeylessAnswer answer;
  const Reading reading = read_answer(socket->get(), answer, deadline);
  if (reading == Reading::kLate) {
    return failure(ErrorKind::kUnavailable, fmt::format("{} gave no answer within a second", socket_path));
  }
  if (reading == Reading::kCut) {
    return failure(ErrorKind::kUnavailable, fmt::format("{} gave no complete answer", socket_path));
  }
  auto device = parse_wireguard_uapi(answer.text());
  if (!device)
    return failure(ErrorKind::kUnavailable, fmt::format("{} gave an answer that is not WireGuard's", socket_path));
  return std::move(*device);
}

}  // namespace vpndoctor
