// SPDX-License-Identifier: Apache-2.0
// Sends and sees packets; see the header.
#include "packet_world.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <span>
#include <vector>

#include "handles.h"
#include "vpndoctor/wire.h"

namespace vpndoctor::testing_support {
namespace {

using Packet = std::vector<std::uint8_t>;

/// A packet socket on an interface of the namespace of process `pid`.
Fd packet_socket_at(pid_t pid, const char* interface) {
  const Fd own(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  const Fd other(::open(("/proc/" + std::to_string(pid) + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(::setns(other.get(), CLONE_NEWNET), 0);
  Fd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL)));
  sockaddr_ll at{};
  at.sll_family = AF_PACKET;
  at.sll_protocol = htons(ETH_P_ALL);
  at.sll_ifindex = static_cast<int>(::if_nametoindex(interface));
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  EXPECT_EQ(::setns(own.get(), CLONE_NEWNET), 0);
  return socket;
}

/// Reads all that has arrived; true when the destination's address and the protocol are the flow's.
bool take_all(int socket, const Flow& flow) {
  bool found = false;
  std::array<std::uint8_t, 2048> frame;
  for (ssize_t size = 0; (size = ::recv(socket, frame.data(), frame.size(), 0)) > 0;) {
    const bool is_inet = flow.destination.family == Family::kInet;
    const std::size_t protocol = 14 + (is_inet ? 9 : 6);
    const std::size_t destination = 14 + (is_inet ? 16 : 24);
    const auto octets = flow.destination.octets();
    if (static_cast<std::size_t>(size) < destination + octets.size()) continue;
    found = found || (frame[protocol] == flow.ip_protocol &&
                      std::memcmp(frame.data() + destination, octets.data(), octets.size()) == 0);
  }
  return found;
}

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

SocketAddress socket_address(const IpAddress& address, std::uint16_t port) {
  SocketAddress out;
  const auto octets = address.octets();
  if (address.family == Family::kInet) {
    auto* inet = reinterpret_cast<sockaddr_in*>(&out.storage);
    inet->sin_family = AF_INET;
    inet->sin_port = htons(port);
    std::memcpy(&inet->sin_addr, octets.data(), octets.size());
    out.size = sizeof *inet;
  } else {
    auto* inet6 = reinterpret_cast<sockaddr_in6*>(&out.storage);
    inet6->sin6_family = AF_INET6;
    inet6->sin6_port = htons(port);
    std::memcpy(&inet6->sin6_addr, octets.data(), octets.size());
    out.size = sizeof *inet6;
  }
  return out;
}

bool is_icmp(const Flow& flow) { return flow.ip_protocol == kProtocolIcmp || flow.ip_protocol == kProtocolIcmp6; }

/// A socket that belongs to the flow's user, since the kernel takes the user of whoever opens it (f_cred->fsuid).
Fd user_socket(const Flow& flow) {
  const int family = flow.destination.family == Family::kInet ? AF_INET : AF_INET6;
  const int type = is_icmp(flow) ? SOCK_RAW : flow.ip_protocol == kProtocolTcp ? SOCK_STREAM : SOCK_DGRAM;
  const int before = ::setfsuid(flow.uid);
  Fd socket(::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, flow.ip_protocol));
  ::setfsuid(static_cast<uid_t>(before));
  EXPECT_GE(socket.get(), 0) << std::strerror(errno);
  EXPECT_EQ(::setsockopt(socket.get(), SOL_SOCKET, SO_MARK, &flow.mark, sizeof flow.mark), 0) << std::strerror(errno);
  return socket;
}

std::uint16_t checksum(std::span<const std::uint8_t> bytes, std::uint32_t sum = 0) {
  for (std::size_t i = 0; i < bytes.size(); ++i) sum += i % 2 == 0 ? bytes[i] << 8U : bytes[i];
  while (sum > 0xffff) sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<std::uint16_t>(~sum);
}

void put_number(Packet& packet, std::size_t at, std::uint16_t number) {
  packet[at] = static_cast<std::uint8_t>(number >> 8U);
  packet[at + 1] = static_cast<std::uint8_t>(number & 0xffU);
}

/// An echo request whose identifier is the flow's source port; the kernel sets the checksum of ICMPv6.
Packet echo_request(const Flow& flow) {
  Packet packet = {static_cast<std::uint8_t>(flow.ip_protocol == kProtocolIcmp ? 8 : 128), 0, 0, 0, 0, 0, 0, 1};
  put_number(packet, 4, flow.source_port);
  put_number(packet, 2, checksum(packet));
  return packet;
}

void send_from_here(const Flow& flow) {
  const Fd socket = user_socket(flow);
  const bool has_ports = !is_icmp(flow);
  const SocketAddress from = socket_address(*flow.source, has_ports ? flow.source_port : std::uint16_t{0});
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&from.storage), from.size), 0)
      << std::strerror(errno) << " " << flow_text(flow);
  const SocketAddress to = socket_address(flow.destination, has_ports ? flow.destination_port : std::uint16_t{0});
  const auto* address = reinterpret_cast<const sockaddr*>(&to.storage);
  // What the packet filter refuses is an error here; whether it left is seen at the other end.
  if (flow.ip_protocol == kProtocolTcp) {
    ::connect(socket.get(), address, to.size);
  } else {
    const Packet packet = is_icmp(flow) ? echo_request(flow) : Packet{'x'};
    ::sendto(socket.get(), packet.data(), packet.size(), 0, address, to.size);
  }
}

