// SPDX-License-Identifier: Apache-2.0
// The tunnels facet with real holders of tun devices, and whose control socket is believed; the names files.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "in_namespace.h"
#include "number_names.h"
#include "vpndoctor/collect.h"
#include "wireguard_socket.h"

namespace vpndoctor {
namespace {

using testing_support::in_network_namespace;
using testing_support::output_of;
using testing_support::PeerNamespace;
using testing_support::run;

IpAddress ip(const char* text) { return IpAddress::parse(text).value(); }

std::vector<Tunnel> collected_tunnels() {
  const auto snapshot = collect_snapshot();
  EXPECT_TRUE(snapshot && snapshot->tunnels.is_known());
  return snapshot ? *snapshot->tunnels : std::vector<Tunnel>{};
}

/// Holds a tun device in this process; -1 where there is none.
int hold_tun(const char* name) {
  const int device = ::open("/dev/net/tun", O_RDWR | O_CLOEXEC);
  ifreq request{};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (device >= 0 && ::ioctl(device, TUNSETIFF, &request) == 0) return device;
  ::close(device);
  return -1;
}

/// A UDP socket that is connected to where a tunnel's outer packets would go.
int connect_outer(const char* address, std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  std::memcpy(&to.sin_addr, ip(address).bytes.data(), sizeof to.sin_addr);
  EXPECT_EQ(::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  return socket;
}

bool may_make_tun() { return ::access("/dev/net/tun", W_OK) == 0; }

TEST(CollectTunnels, HolderAndItsConnectedSocketAreFound) {
  if (!may_make_tun()) GTEST_SKIP() << "there is no /dev/net/tun here";
  in_network_namespace([] {
    const int device = hold_tun("vpn0");
    ASSERT_GE(device, 0);
    run("ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up; ip addr add 10.1.0.1/24 dev v0");
    run("ip tuntap add left mode tun; ip tuntap add machine mode tap");
    const int outer = connect_outer("10.1.0.2", 1194);
    const auto tunnels = collected_tunnels();
    ASSERT_EQ(tunnels.size(), 2U);  // the tap is no VPN's
    EXPECT_EQ(tunnels[0].interface, "vpn0");
    EXPECT_EQ(tunnels[0].holder_pid, static_cast<std::uint32_t>(::getpid()));
    EXPECT_EQ(tunnels[0].endpoints, (std::vector<OuterEndpoint>{{ip("10.1.0.2"), std::uint16_t{1194}}}));
    EXPECT_EQ(tunnels[0].not_seen, "");
    EXPECT_EQ(tunnels[1].interface, "left");
    EXPECT_EQ(tunnels[1].holder_pid, std::nullopt);
    ::close(outer);
    ::close(device);
  });
}

/// Answers every connection to the control socket of `interface` as a userspace WireGuard with two peers.
class ControlSocket {
 public:
  explicit ControlSocket(const std::string& interface) : path_("/run/wireguard/" + interface + ".sock") {
    ::mkdir("/run/wireguard", 0755);
    socket_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    ::unlink(path_.c_str());
    listening_ =
        ::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 && ::listen(socket_, 8) == 0;
    thread_ = std::thread([this] { answer(); });
  }
  ~ControlSocket() {
    ::shutdown(socket_, SHUT_RDWR);
    thread_.join();
    ::close(socket_);
    ::unlink(path_.c_str());
  }
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;
  bool listening() const { return listening_; }

 private:
  void answer() const {
    const std::string key(64, 'a');
    const std::string text = fmt::format(
        "private_key={0}\nlisten_port=1\nfwmark=51820\npublic_key={0}\nendpoint=192.0.2.1:51820\nallowed_ip=0.0.0.0/0\n"
        "public_key={0}\nendpoint=[2001:db8::7]:443\nerrno=0\n\n",
        key);
    while (true) {
      const int peer = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
      if (peer < 0) return;
      char request[16];
      if (::read(peer, request, sizeof request) > 0) (void)!::write(peer, text.data(), text.size());
      ::close(peer);
    }
  }

  std::string path_;
  int socket_ = -1;
  bool listening_ = false;
  std::thread thread_;
};

TEST(CollectTunnels, AllPeersOfAUserspaceWireguardAreEndpoints) {
  if (::geteuid() != 0 || !may_make_tun()) GTEST_SKIP() << "needs /run/wireguard and /dev/net/tun";
  in_network_namespace([] {
    const int device = hold_tun("vdwgt0");
    ASSERT_GE(device, 0);
    const ControlSocket control("vdwgt0");
    ASSERT_TRUE(control.listening());
    const auto tunnels = collected_tunnels();
    ASSERT_EQ(tunnels.size(), 1U);
    EXPECT_EQ(tunnels[0].kind, "wireguard");
    EXPECT_EQ(tunnels[0].mark, 51820U);
    EXPECT_EQ(tunnels[0].endpoints, (std::vector<OuterEndpoint>{{ip("192.0.2.1"), std::uint16_t{51820}},
                                                                {ip("2001:db8::7"), std::uint16_t{443}}}));
    ::close(device);
  });
}

TEST(CollectTunnels, ControlSocketOfAnotherNamespaceIsNotBelieved) {
  if (::geteuid() != 0 || !may_make_tun()) GTEST_SKIP() << "needs /run/wireguard and /dev/net/tun";
  in_network_namespace([] {
    const ControlSocket control("vdwgt1");
    ASSERT_TRUE(control.listening());
    EXPECT_TRUE(listens_as_wireguard("vdwgt1"));
    EXPECT_EQ(::unshare(CLONE_NEWNET), 0);
    EXPECT_FALSE(listens_as_wireguard("vdwgt1"));
    const int device = hold_tun("vdwgt1");
    ASSERT_GE(device, 0);
    const auto tunnels = collected_tunnels();
    ASSERT_EQ(tunnels.size(), 1U);
    EXPECT_EQ(tunnels[0].kind, "tun");
    EXPECT_TRUE(tunnels[0].endpoints.empty());
    ::close(device);
  });
}

TEST(CollectTunnels, TableOfUnixSocketsIsReadToThoseThatAreListenedOn) {
  const auto sockets = listening_unix_sockets(
      "Num       RefCount Protocol Flags    Type St Inode Path\n"
      "0000000010621ab5: 00000002 00000000 00010000 0001 01  1072 /run/wireguard/wg0.sock\n"
      "0000000010621ab6: 00000003 00000000 00000000 0001 03  1073 /run/connected.sock\n"
      "0000000010621ab7: 00000002 00000000 00010000 0001 01  1074\n"
      "0000000010621ab8: 00000002 00000000 00010000 0001 01  1075 @abstract\n"
      "garbage\n\n"
      "0000000010621ab9: 00000002 00000000 00010000 0001 01  1076 /run/with space.sock");
  EXPECT_EQ(sockets, (std::vector<ListeningSocket>{{1072, "/run/wireguard/wg0.sock"}, {1076, "/run/with space.sock"}}));
}

TEST(NumberNames, FilesOfIproute2AreReadAsItReadsThem) {
  std::map<std::uint32_t, std::string> names;
  take_number_names(
      "#\n# reserved values\n255\tlocal\n 0xc8  office # ours\n300 \n301 #none\nname 5\n302 b\x1bx\n200 again\n",
      names);
  EXPECT_EQ(names, (std::map<std::uint32_t, std::string>{{200, "again"}, {255, "local"}}));
  take_number_names("7 last", names);
  EXPECT_EQ(names.at(7), "last");
}

}  // namespace
}  // namespace vpndoctor
