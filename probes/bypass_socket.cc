// SPDX-License-Identifier: Apache-2.0
// Sends one probe bound to an interface and reads what comes of it; see the header. The kernel hands ICMP errors to the
// socket that they are about (ip(7), IP_RECVERR).
#include "bypass_socket.h"

#include <fmt/format.h>
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include "channel_socket.h"
#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

/// Where traceroute sends too: nothing listens there.
constexpr std::uint16_t kFirstPort = 33434;
constexpr std::size_t kEchoBytes = 16;

bool is_inet(const IpAddress& address) { return address.family == Family::kInet; }

/// An echo request; the kernel fills in the id of a ping socket, and the checksum of ICMPv6.
std::array<std::byte, kEchoBytes> echo_request(Family family, std::uint16_t id, std::uint16_t number) {
  std::array<std::byte, kEchoBytes> packet{};
  const auto put = [&packet](std::size_t at, unsigned value) {
    packet[at] = static_cast<std::byte>(value >> 8U & 0xffU);
    packet[at + 1] = static_cast<std::byte>(value & 0xffU);
  };
  packet[0] = static_cast<std::byte>(family == Family::kInet ? ICMP_ECHO : ICMPV6_ECHO_REQUEST);
  put(4, id);
  put(6, number);
  if (family == Family::kInet) put(2, internet_checksum(packet));
  return packet;
}

struct ReportedError {
  sock_extended_err error{};
  std::optional<IpAddress> offender;
};

std::optional<ReportedError> queued_error(msghdr& message) {
  for (cmsghdr* control = CMSG_FIRSTHDR(&message); control != nullptr; control = CMSG_NXTHDR(&message, control)) {
    const bool wanted = (control->cmsg_level == SOL_IP && control->cmsg_type == IP_RECVERR) ||
                        (control->cmsg_level == SOL_IPV6 && control->cmsg_type == IPV6_RECVERR);
    if (!wanted || control->cmsg_len < CMSG_LEN(sizeof(sock_extended_err))) continue;
    ReportedError result;
    std::memcpy(&result.error, CMSG_DATA(control), sizeof(result.error));
    const std::size_t rest = control->cmsg_len - CMSG_LEN(sizeof(sock_extended_err));
    sockaddr_storage offender{};
    std::memcpy(&offender, CMSG_DATA(control) + sizeof(sock_extended_err), std::min(rest, sizeof(offender)));
    result.offender = to_ip_address(reinterpret_cast<const sockaddr*>(&offender));
    return result;
  }
  return std::nullopt;
}

/// What a firewall says in this machine's own name (REJECT), as opposed to a neighbour that does not answer.
bool is_reject(const sock_extended_err& error) {
  constexpr std::uint8_t kInetHostUnreachable = 1;
  constexpr std::uint8_t kInet6AddressUnreachable = 3;
  if (error.ee_origin == SO_EE_ORIGIN_ICMP) return error.ee_type == 3 && error.ee_code != kInetHostUnreachable;
  return error.ee_origin == SO_EE_ORIGIN_ICMP6 && error.ee_type == 1 && error.ee_code != kInet6AddressUnreachable;
}

}  // namespace

/// The ping socket is for everybody where net.ipv4.ping_group_range says so; the raw one needs CAP_NET_RAW.
bool BypassSocket::open() {
  const bool inet = is_inet(shot_.target);
  const int domain = inet ? AF_INET : AF_INET6;
  const int protocol = !shot_.is_icmp ? 0 : inet ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6};
  constexpr int kFlags = SOCK_CLOEXEC | SOCK_NONBLOCK;
  fd_.reset(::socket(domain, SOCK_DGRAM | kFlags, protocol));
  if (!fd_ && shot_.is_icmp) {
    fd_.reset(::socket(domain, SOCK_RAW | kFlags, protocol));
    is_raw_ = static_cast<bool>(fd_);
  }
  const auto length = static_cast<socklen_t>(shot_.interface.size());
  return fd_ && ::setsockopt(fd_.get(), SOL_SOCKET, SO_BINDTODEVICE, shot_.interface.data(), length) == 0;
}

