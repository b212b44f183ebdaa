// SPDX-License-Identifier: Apache-2.0
// Which of the namespace's sockets are the kernel's WireGuard's: those at its port that no process holds.
#include "outer_sockets.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <vector>

namespace vpndoctor {
namespace {

constexpr std::uint16_t kPort = 51820;
constexpr std::uint64_t kNobodys = 1ULL << 40;  // the kernel numbers sockets in 32 bits

Link wireguard_link(std::uint32_t flags) {
  Link link;
  link.name = "wg0";
  link.kind = "wireguard";
  link.flags = flags;
  return link;
}

Tunnel listening_tunnel() {
  Tunnel tunnel;
  tunnel.interface = "wg0";
  tunnel.listen_port = kPort;
  return tunnel;
}

InternetSocket udp_socket(std::uint64_t inode, const char* local, std::uint16_t port) {
  InternetSocket socket;
  socket.inode = inode;
  socket.local = IpAddress::parse(local).value();
  socket.local_port = port;
  socket.remote = IpAddress::parse(local).value();
  return socket;
}

TEST(KernelSockets, ThoseThatNobodyHoldsAreWireguards) {
  Tunnel tunnel = listening_tunnel();
  take_kernel_sockets(wireguard_link(kLinkUp),
                      {udp_socket(kNobodys, "0.0.0.0", kPort), udp_socket(kNobodys + 1, "::", kPort),
                       udp_socket(kNobodys + 2, "0.0.0.0", kPort + 1)},
                      tunnel);
  EXPECT_EQ(tunnel.outer_is_elsewhere, false);
  ASSERT_EQ(tunnel.outer_sockets.size(), 2U);
  EXPECT_EQ(tunnel.outer_sockets[0].local_port, kPort);
  EXPECT_EQ(tunnel.outer_sockets[1].local.family, Family::kInet6);
}

TEST(KernelSockets, OneThatAProcessHoldsIsNotAndThenItsOwnAreElsewhere) {
  if (::geteuid() != 0) GTEST_SKIP() << "without root some processes may not be seen";
  const int own = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct stat facts{};
  ASSERT_EQ(::fstat(own, &facts), 0);
  Tunnel tunnel = listening_tunnel();
  take_kernel_sockets(wireguard_link(kLinkUp), {udp_socket(facts.st_ino, "0.0.0.0", kPort)}, tunnel);
  EXPECT_EQ(tunnel.outer_is_elsewhere, true);
  EXPECT_TRUE(tunnel.outer_sockets.empty());
  ::close(own);
}

TEST(KernelSockets, OfAnInterfaceThatIsDownNothingIsKnown) {
  Tunnel tunnel = listening_tunnel();
  take_kernel_sockets(wireguard_link(0), {}, tunnel);
  EXPECT_EQ(tunnel.outer_is_elsewhere, std::nullopt);
  Tunnel without_port = listening_tunnel();
  without_port.listen_port.reset();
  take_kernel_sockets(wireguard_link(kLinkUp), {}, without_port);
  EXPECT_EQ(without_port.outer_is_elsewhere, std::nullopt);
}

}  // namespace
}  // namespace vpndoctor
