// SPDX-License-Identifier: Apache-2.0
// Sockets for questions to a DNS server; see the header.
#include "dns_socket.h"

#include <fmt/format.h>
#include <linux/errqueue.h>
#include <net/if.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace vpndoctor {
namespace {

constexpr std::size_t kMaxDatagramBytes = 65535;

void set_option(int descriptor, int level, int name) {
  const int on = 1;
  setsockopt(descriptor, level, name, &on, sizeof on);
}

/// The TTL and the ICMP reasons are wished for, not needed: an option that is refused costs only what it tells.
void ask_for_details(int descriptor, Family family) {
  if (family == Family::kInet) {
    set_option(descriptor, IPPROTO_IP, IP_RECVTTL);
    set_option(descriptor, IPPROTO_IP, IP_RECVERR);
  } else {
    set_option(descriptor, IPPROTO_IPV6, IPV6_RECVHOPLIMIT);
    set_option(descriptor, IPPROTO_IPV6, IPV6_RECVERR);
    set_option(descriptor, IPPROTO_IPV6, IPV6_V6ONLY);
  }
}

template <class Address>
Address address_in(const sockaddr_storage& storage) {
  Address address;
  std::memcpy(&address, &storage, sizeof address);
  return address;
}

IpAddress ip_in(const sockaddr_storage& storage, std::uint16_t& port) {
  if (storage.ss_family == AF_INET6) {
    const auto inet6 = address_in<sockaddr_in6>(storage);
    port = ntohs(inet6.sin6_port);
    return IpAddress::from_bytes(std::as_bytes(std::span(&inet6.sin6_addr, 1))).value_or(IpAddress{});
  }
  const auto inet = address_in<sockaddr_in>(storage);
  port = ntohs(inet.sin_port);
  return IpAddress::from_bytes(std::as_bytes(std::span(&inet.sin_addr, 1))).value_or(IpAddress{});
}

/// RFC 792, RFC 1812 section 5.2.7.1, RFC 4443 section 3.1.
std::string refusal_name(const sock_extended_err& error) {
  const bool inet = error.ee_origin == SO_EE_ORIGIN_ICMP && error.ee_type == ICMP_DEST_UNREACH;
  const bool inet6 = error.ee_origin == SO_EE_ORIGIN_ICMP6 && error.ee_type == 1;
  if ((inet && error.ee_code == ICMP_PORT_UNREACH) || (inet6 && error.ee_code == 4)) return "port unreachable";
  if (inet && error.ee_code == ICMP_HOST_UNREACH) return "host unreachable";
  if ((inet && error.ee_code == ICMP_NET_UNREACH) || (inet6 && error.ee_code == 0)) return "no route to it";
  if (inet6 && error.ee_code == 3) return "address unreachable";
  const bool prohibited = (inet && (error.ee_code == 9 || error.ee_code == 10 || error.ee_code == ICMP_PKT_FILTERED)) ||
                          (inet6 && error.ee_code == 1);
  if (prohibited) return "administratively prohibited";
  return std::strerror(static_cast<int>(error.ee_errno));
}

/// The message that a control message holds; nullopt when it is another one.
std::optional<std::string> refusal_of(const cmsghdr& header) {
  const bool inet = header.cmsg_level == IPPROTO_IP && header.cmsg_type == IP_RECVERR;
  const bool inet6 = header.cmsg_level == IPPROTO_IPV6 && header.cmsg_type == IPV6_RECVERR;
  if (!inet && !inet6) return std::nullopt;
  sock_extended_err error{};
  std::memcpy(&error, CMSG_DATA(&header), sizeof error);
  if (error.ee_errno == EMSGSIZE) return std::nullopt;
  if (error.ee_origin == SO_EE_ORIGIN_LOCAL) return std::string(std::strerror(static_cast<int>(error.ee_errno)));
  sockaddr_storage offender{};
  const std::size_t size = inet ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  std::memcpy(&offender, CMSG_DATA(&header) + sizeof error, size);
  std::uint16_t port = 0;
  return fmt::format("{}, from {}", refusal_name(error), ip_in(offender, port));
}

std::optional<std::uint8_t> ttl_of(msghdr& message) {
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    const bool inet = header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_TTL;
    const bool inet6 = header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_HOPLIMIT;
    if (!inet && !inet6) continue;
    int ttl = 0;
    std::memcpy(&ttl, CMSG_DATA(header), sizeof ttl);
    return static_cast<std::uint8_t>(ttl);
  }
  return std::nullopt;
}

}  // namespace