void BypassSocket::fail(int error_number) {
  const bool refused = error_number == EPERM || error_number == EACCES;
  record_.outcome = refused ? BypassOutcome::kRefused : BypassOutcome::kNoWay;
  record_.error = refused ? "refused by this machine's packet filter" : std::strerror(error_number);
}

bool BypassSocket::send() {
  record_.interface = shot_.interface;
  record_.ttl = shot_.ttl;
  record_.protocol = shot_.is_icmp ? "icmp" : "udp";
  if (!open()) {
    fd_.reset();
    return false;
  }
  const bool inet = is_inet(shot_.target);
  set_option(fd_, inet ? int{SOL_IP} : int{SOL_IPV6}, inet ? IP_RECVERR : IPV6_RECVERR, 1);
  set_option(fd_, inet ? int{SOL_IP} : int{SOL_IPV6}, inet ? IP_TTL : IPV6_UNICAST_HOPS, shot_.ttl);
  const auto port = static_cast<std::uint16_t>(shot_.is_icmp ? 0 : kFirstPort + shot_.number);
  const SocketAddress to = to_socket_address(shot_.target, port, shot_.interface_index);
  const auto echo = echo_request(shot_.target.family, static_cast<std::uint16_t>(::getpid() & 0xffff), shot_.number);
  const std::size_t bytes = shot_.is_icmp ? kEchoBytes : kEchoBytes / 2;
  if (::connect(fd_.get(), to.get(), to.length) != 0 || ::send(fd_.get(), echo.data(), bytes, 0) < 0) fail(errno);
  return true;
}

/// An answer from outside proves that the packet left, whatever it says; one of this machine's own says why it did not.
bool BypassSocket::read_error(const std::function<bool(const IpAddress&)>& is_own) {
  std::array<char, 512> control{};
  std::array<std::byte, 256> data{};
  iovec place{data.data(), data.size()};
  msghdr message{};
  message.msg_iov = &place;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t got = ::recvmsg(fd_.get(), &message, MSG_ERRQUEUE | MSG_DONTWAIT);
  if (got < 0) return false;
  const auto queued = queued_error(message);
  if (!queued) return true;
  // Each raw socket is told of the errors of all others to that address.
  const std::span<const std::byte> quoted(data.data(), static_cast<std::size_t>(got));
  if (is_raw_ && quoted.size() >= 8) {
    ByteReader reader(quoted.subspan(6));
    if (reader.u16() != shot_.number) return true;
  }
  const bool is_icmp = queued->error.ee_origin == SO_EE_ORIGIN_ICMP || queued->error.ee_origin == SO_EE_ORIGIN_ICMP6;
  if (is_icmp && queued->offender && !is_own(*queued->offender)) {
    record_.answered_by = queued->offender;
    record_.outcome = BypassOutcome::kAnswer;
  } else if (is_icmp && is_reject(queued->error)) {
    fail(EPERM);
  } else {
    fail(queued->error.ee_errno == 0 ? EHOSTUNREACH : static_cast<int>(queued->error.ee_errno));
  }
  return true;
}

/// The target itself: the socket is connected to it.
bool BypassSocket::read_answer() {
  std::array<std::byte, 256> data{};
  const ssize_t got = ::recv(fd_.get(), data.data(), data.size(), MSG_DONTWAIT);
  if (got < 0) return errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR;
  if (is_raw_) {
    std::span<const std::byte> bytes(data.data(), static_cast<std::size_t>(got));
    const auto packet = is_inet(shot_.target) ? decode_ipv4_packet(bytes) : std::nullopt;
    const auto message = decode_icmp(shot_.target.family, packet ? packet->payload : bytes);
    if (!message || message->kind != IcmpKind::kEchoReply || message->echo_sequence != shot_.number) return true;
  }
  record_.answered_by = shot_.target;
  record_.outcome = BypassOutcome::kAnswer;
  return true;
}

void BypassSocket::receive(const std::function<bool(const IpAddress&)>& is_own) {
  // Bounded: a stranger may fill the queue, or it may not empty.
  for (int count = 0; count < 64 && is_waiting(); ++count)
    if (!read_error(is_own) && !read_answer()) return;
}

}  // namespace vpndoctor
