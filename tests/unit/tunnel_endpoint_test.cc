// SPDX-License-Identifier: Apache-2.0
// Tunnel endpoints of a real wireguard-go and a real OpenVPN, in a network namespace.
#include "vpndoctor/tunnel_endpoint.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <fstream>
#include <string>

#include "in_namespace.h"
#include "process_sockets.h"
#include "tun_holder.h"
#include "vpndoctor/collect.h"
#include "vpndoctor/egress.h"

namespace vpndoctor {
namespace {

using testing_support::in_network_namespace;
using testing_support::output_of;
using testing_support::run;

IpAddress ip(const char* text) { return IpAddress::parse(text).value(); }

bool missing(const char* program) {
  return output_of(fmt::format("command -v {}", program)).empty() || ::access("/dev/net/tun", W_OK) != 0;
}

/// A program in the foreground; killed when the object goes.
class Program {
 public:
  /// Starts a shell command and waits until it has printed `marker`.
  Program(const std::string& command, const std::string& marker) {
    std::array<int, 2> out{};
    EXPECT_EQ(::pipe2(out.data(), O_CLOEXEC), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::dup2(out[1], 1);
      ::dup2(out[1], 2);
      ::execl("/bin/sh", "sh", "-c", ("exec " + command).c_str(), nullptr);
      ::_exit(127);
    }
    ::close(out[1]);
    output_ = out[0];
    std::string text;
    std::array<char, 512> block;
    while (text.find(marker) == std::string::npos) {
      const ssize_t got = ::read(output_, block.data(), block.size());
      if (got <= 0) break;
      text.append(block.data(), static_cast<std::size_t>(got));
    }
    EXPECT_NE(text.find(marker), std::string::npos) << command << "\n" << text;
  }
  ~Program() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    ::close(output_);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  int output_ = -1;
};

/// Each test has a key of its own: two may run at once.
std::string key_file() {
  return fmt::format("{}vpndoctor-{}.key", ::testing::TempDir(),
                     ::testing::UnitTest::GetInstance()->current_test_info()->name());
}

/// An OpenVPN end with a static key; `options` say the rest.
std::string openvpn(const std::string& device, const std::string& options) {
  const std::string key = key_file();
  return fmt::format("openvpn --dev {} --dev-type tun --cipher AES-256-CBC --secret {} --ifconfig {}", device, key,
                     options);
}

void make_key() { run("openvpn --genkey secret " + key_file()); }

/// Logged after the interface has its address.
constexpr const char* kOpened = "link remote";

TEST(TunnelEndpointInNamespace, WireguardGoTellsThePeerOfTheInnerAddress) {
  if (missing("wireguard-go") || missing("wg")) GTEST_SKIP() << "wireguard-go, wg or /dev/net/tun is missing";
  if (::geteuid() != 0) GTEST_SKIP() << "wireguard-go puts its socket into /run/wireguard: root only";
  in_network_namespace([] {
    const std::string interface = fmt::format("vdwg{}", ::getpid() % 100'000);
    // It returns when interface and socket are there.
    run("wireguard-go " + interface + " >/dev/null 2>&1");
    run(fmt::format(
        "wg set {} fwmark 51820 peer $(wg genkey | wg pubkey) endpoint 192.0.2.7:51820 allowed-ips 10.0.0.0/8 "
        "peer $(wg genkey | wg pubkey) endpoint [2001:db8::7]:4500 allowed-ips 10.1.0.0/16,::/0 "
        "peer $(wg genkey | wg pubkey) allowed-ips 172.16.0.0/12",
        interface));
    const auto wide = find_tunnel_endpoint(interface, ip("10.2.0.1"));
    ASSERT_TRUE(wide.has_value()) << wide.error().message;
    EXPECT_EQ(wide->address, ip("192.0.2.7"));
    EXPECT_EQ(wide->port, 51820);
    EXPECT_EQ(wide->mark, 51820U);
    EXPECT_EQ(wide->tunnel_kind, "wireguard");
    EXPECT_EQ(wide->source, "wireguard userspace socket");
    EXPECT_EQ(find_tunnel_endpoint(interface, ip("10.1.0.1"))->address, ip("2001:db8::7"));
    EXPECT_EQ(find_tunnel_endpoint(interface, ip("2001:db8:9::1"))->port, 4500);
    EXPECT_EQ(find_tunnel_endpoint(interface, ip("172.16.0.1")).error().kind, ErrorKind::kUnavailable);
    EXPECT_EQ(find_tunnel_endpoint(interface, ip("192.168.0.1")).error().kind, ErrorKind::kUnavailable);
    run(fmt::format("ip link set {0} up; ip addr add 10.0.0.1/8 dev {0}", interface));
    EXPECT_EQ(query_egress({.target = ip("10.3.0.1"), .interface = {}, .source = {}, .mark = {}})->tunnel_kind,
              "wireguard");
    // It ends with its interface.
    run("ip link del " + interface);
  });
}

TEST(TunnelEndpointInNamespace, OpenvpnOverUdpIsFoundByItsOptionsAndOverTcpByItsSocket) {
  if (missing("openvpn")) GTEST_SKIP() << "openvpn or /dev/net/tun is missing";
  in_network_namespace([] {
    make_key();
    run("ip addr add 10.9.0.1/24 dev lo");
    const Program client(openvpn("udpc", "10.8.0.2 10.8.0.1 --nobind --proto udp --remote 10.9.0.1 1194"), kOpened);
    const auto udp = find_tunnel_endpoint("udpc", ip("10.8.0.1"));
    ASSERT_TRUE(udp.has_value()) << udp.error().message;
    EXPECT_EQ(udp->address, ip("10.9.0.1"));
    EXPECT_EQ(udp->port, 1194);
    EXPECT_FALSE(udp->tcp);
    EXPECT_EQ(udp->tunnel_kind, "openvpn");
    EXPECT_EQ(udp->source, fmt::format("remote option of process {} (openvpn)", client.pid()));
    EXPECT_EQ(query_egress({.target = ip("10.8.0.1"), .interface = {}, .source = {}, .mark = {}})->tunnel_kind,
              "openvpn");

    const Program tcp_server(openvpn("tcps", "10.8.1.1 10.8.1.2 --proto tcp-server --lport 1195"),
                             "Listening for incoming");
    const Program tcp_client(openvpn("tcpc", "10.8.1.2 10.8.1.1 --nobind --proto tcp-client --remote 10.9.0.1 1195"),
                             "TCP connection established");
    const auto tcp = find_tunnel_endpoint("tcpc", ip("10.8.1.1"));
    ASSERT_TRUE(tcp.has_value()) << tcp.error().message;
    EXPECT_EQ(tcp->address, ip("10.9.0.1"));
    EXPECT_EQ(tcp->port, 1195);
    EXPECT_TRUE(tcp->tcp);
    EXPECT_EQ(tcp->source, fmt::format("socket of process {} (openvpn)", tcp_client.pid()));
  });
}

TEST(TunnelEndpointInNamespace, TheOuterSocketsOfOpenvpnAreItsOwnWithoutItsManagementPort) {
  if (missing("openvpn")) GTEST_SKIP() << "openvpn or /dev/net/tun is missing";
  in_network_namespace([] {
    make_key();
    run("ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up; ip addr add 10.9.0.1/24 dev v0");
    const Program udp(
        openvpn("udpc",
                "10.8.0.2 10.8.0.1 --lport 1200 --proto udp --remote 10.9.0.9 1194 --management 127.0.0.1 7505"),
        kOpened);
    const Program server(openvpn("tcps", "10.8.1.1 10.8.1.2 --proto tcp-server --local 10.9.0.1 --lport 1195"),
                         "Listening for incoming");
    const Program tcp(openvpn("tcpc", "10.8.1.2 10.8.1.1 --nobind --proto tcp-client --remote 10.9.0.1 1195"),
                      "TCP connection established");
    const auto snapshot = collect_snapshot();
    ASSERT_TRUE(snapshot && snapshot->tunnels);
    const Tunnel* over_udp = snapshot->find_tunnel("udpc");
    ASSERT_NE(over_udp, nullptr);
    EXPECT_EQ(over_udp->outer_sockets, (std::vector<OuterSocket>{{17, ip("0.0.0.0"), 1200, {}, 0}}));
    EXPECT_EQ(over_udp->outer_is_elsewhere, false);
    const Tunnel* over_tcp = snapshot->find_tunnel("tcpc");
    ASSERT_TRUE(over_tcp != nullptr && over_tcp->outer_sockets.size() == 1);
    EXPECT_EQ(over_tcp->outer_sockets[0].ip_protocol, 6);
    EXPECT_EQ(over_tcp->outer_sockets[0].remote, ip("10.9.0.1"));
    EXPECT_EQ(over_tcp->outer_sockets[0].remote_port, 1195);
  });
}

TEST(TunnelEndpointInNamespace, AnOpenvpnConfigurationIsReadWhereItsProcessReadsIt) {
  if (missing("openvpn")) GTEST_SKIP() << "openvpn or /dev/net/tun is missing";
  in_network_namespace([] {
    make_key();
    const std::string directory = ::testing::TempDir();
    std::ofstream(directory + "vpndoctor-one.conf") << "remote 192.0.2.9 443\nproto udp\nnobind\n";
    std::ofstream(directory + "vpndoctor-two.conf")
        << "remote 192.0.2.9 443\nremote 192.0.2.10 443\nproto udp\nnobind\n";
    run("ip route add 192.0.2.0/24 dev lo");
    const Program one(
        "sh -c 'cd " + directory + " && exec " + openvpn("one", "10.8.0.2 10.8.0.1 --config vpndoctor-one.conf'"),
        kOpened);
    EXPECT_EQ(find_tunnel_endpoint("one", ip("10.8.0.1"))->address, ip("192.0.2.9"));
    EXPECT_EQ(find_tunnel_endpoint("one", ip("10.8.0.1"))->port, 443);
    const Program two(openvpn("two", "10.8.2.2 10.8.2.1 --cd " + directory + " --config vpndoctor-two.conf"), kOpened);
    const auto several = find_tunnel_endpoint("two", ip("10.8.2.1"));
    ASSERT_FALSE(several.has_value());
    EXPECT_EQ(several.error().kind, ErrorKind::kUnavailable);
    EXPECT_NE(several.error().hint.find("--endpoint"), std::string::npos);
  });
}

TEST(TunnelEndpointInNamespace, WhatIsNoTunnelOrHeldByNobodySaysSo) {
  if (::access("/dev/net/tun", W_OK) != 0) GTEST_SKIP() << "no /dev/net/tun";
  in_network_namespace([] {
    run("ip tuntap add orphan mode tun; ip link add v0 type veth peer name v1");
    const bool sees_all = scan_tun_holders().unreadable == 0;
    EXPECT_EQ(find_tunnel_endpoint("orphan", ip("10.0.0.1")).error().kind,
              sees_all ? ErrorKind::kUnavailable : ErrorKind::kPermission);
    EXPECT_EQ(find_tunnel_endpoint("v0", ip("10.0.0.1")).error().kind, ErrorKind::kUnavailable);
    EXPECT_EQ(find_tunnel_endpoint("nope", ip("10.0.0.1")).error().kind, ErrorKind::kUsage);
  });
}

/// Processes that come and go as fast as they can, while the object lives.
class ShortLivedProcesses {
 public:
  ShortLivedProcesses() : pid_(::fork()) {
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
      const pid_t child = ::fork();
      if (child == 0) ::_exit(0);
      ::waitpid(child, nullptr, 0);
    }
  }
  ~ShortLivedProcesses() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ShortLivedProcesses(const ShortLivedProcesses&) = delete;
  ShortLivedProcesses& operator=(const ShortLivedProcesses&) = delete;

 private:
  pid_t pid_;
};

TEST(TunHolders, AProcessThatEndsWhileTheyAreLookedForIsNotOneThatMayNotBeSeen) {
  if (::geteuid() != 0) GTEST_SKIP() << "without root some processes may not be seen";
  // In a sandbox root, too, may be refused what a process outside of it has open.
  const int hidden = scan_tun_holders().unreadable;
  const ShortLivedProcesses coming_and_going;
  for (int scan = 0; scan < 300; ++scan) ASSERT_EQ(scan_tun_holders().unreadable, hidden) << "in scan " << scan;
}

TEST(SocketTable, LinesOfBothFamiliesAreReadAndForeignOnesSkipped) {
  const auto sockets = parse_socket_table(
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
      "   0: 0100090A:95C0 0100090A:04AB 01 00000000:00000000 00:00000000 00000000     0        0 37820 1 0 20 4 30 11 "
      "-1\n"
      "   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 37821 1 0\n"
      "   2: B80D0120000000000000000001000000:1F90 0000000000000000FFFF0000010200C0:01BB 01 00000000:00000000 "
      "00:00000000 "
      "00000000     0        0 99 1 0\n"
      "   3: 0100090A 0100090A:04AB 01 0:0 0:0 0 0 0 1\n   4: XX00090A:95C0 0100090A:04AB 01 0:0 0:0 0 0 0 1\n",
      true);
  ASSERT_EQ(sockets.size(), 3U);
  EXPECT_EQ(sockets[0].remote, ip("10.9.0.1"));
  EXPECT_EQ(sockets[0].remote_port, 1195);
  EXPECT_EQ(sockets[0].inode, 37820U);
  EXPECT_TRUE(sockets[1].listening);
  EXPECT_EQ(sockets[2].local, ip("2001:db8::1"));
  EXPECT_EQ(sockets[2].remote, ip("192.0.2.1"));
  EXPECT_EQ(sockets[2].remote_port, 443);
}

}  // namespace
}  // namespace vpndoctor
