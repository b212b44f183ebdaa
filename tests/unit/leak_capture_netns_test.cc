// SPDX-License-Identifier: Apache-2.0
// Leaks of real sockets on a real link beside a tun device: what is seen, by whom it was sent, what the control is, and
// what happens when the interface goes away. The packets are sent once the capture tells that it runs.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "in_namespace.h"
#include "vpndoctor/capture_file.h"
#include "vpndoctor/collect.h"
#include "vpndoctor/leak_capture_run.h"
#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

using std::chrono::milliseconds;
using testing_support::in_network_namespace;
using testing_support::PeerNamespace;
using testing_support::run;

/// eth0 with a gateway at the other end of its cable, and tun0, held by another process, that takes all of IPv4.
class Wiring {
 public:
  explicit Wiring(bool with_tun = true) {
    run("ip link add eth0 type veth peer name gw0 netns " + std::to_string(peer_.pid()));
    run("ip addr add 192.168.50.5/24 dev eth0 && ip link set eth0 up");
    peer_.run("ip addr add 192.168.50.1/24 dev gw0 && ip link set gw0 up");
    run("ip route add default via 192.168.50.1");
    if (!with_tun) return;
    device_ = ::open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    ifreq request{};
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    std::strncpy(request.ifr_name, "tun0", IFNAMSIZ - 1);
    has_tun_ = device_ >= 0 && ::ioctl(device_, TUNSETIFF, &request) == 0;
    if (!has_tun_) return;
    run("ip addr add 10.8.0.2/24 dev tun0 && ip link set tun0 up");
    run("ip route add 0.0.0.0/1 dev tun0 && ip route add 128.0.0.0/1 dev tun0");
    let_another_hold_it();
  }
  ~Wiring() {
    // A test that gave its privileges away may not; then the holder ends with this process.
    if (holder_ > 0 && ::kill(holder_, SIGKILL) == 0) ::waitpid(holder_, nullptr, 0);
  }
  Wiring(const Wiring&) = delete;
  Wiring& operator=(const Wiring&) = delete;

  bool has_tun() const { return has_tun_; }
  const PeerNamespace& peer() const { return peer_; }

 private:
  /// What a holder sends counts as the tunnel's own.
  void let_another_hold_it() {
    holder_ = ::fork();
    if (holder_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      // Nothing else of this process stays open through it: others wait for that.
      constexpr int kKept = 3;
      if (::dup2(device_, kKept) != kKept) ::_exit(1);
      ::close_range(kKept + 1, ~0U, 0);
      for (;;) ::pause();
    }
    ::close(device_);
  }

  PeerNamespace peer_;
  int device_ = -1;
  pid_t holder_ = -1;
  bool has_tun_ = false;
};

sockaddr_in address_of(const char* text, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  EXPECT_EQ(::inet_pton(AF_INET, text, &address.sin_addr), 1);
  return address;
}

void bind_to(int socket, const char* interface) {
  EXPECT_EQ(
      ::setsockopt(socket, SOL_SOCKET, SO_BINDTODEVICE, interface, static_cast<socklen_t>(std::strlen(interface))), 0);
}

/// A UDP socket that has sent `count` datagrams, past the tunnel when it is bound to an interface.
int send_udp(const char* to, std::uint16_t port, int count = 1, const char* interface = "eth0") {
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  bind_to(socket, interface);
  const sockaddr_in address = address_of(to, port);
  for (int i = 0; i < count; ++i) {
    EXPECT_EQ(::sendto(socket, "abcd", 4, 0, reinterpret_cast<const sockaddr*>(&address), sizeof address), 4);
  }
  return socket;
}