DnsSocketAddress dns_socket_address(const DnsServer& server, const std::string& interface) {
  DnsSocketAddress address;
  if (server.address.family == Family::kInet) {
    sockaddr_in inet{};
    inet.sin_family = AF_INET;
    inet.sin_port = htons(server.port);
    std::memcpy(&inet.sin_addr, server.address.bytes.data(), sizeof inet.sin_addr);
    std::memcpy(&address.storage, &inet, sizeof inet);
    address.length = sizeof inet;
    return address;
  }
  sockaddr_in6 inet6{};
  inet6.sin6_family = AF_INET6;
  inet6.sin6_port = htons(server.port);
  std::memcpy(&inet6.sin6_addr, server.address.bytes.data(), sizeof inet6.sin6_addr);
  const std::string& scope = server.zone.empty() ? interface : server.zone;
  if (server.address.is_link_local()) inet6.sin6_scope_id = if_nametoindex(scope.c_str());
  std::memcpy(&address.storage, &inet6, sizeof inet6);
  address.length = sizeof inet6;
  return address;
}

std::string bind_to_device(int descriptor, const std::string& interface) {
  if (interface.empty()) return {};
  const auto length = static_cast<socklen_t>(interface.size());
  if (setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, interface.c_str(), length) == 0) return {};
  if (errno == ENODEV) return fmt::format("there is no interface {}", interface);
  return fmt::format("the socket could not be bound to {}: {}", interface, std::strerror(errno));
}

DnsSocket open_dns_socket(const DnsServer& server, const std::string& interface, int socket_type) {
  DnsSocket socket;
  const int domain = server.address.family == Family::kInet ? AF_INET : AF_INET6;
  socket.fd.reset(::socket(domain, socket_type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.fd) {
    socket.why_none = std::strerror(errno);
    return socket;
  }
  socket.why_not_bound = bind_to_device(socket.fd.get(), interface);
  if (socket_type == SOCK_DGRAM) ask_for_details(socket.fd.get(), server.address.family);
  return socket;
}

std::optional<ReceivedDatagram> receive_datagram(int descriptor) {
  ReceivedDatagram datagram;
  datagram.bytes.resize(kMaxDatagramBytes);
  std::array<char, 256> control{};
  sockaddr_storage from{};
  iovec vector{datagram.bytes.data(), datagram.bytes.size()};
  msghdr message{};
  message.msg_name = &from;
  message.msg_namelen = sizeof from;
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t received = recvmsg(descriptor, &message, MSG_DONTWAIT);
  // An ICMP message also fails the next call; the error queue tells it in full.
  if (received < 0 && errno != EAGAIN) received = recvmsg(descriptor, &message, MSG_DONTWAIT);
  if (received < 0) return std::nullopt;
  datagram.bytes.resize(static_cast<std::size_t>(received));
  datagram.from = ip_in(from, datagram.port);
  datagram.ttl = ttl_of(message);
  return datagram;
}

std::optional<std::string> receive_refusal(int descriptor) {
  while (true) {
    std::array<char, 512> control{};
    std::array<char, 64> quoted{};
    iovec vector{quoted.data(), quoted.size()};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    if (recvmsg(descriptor, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return std::nullopt;
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
      if (auto refusal = refusal_of(*header)) return refusal;
    }
  }
}

}  // namespace vpndoctor
