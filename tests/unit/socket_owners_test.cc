// SPDX-License-Identifier: Apache-2.0
// Which socket a flow comes from, among several that have its port.
#include "socket_owners.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "in_namespace.h"
#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

IpAddress ip(const char* text) { return IpAddress::parse(text).value(); }

DiagnosedSocket udp_socket(const char* local, const char* remote, std::uint16_t remote_port, std::uint64_t inode) {
  DiagnosedSocket socket;
  socket.ip_protocol = kProtocolUdp;
  socket.local = ip(local);
  socket.local_port = 50000;
  socket.remote = ip(remote);
  socket.remote_port = remote_port;
  socket.inode = inode;
  return socket;
}

const LeakFlow kFlow{"eth0", ip("192.0.2.5"), ip("9.9.9.9"), kProtocolUdp, 50000, 53};

TEST(SocketOwners, TheSocketThatFitsBestIsTheFlows) {
  const std::vector<DiagnosedSocket> sockets{
      udp_socket("0.0.0.0", "0.0.0.0", 0, 1),
      udp_socket("192.0.2.5", "0.0.0.0", 0, 2),
      udp_socket("192.0.2.5", "9.9.9.9", 53, 3),
      udp_socket("192.0.2.5", "9.9.9.9", 54, 4),
  };
  EXPECT_EQ(find_socket(sockets, kFlow)->inode, 3U);
  EXPECT_EQ(find_socket({sockets[0], sockets[1]}, kFlow)->inode, 2U);
  EXPECT_EQ(find_socket({sockets[0]}, kFlow)->inode, 1U);
  EXPECT_EQ(find_socket({sockets[3]}, kFlow), nullptr);
}

TEST(SocketOwners, ASocketOfIpv6SendsIpv4AndNotTheOtherWayRound) {
  EXPECT_NE(find_socket({udp_socket("::", "::", 0, 1)}, kFlow), nullptr);
  LeakFlow flow = kFlow;
  flow.source = ip("2001:db8::5");
  flow.destination = ip("2620:fe::9");
  EXPECT_EQ(find_socket({udp_socket("0.0.0.0", "0.0.0.0", 0, 1)}, flow), nullptr);
}

TEST(SocketOwners, AnotherProtocolPortOrAListenerIsNone) {
  DiagnosedSocket socket = udp_socket("0.0.0.0", "0.0.0.0", 0, 1);
  socket.listens = true;
  EXPECT_EQ(find_socket({socket}, kFlow), nullptr);
  socket = udp_socket("0.0.0.0", "0.0.0.0", 0, 1);
  socket.local_port = 50001;
  EXPECT_EQ(find_socket({socket}, kFlow), nullptr);
  socket = udp_socket("0.0.0.0", "0.0.0.0", 0, 1);
  socket.ip_protocol = kProtocolTcp;
  EXPECT_EQ(find_socket({socket}, kFlow), nullptr);
}

TEST(SocketOwners, AnAnswerThatIsCutIsNone) {
  const std::vector<std::byte> zeros(72);
  for (std::size_t length = 0; length <= zeros.size(); ++length) {
    EXPECT_FALSE(decode_diagnosed_socket(std::span(zeros).first(length), kProtocolUdp));
  }
}

TEST(SocketOwners, OneThatWasClosedBelongsToNobody) {
  testing_support::in_network_namespace([] {
    testing_support::run("ip link set lo up");
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in there{
        .sin_family = AF_INET, .sin_port = htons(8080), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    ASSERT_EQ(::bind(server, reinterpret_cast<const sockaddr*>(&there), sizeof there), 0);
    ASSERT_EQ(::listen(server, 1), 0);
    ASSERT_EQ(::connect(client, reinterpret_cast<const sockaddr*>(&there), sizeof there), 0);
    sockaddr_in here{};
    socklen_t size = sizeof here;
    ASSERT_EQ(::getsockname(client, reinterpret_cast<sockaddr*>(&here), &size), 0);
    const std::vector<LeakFlow> flows{
        {"lo", ip("127.0.0.1"), ip("127.0.0.1"), kProtocolTcp, ntohs(here.sin_port), 8080}};
    const LeakSocket open = find_leak_sockets(flows, {}).at(0);
    EXPECT_EQ(open.uid, ::getuid());
    ASSERT_TRUE(open.owner);
    EXPECT_EQ(open.owner->pid, static_cast<std::uint32_t>(::getpid()));
    ::close(client);  // the other end stays open: the kernel keeps this one for a while
    const LeakSocket closed = find_leak_sockets(flows, {}).at(0);
    EXPECT_FALSE(closed.uid);
    EXPECT_FALSE(closed.owner);
    ::close(server);
  });
}

}  // namespace
}  // namespace vpndoctor