/// The same from a socket of IPv6, to the mapped address.
int send_mapped(const char* to, std::uint16_t port) {
  const int socket = ::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int no = 0;
  EXPECT_EQ(::setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no), 0);
  bind_to(socket, "eth0");
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  EXPECT_EQ(::inet_pton(AF_INET6, (std::string("::ffff:") + to).c_str(), &address.sin6_addr), 1);
  EXPECT_EQ(::sendto(socket, "abcd", 4, 0, reinterpret_cast<const sockaddr*>(&address), sizeof address), 4);
  return socket;
}

int begin_tcp(const char* to, std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  bind_to(socket, "eth0");
  const sockaddr_in address = address_of(to, port);
  EXPECT_EQ(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), -1);
  EXPECT_EQ(errno, EINPROGRESS);
  return socket;
}

/// Captures, and calls `act` once the capture runs.
Result<CaptureResult> captured(LeakCaptureOptions options, const std::function<void()>& act,
                               const std::function<void(Snapshot&)>& change = {}) {
  auto snapshot = collect_snapshot({.leaks = true});
  EXPECT_TRUE(snapshot);
  if (change) change(*snapshot);
  const Fib fib(*snapshot);
  const std::vector<TunnelReport> tunnels;
  const Coverage coverage = find_coverage(*snapshot, fib, 0);
  bool acted = false;
  options.progress = [&](const std::string& /*text*/) {
    if (!std::exchange(acted, true)) act();
  };
  const LeakFacts facts{
      .snapshot = *snapshot, .fib = fib, .uid = 0, .tunnels = tunnels, .coverage = coverage, .expectation = {}};
  return run_leak_capture(options, facts);
}

const CaptureLeak* leak_to(const CaptureResult& result, std::uint16_t port) {
  for (const CaptureLeak& leak : result.leaks) {
    if (leak.port == port) return &leak;
  }
  return nullptr;
}

TEST(LeakCaptureNetns, LeaksOfRealSocketsAreFoundWithTheirProcessAndBinding) {
  in_network_namespace([] {
    const Wiring wiring;
    if (!wiring.has_tun()) return;
    std::vector<int> sockets;
    const auto result = captured({.duration = milliseconds(400)}, [&] {
      sockets = {send_udp("9.9.9.9", 53, 3), send_mapped("9.9.9.9", 123), begin_tcp("7.7.7.7", 443)};
      sockets.push_back(send_udp("7.7.7.7", 4242, 1, "tun0"));
      sockets.push_back(send_udp("192.168.50.1", 4243));
    });
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->interfaces, std::vector<std::string>{"eth0"});
    EXPECT_EQ(result->dropped, 0U);
    EXPECT_EQ(result->leaks.size(), 3U);
    for (const std::uint16_t port : std::to_array<std::uint16_t>({53, 123, 443})) {
      const CaptureLeak* leak = leak_to(*result, port);
      ASSERT_NE(leak, nullptr) << port;
      EXPECT_EQ(leak->packets, port == 53 ? 3U : 1U);
      ASSERT_TRUE(leak->owner) << port;
      EXPECT_EQ(leak->owner->pid, static_cast<std::uint32_t>(::getpid()));
      EXPECT_EQ(leak->bound_interface, "eth0");
      EXPECT_FALSE(leak->is_midstream);
    }
    EXPECT_EQ(result->counts.local, 1U);
    for (const int each : sockets) ::close(each);
  });
}

TEST(LeakCaptureNetns, TheGatewayIsAskedWhereNothingElseShowsThatTheCaptureSees) {
  in_network_namespace([] {
    const Wiring wiring;
    const auto result = captured({.duration = milliseconds(1500)}, [] {});
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_TRUE(result->control_seen);
    EXPECT_EQ(result->control, "ARP for the gateway 192.168.50.1 on eth0");
    EXPECT_TRUE(is_conclusive(*result));
    EXPECT_TRUE(result->leaks.empty());
  });
}