Packet transport(const Flow& flow) {
  if (is_icmp(flow)) return echo_request(flow);
  Packet packet(flow.ip_protocol == kProtocolTcp ? 20 : 8);
  put_number(packet, 0, flow.source_port);
  put_number(packet, 2, flow.destination_port);
  if (flow.ip_protocol == kProtocolTcp) {
    packet[12] = 0x50;
    packet[13] = 0x02;
    put_number(packet, 14, 1000);
  } else {
    put_number(packet, 4, 8);
  }
  return packet;
}

/// The sum of the pseudo header (RFC 793, RFC 8200 section 8.1).
std::uint32_t pseudo_sum(const Flow& flow, std::size_t length) {
  Packet pseudo;
  const auto append = [&pseudo](std::span<const std::uint8_t> bytes) {
    pseudo.insert(pseudo.end(), bytes.begin(), bytes.end());
  };
  append(flow.source->octets());
  append(flow.destination.octets());
  return static_cast<std::uint16_t>(~checksum(pseudo)) + flow.ip_protocol + static_cast<std::uint32_t>(length);
}

Packet whole_packet(const Flow& flow) {
  Packet payload = transport(flow);
  const bool is_inet = flow.destination.family == Family::kInet;
  const std::size_t at = flow.ip_protocol == kProtocolTcp ? 16 : flow.ip_protocol == kProtocolUdp ? 6 : 2;
  put_number(payload, at, 0);
  const std::uint32_t pseudo = flow.ip_protocol == kProtocolIcmp ? 0 : pseudo_sum(flow, payload.size());
  put_number(payload, at, checksum(payload, pseudo));
  Packet packet = is_inet ? Packet{0x45, 0, 0, 0, 0, 1, 0, 0, 64, flow.ip_protocol, 0, 0}
                          : Packet{0x60, 0, 0, 0, 0, 0, flow.ip_protocol, 64};
  const auto source = flow.source->octets();
  const auto destination = flow.destination.octets();
  packet.insert(packet.end(), source.begin(), source.end());
  packet.insert(packet.end(), destination.begin(), destination.end());
  put_number(packet, is_inet ? 2 : 4, static_cast<std::uint16_t>(payload.size() + (is_inet ? packet.size() : 0)));
  if (is_inet) put_number(packet, 10, checksum(packet));
  packet.insert(packet.end(), payload.begin(), payload.end());
  return packet;
}

void send_into(int socket, const Flow& flow) {
  Packet frame = {2, 0, 0, 0, 0, 3, 2, 0, 0, 0, 0, 4, 0x08, 0x00};
  if (flow.destination.family == Family::kInet6) put_number(frame, 12, ETH_P_IPV6);
  const Packet packet = whole_packet(flow);
  frame.insert(frame.end(), packet.begin(), packet.end());
  ASSERT_EQ(::send(socket, frame.data(), frame.size(), 0), static_cast<ssize_t>(frame.size())) << std::strerror(errno);
}

