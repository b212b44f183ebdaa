// SPDX-License-Identifier: Apache-2.0
// Signs of VPNs with real processes and sockets, in this and in other network namespaces.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>

#include "control_sockets.h"
#include "handles.h"
#include "in_namespace.h"
#include "leak_facets.h"
#include "root_folder.h"

namespace vpndoctor {
namespace {

using testing_support::in_network_namespace;
using testing_support::output_of;
using testing_support::PeerNamespace;
using testing_support::RootFolder;
using testing_support::run;

/// A process that waits, with a name and a command line of its own; gone when this object is.
class Waiting {
 public:
  /// Its command line is `words` behind those of the shell that waits.
  Waiting(const std::string& name, const std::string& words, pid_t network_of = 0) {
    const std::string script = "printf %s " + name + " > /proc/$$/comm; echo ready; read line";
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    EXPECT_EQ(::pipe2(in.data(), O_CLOEXEC) + ::pipe2(out.data(), O_CLOEXEC), 0);
    input_.reset(in[1]);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(in[0], 0);
      ::dup2(out[1], 1);
      const std::string target = std::to_string(network_of);
      if (network_of != 0) {
        ::execlp("nsenter", "nsenter", "-t", target.c_str(), "-n", "sh", "-c", script.c_str(), "sh", words.c_str(),
                 nullptr);
      }
      ::execlp("sh", "sh", "-c", script.c_str(), "sh", words.c_str(), nullptr);
      ::_exit(1);
    }
    ::close(in[0]);
    ::close(out[1]);
    std::array<char, 16> answer{};
    EXPECT_GT(::read(out[0], answer.data(), answer.size()), 0);
    ::close(out[0]);
  }
  ~Waiting() {
    input_.reset();
    ::waitpid(pid_, nullptr, 0);
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  std::uint32_t pid() const { return static_cast<std::uint32_t>(pid_); }

 private:
  Fd input_;
  pid_t pid_ = -1;
};

std::vector<VpnSign> signs_of_kind(const Observed<std::vector<VpnSign>>& signs, VpnSignKind kind) {
  std::vector<VpnSign> found;
  std::ranges::copy_if(*signs, std::back_inserter(found), [kind](const VpnSign& each) { return each.kind == kind; });
  return found;
}

Fd udp_socket(int family, std::uint16_t port) {
  Fd socket(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 to6{};
  to6.sin6_family = AF_INET6;
  to6.sin6_port = htons(port);
  sockaddr_in to4{};
  to4.sin_family = AF_INET;
  to4.sin_port = htons(port);
  const bool is_4 = family == AF_INET;
  const auto* to = is_4 ? reinterpret_cast<const sockaddr*>(&to4) : reinterpret_cast<const sockaddr*>(&to6);
  EXPECT_EQ(::bind(socket.get(), to, is_4 ? sizeof to4 : sizeof to6), 0);
  return socket;
}

/// A listening socket at a path; -1 as its end leaves the path behind.
Fd unix_socket(const std::string& path, int type) {
  Fd socket(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  path.copy(to.sun_path, sizeof to.sun_path - 1);
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  if (type == SOCK_STREAM) {
    EXPECT_EQ(::listen(socket.get(), 1), 0);
  }
  return socket;
}

TEST(VpnSigns, AQuietNamespaceHasNone) {
  in_network_namespace([] {
    const RootFolder root;
    const auto signs = read_vpn_signs(root.path());
    ASSERT_TRUE(signs.is_known());
    EXPECT_TRUE(signs->empty()) << signs->front().name << " " << signs->front().text;
  });
}

TEST(VpnSigns, IkeSocketsAreThoseOfThisNamespace) {
  in_network_namespace([] {
    const RootFolder root;
    const Fd ike = udp_socket(AF_INET, 500);
    const Fd nat = udp_socket(AF_INET6, 4500);
    const Fd other = udp_socket(AF_INET, 501);
    const auto signs = signs_of_kind(read_vpn_signs(root.path()), VpnSignKind::kIpsecSocket);
    ASSERT_EQ(signs.size(), 2U);
    std::vector<std::string> texts = {signs[0].text, signs[1].text};
    std::ranges::sort(texts);
    EXPECT_EQ(texts, (std::vector<std::string>{"listens on UDP port 4500", "listens on UDP port 500"}));
    EXPECT_EQ(signs[0].pid, static_cast<std::uint32_t>(::getpid()));
    EXPECT_FALSE(signs[0].name.empty());
  });
  in_network_namespace([] {
    const RootFolder root;
    EXPECT_TRUE(signs_of_kind(read_vpn_signs(root.path()), VpnSignKind::kIpsecSocket).empty());
  });
}

TEST(VpnSigns, CountersTellOfPoliciesThatWere) {
  in_network_namespace([] {
    const RootFolder root;
    run("ip link add d0 type veth peer name p0 && ip addr add 10.0.0.1/24 dev d0 && ip link set d0 up && "
        "ip xfrm policy add dst 10.0.0.0/24 dir out action block");
    const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(9);
    to.sin_addr.s_addr = htonl(0x0a000002);
    EXPECT_EQ(::sendto(socket.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to), -1);
    run("ip xfrm policy flush");
    const auto signs = signs_of_kind(read_vpn_signs(root.path()), VpnSignKind::kXfrmCounters);
    ASSERT_EQ(signs.size(), 1U);
    EXPECT_EQ(signs[0].name, "XfrmOutPolBlock");
  });
}

TEST(VpnSigns, ProgramsAreThoseOfThisNamespace) {
  in_network_namespace([] {
    const RootFolder root;
    const Waiting tailscale("tailscaled", "--tun=userspace-networking");
    const Waiting with_interface("tailscaled", "--tun=tailscale0");
    const Waiting proxy("sing-box", "run -c s3cret");
    const auto signs = read_vpn_signs(root.path());
    const auto clients = signs_of_kind(signs, VpnSignKind::kUserspaceClient);
    ASSERT_EQ(clients.size(), 1U);
    EXPECT_EQ(clients[0].name, "tailscaled");
    EXPECT_EQ(clients[0].pid, tailscale.pid());
    const auto proxies = signs_of_kind(signs, VpnSignKind::kProxyClient);
    ASSERT_EQ(proxies.size(), 1U);
    EXPECT_EQ(proxies[0].name, "sing-box");
    EXPECT_EQ(proxies[0].pid, proxy.pid());
    const PeerNamespace peer;
    const Waiting elsewhere("wireproxy", "x", peer.pid());
    EXPECT_EQ(signs_of_kind(read_vpn_signs(root.path()), VpnSignKind::kUserspaceClient).size(), 1U);
  });
}

TEST(VpnSigns, ARealSshForwarderIsRecognised) {
  in_network_namespace([] {
    if (output_of("command -v ssh").empty()) GTEST_SKIP() << "no ssh here";
    const RootFolder root;
    std::array<int, 2> ready{};
    ASSERT_EQ(::pipe2(ready.data(), O_CLOEXEC), 0);
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::dup2(ready[1], 2);
      ::execlp("ssh", "ssh", "-F", "none", "-o", "ProxyCommand=sh -c 'echo ready >&2; cat > /dev/null'", "-D", "1080",
               "host.invalid", nullptr);
      ::_exit(1);
    }
    ::close(ready[1]);
    std::string said;
    for (char byte = 0; said.find("ready") == std::string::npos && ::read(ready[0], &byte, 1) == 1;) said += byte;
    EXPECT_TRUE(said.ends_with("ready")) << said;
    ::close(ready[0]);
    const auto signs = signs_of_kind(read_vpn_signs(root.path()), VpnSignKind::kProxyClient);
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    ASSERT_EQ(signs.size(), 1U);
    EXPECT_EQ(signs[0].pid, static_cast<std::uint32_t>(pid));
  });
}

TEST(VpnSigns, ASocketIsAbandonedWhenNobodyListensAnywhere) {
  in_network_namespace([] {
    const RootFolder root;
    const std::string folder = root.path() + "/run/wireguard/";
    const Fd live = unix_socket(folder + "live.sock", SOCK_STREAM);
    unix_socket(folder + "dead.sock", SOCK_STREAM);
    unix_socket(folder + "other", SOCK_STREAM);
    unix_socket(root.path() + "/run/amneziawg/a.sock", SOCK_STREAM);
    unix_socket(root.path() + "/run/openvpn-client/m\n.sock", SOCK_STREAM);
    unix_socket(root.path() + "/run/openvpn/datagram.sock", SOCK_DGRAM);
    unix_socket(root.path() + "/run/else/e.sock", SOCK_STREAM);
    std::filesystem::create_directories(root.path() + "/var");
    std::filesystem::create_directory_symlink(root.path() + "/run", root.path() + "/var/run");
    const auto signs = read_vpn_signs(root.path());
    std::vector<std::string> names;
    for (const VpnSign& each : signs_of_kind(signs, VpnSignKind::kAbandonedSocket)) names.push_back(each.name);
    EXPECT_EQ(names, (std::vector<std::string>{"/run/wireguard/dead.sock", "/run/amneziawg/a.sock",
                                               "/run/openvpn/datagram.sock", R"(/run/openvpn-client/m\n.sock)"}));
  });
}

TEST(VpnSigns, TheSocketsOfDaemonsAreLookedAt) {
  in_network_namespace([] {
    const RootFolder root;
    const std::vector<std::string> paths = {"/run/tailscale/tailscaled.sock", "/run/nordvpn/nordvpnd.sock",
                                            "/run/netbird.sock", "/run/mullvad-vpn",
                                            "/run/cloudflare-warp/warp_service"};
    for (const std::string& path : paths) unix_socket(root.path() + path, SOCK_STREAM);
    std::vector<std::string> names;
    for (const VpnSign& each : signs_of_kind(read_vpn_signs(root.path()), VpnSignKind::kAbandonedSocket)) {
      names.push_back(each.name);
    }
    EXPECT_EQ(names, paths);
  });
}

/// A listener in another network namespace, whose table of sockets nobody can read here, still answers.
TEST(VpnSigns, AListenerOfAnotherNamespaceIsOne) {
  in_network_namespace([] {
    const RootFolder root;
    const Fd socket = unix_socket(root.path() + "/run/wireguard/wg0.sock", SOCK_STREAM);
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
    EXPECT_TRUE(signs_of_kind(read_vpn_signs(root.path()), VpnSignKind::kAbandonedSocket).empty());
  });
}

TEST(VpnSigns, AListenerThatIsSeenIsNotDisturbed) {
  in_network_namespace([] {
    const RootFolder root;
    const Fd socket = unix_socket(root.path() + "/run/openvpn/m.sock", SOCK_STREAM);
    EXPECT_TRUE(read_vpn_signs(root.path())->empty());
    ASSERT_EQ(::fcntl(socket.get(), F_SETFL, O_NONBLOCK), 0);
    EXPECT_EQ(::accept(socket.get(), nullptr, nullptr), -1) << "it was connected to";
  });
}

/// /var/run is /run on most machines, and daemons name either.
TEST(VpnSigns, AListenerThatIsSeenUnderItsOtherNameIsNotDisturbed) {
  in_network_namespace([] {
    const RootFolder root;
    const Fd socket = unix_socket(root.path() + "/run/netbird.sock", SOCK_STREAM);
    EXPECT_TRUE(find_abandoned_sockets(root.path(), {"/var/run/netbird.sock"}).paths.empty());
    ASSERT_EQ(::fcntl(socket.get(), F_SETFL, O_NONBLOCK), 0);
    EXPECT_EQ(::accept(socket.get(), nullptr, nullptr), -1) << "it was connected to";
  });
}

TEST(VpnSigns, WhatMayNotBeReadIsALimit) {
  in_network_namespace([] {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to give it up";
    const RootFolder root;
    unix_socket(root.path() + "/run/wireguard/wg0.sock", SOCK_STREAM);
    EXPECT_EQ(::chmod((root.path() + "/run/wireguard").c_str(), 0700) + ::chmod(root.path().c_str(), 0755), 0);
    ASSERT_EQ(::seteuid(65534), 0);
    const auto signs = read_vpn_signs(root.path());
    EXPECT_EQ(::seteuid(0), 0);
    EXPECT_TRUE(signs_of_kind(signs, VpnSignKind::kAbandonedSocket).empty());
    EXPECT_TRUE(std::ranges::any_of(
        signs.limits(), [](const std::string& each) { return each.find("/run/wireguard") != std::string::npos; }));
  });
}

}  // namespace
}  // namespace vpndoctor