TEST(LeakCaptureNetns, NeighbourDiscoveryIsTheControlOfALinkWithIpv6Alone) {
  in_network_namespace([] {
    const PeerNamespace peer;
    run("ip link add eth0 type veth peer name gw0 netns " + std::to_string(peer.pid()));
    run("ip addr add 2a0e:50::5/64 dev eth0 nodad && ip link set eth0 up");
    peer.run("ip addr add 2a0e:50::1/64 dev gw0 nodad && ip link set gw0 up");
    run("ip -6 route add default via 2a0e:50::1");
    const auto result = captured({.duration = milliseconds(1500)}, [] {});
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->control, "neighbour discovery for the gateway 2a0e:50::1 on eth0");
  });
}

TEST(LeakCaptureNetns, TheTunnelsOwnSocketIsNoLeakAndIsTheControl) {
  in_network_namespace([] {
    const Wiring wiring;
    if (!wiring.has_tun()) return;
    run("ip route add 8.7.6.5 via 192.168.50.1");
    const int outer = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const sockaddr_in own = address_of("0.0.0.0", 40000);
    ASSERT_EQ(::bind(outer, reinterpret_cast<const sockaddr*>(&own), sizeof own), 0);
    const auto with_socket = [](Snapshot& snapshot) {
      for (Tunnel& tunnel : *snapshot.tunnels) {
        tunnel.endpoints = {{*IpAddress::parse("8.7.6.5"), 1194}};
        tunnel.outer_sockets = {{kProtocolUdp, *IpAddress::parse("0.0.0.0"), 40000, {}, 0}};
      }
    };
    const auto result = captured(
        {.duration = milliseconds(300)},
        [&] {
          const sockaddr_in server = address_of("8.7.6.5", 1194);
          EXPECT_EQ(::sendto(outer, "x", 1, 0, reinterpret_cast<const sockaddr*>(&server), sizeof server), 1);
        },
        with_socket);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->counts.tunnel, 1U);
    EXPECT_EQ(result->control, "packets of tun0 on eth0");
    EXPECT_TRUE(result->leaks.empty());
    ::close(outer);
  });
}

TEST(LeakCaptureNetns, AnInterfaceThatGoesAwayIsSaidAndWhatWasSeenStands) {
  in_network_namespace([] {
    const Wiring wiring;
    if (!wiring.has_tun()) return;
    const auto result = captured({.duration = std::chrono::seconds(30)}, [] {
      ::close(send_udp("9.9.9.9", 53));
      run("ip link del eth0");
    });
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_LT(result->seconds, 25);
    ASSERT_FALSE(result->limits.empty());
    EXPECT_NE(result->limits.back().find("eth0"), std::string::npos) << result->limits.back();
    EXPECT_FALSE(result->interrupted);
    EXPECT_EQ(result->ended_early, result->limits.back());
    EXPECT_EQ(result->control.find("ended"), std::string::npos) << result->control;
  });
}

TEST(LeakCaptureNetns, AnInterruptEndsItWithWhatIsKnown) {
  in_network_namespace([] {
    const Wiring wiring;
    if (!wiring.has_tun()) return;
    std::array<int, 2> interrupt{};
    ASSERT_EQ(::pipe2(interrupt.data(), O_CLOEXEC), 0);
    const auto result = captured({.duration = std::chrono::seconds(30), .interrupt_descriptor = interrupt[0]}, [&] {
      ::close(send_udp("9.9.9.9", 53));
      ASSERT_EQ(::write(interrupt[1], "x", 1), 1);
    });
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_TRUE(result->interrupted);
    EXPECT_EQ(result->leak_packets, 1U);
  });
}

TEST(LeakCaptureNetns, AnInterfaceThatIsNoneToCaptureOnIsAUsageError) {
  in_network_namespace([] {
    const Wiring wiring;
    for (const char* name : {"eth7", "lo", "tun0", "any", "\x1b[31m"}) {
      const auto result = captured({.duration = milliseconds(100), .interfaces = {name}}, [] {});
      ASSERT_FALSE(result) << name;
      EXPECT_EQ(result.error().kind, ErrorKind::kUsage);
      EXPECT_EQ(result.error().message.find('\x1b'), std::string::npos);
    }
  });
}