constexpr std::array<std::uint8_t, 14> kMarker = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9, 0x88, 0xb5};

void await_marker(int socket) {
  std::array<std::uint8_t, 2048> frame;
  pollfd arrived{socket, POLLIN, 0};
  while (::poll(&arrived, 1, 5000) == 1) {
    const ssize_t size = ::recv(socket, frame.data(), frame.size(), 0);
    if (size >= 14 && frame[12] == kMarker[12] && frame[13] == kMarker[13]) return;
  }
  ADD_FAILURE() << "the marker did not arrive";
}

/// One processor alone: its queue of packets is worked off in order, over all interfaces.
void stay_on_one_processor() {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(::sched_getcpu(), &set);
  EXPECT_EQ(::sched_setaffinity(0, sizeof set, &set), 0);
}

}  // namespace

struct PacketWorld::Sockets {
  Fd out;
  Fd alternative;
  Fd input;
  Fd sync_from;
  Fd sync_to;
};

PacketWorld::PacketWorld() {
  stay_on_one_processor();
  const std::string pid = std::to_string(peer_.pid());
  for (const auto& [name, mac] : {std::pair{"out0", "02:00:00:00:00:01"}, std::pair{"alt0", "02:00:00:00:00:02"},
                                  std::pair{"in0", "02:00:00:00:00:03"}, std::pair{"sync0", "02:00:00:00:00:05"}}) {
    run("ip link add " + std::string(name) + " address " + mac + " type veth peer name " + name + " netns " + pid);
    run("ip link set " + std::string(name) + " up");
    peer_.run("ip link set " + std::string(name) + " up");
  }
  run("sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.ipv4.conf.in0.rp_filter=0 "
      "net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
  run("ip addr add 192.168.50.5/24 dev out0; ip addr add 2a0e:50::5/64 dev out0 nodad;"
      "ip addr add 192.168.60.5/24 dev alt0; ip addr add 2a0e:60::5/64 dev alt0 nodad;"
      "ip addr add 10.9.0.1/24 dev in0; ip addr add 2a0e:99::1/64 dev in0 nodad");
  run("ip neigh add 192.168.50.1 lladdr 02:00:00:00:01:01 dev out0 nud permanent;"
      "ip neigh add 2a0e:50::1 lladdr 02:00:00:00:01:01 dev out0 nud permanent;"
      "ip neigh add 192.168.60.1 lladdr 02:00:00:00:01:02 dev alt0 nud permanent;"
      "ip neigh add 2a0e:60::1 lladdr 02:00:00:00:01:02 dev alt0 nud permanent");
  run("ip route add default via 192.168.50.1; ip -6 route add default via 2a0e:50::1;"
      "ip route add default via 192.168.60.1 table 100; ip -6 route add default via 2a0e:60::1 table 100;"
      "ip rule add fwmark 7 lookup 100; ip -6 rule add fwmark 7 lookup 100");
  sockets_ = std::make_unique<Sockets>();
  sockets_->out = packet_socket_at(peer_.pid(), "out0");
  sockets_->alternative = packet_socket_at(peer_.pid(), "alt0");
  sockets_->input = packet_socket_at(peer_.pid(), "in0");
  sockets_->sync_to = packet_socket_at(peer_.pid(), "sync0");
  sockets_->sync_from = packet_socket_at(::getpid(), "sync0");
}

PacketWorld::~PacketWorld() = default;

std::string PacketWorld::send(const Flow& flow) {
  take_all(sockets_->out.get(), flow);
  take_all(sockets_->alternative.get(), flow);
  take_all(sockets_->sync_to.get(), flow);
  if (flow.input_interface.empty()) {
    send_from_here(flow);
  } else {
    send_into(sockets_->input.get(), flow);
  }
  // A frame that is sent after it and arrives tells that all has arrived that ever will.
  EXPECT_EQ(::send(sockets_->sync_from.get(), kMarker.data(), kMarker.size(), 0), static_cast<ssize_t>(kMarker.size()));
  await_marker(sockets_->sync_to.get());
  if (take_all(sockets_->out.get(), flow)) return "out0";
  return take_all(sockets_->alternative.get(), flow) ? "alt0" : "";
}

}  // namespace vpndoctor::testing_support
