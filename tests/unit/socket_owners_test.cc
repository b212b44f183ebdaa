// SPDX-License-Identifier: Apache-2.0
// Which socket a flow comes from, among several that have its port.
#include "socket_owners.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace vpndoctor