TEST(LeakCaptureNetns, WithoutAnInterfaceOrThePrivilegeThereIsAnError) {
  in_network_namespace([] {
    EXPECT_EQ(captured({.duration = milliseconds(100)}, [] {}).error().kind, ErrorKind::kUnavailable);
    const Wiring wiring(false);
    ASSERT_EQ(::setresuid(65534, 65534, 65534), 0);
    const auto result = captured({.duration = milliseconds(100)}, [] {});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::kPermission);
    EXPECT_NE(result.error().hint, "");
  });
}

/// A folder that is gone after the test.
class Folder {
 public:
  Folder() {
    std::string pattern = ::testing::TempDir() + "vpndoctor-leaks-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(LeakCaptureNetns, TheLeakingPacketsAreKeptAndJudgedTheSameWhenTheyAreRead) {
  in_network_namespace([] {
    const Folder folder;
    const Wiring wiring;
    if (!wiring.has_tun()) return;
    for (const std::string name : {"/kept.pcapng", "/kept.pcap"}) {
      const std::string file = folder.path() + name;
      int socket = -1;
      const auto result =
          captured({.duration = milliseconds(300), .write_file = file}, [&] { socket = send_udp("9.9.9.9", 53, 5); });
      ASSERT_TRUE(result) << result.error().message;
      EXPECT_EQ(result->written_to, file);
      const auto again = captured({.read_file = file}, [] {});
      ASSERT_TRUE(again) << again.error().message;
      EXPECT_EQ(again->packets, 5U);
      ASSERT_EQ(again->leaks.size(), 1U);
      EXPECT_EQ(again->leaks[0].packets, 5U);
      EXPECT_EQ(again->leaks[0].bytes, result->leaks.at(0).bytes);
      EXPECT_EQ(again->leaks[0].first_at, result->leaks[0].first_at);
      EXPECT_EQ(again->leaks[0].source_port, result->leaks[0].source_port);
      std::ifstream bytes(file, std::ios::binary);
      const std::string text((std::istreambuf_iterator<char>(bytes)), std::istreambuf_iterator<char>());
      const bool has_comment = text.find("bound to eth0") != std::string::npos;
      EXPECT_EQ(has_comment, name == "/kept.pcapng");
      ::close(socket);
    }
    const auto nowhere = captured({.duration = milliseconds(100), .write_file = folder.path() + "/none/x"}, [] {});
    ASSERT_FALSE(nowhere);
    EXPECT_EQ(nowhere.error().kind, ErrorKind::kUsage);
  });
}

TEST(LeakCaptureNetns, PacketsOfAVlanAreSeenOnTheVlansInterfaceAlone) {
  in_network_namespace([] {
    const Wiring wiring;
    if (!wiring.has_tun()) return;
    if (std::system("ip link add link eth0 name eth0.7 type vlan id 7 2>/dev/null") != 0) {
      std::puts("VLANs are not offered here");
      return;
    }
    run("ip addr add 192.168.7.5/24 dev eth0.7");
    run("ip link set eth0.7 up && ip route add default via 192.168.7.1 dev eth0.7 metric 9");
    run("ip neigh add 192.168.7.1 lladdr 02:00:00:00:00:07 dev eth0.7");
    const auto result =
        captured({.duration = milliseconds(300)}, [] { ::close(send_udp("9.9.9.9", 53, 2, "eth0.7")); });
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->interfaces, (std::vector<std::string>{"eth0", "eth0.7"}));
    ASSERT_EQ(result->leaks.size(), 1U);
    EXPECT_EQ(result->leaks[0].interface, "eth0.7");
    EXPECT_EQ(result->leaks[0].packets, 2U);
  });
}

}  // namespace
}  // namespace vpndoctor
