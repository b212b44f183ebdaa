// SPDX-License-Identifier: Apache-2.0
// Userspace WireGuard beside wg(8): its peers, whose control socket is believed, and that no answer is waited for
// longer than a second. Everything in namespaces of its own, /run/wireguard included.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "in_namespace.h"
#include "other_process.h"
#include "unix_listener.h"
#include "vpndoctor/collect.h"
#include "wireguard_answer.h"
#include "wireguard_query.h"
#include "wireguard_socket.h"

namespace vpndoctor {
namespace {

using testing_support::hide_control_sockets;
using testing_support::in_network_namespace;
using testing_support::open_tun;
using testing_support::OtherProcess;
using testing_support::output_of;
using testing_support::PeerNamespace;
using testing_support::run;

std::string why_skipped() {
  if (::geteuid() != 0) return "needs root for namespaces of mounts";
  if (::access("/dev/net/tun", W_OK) != 0) return "no /dev/net/tun";
  return output_of("command -v wireguard-go && command -v wg").empty() ? "wireguard-go or wg is missing" : "";
}

std::vector<Tunnel> collected_tunnels() {
  const auto snapshot = collect_snapshot();
  EXPECT_TRUE(snapshot && snapshot->tunnels.is_known());
  return snapshot && snapshot->tunnels ? *snapshot->tunnels : std::vector<Tunnel>{};
}

Tunnel collected() {
  const auto tunnels = collected_tunnels();
  EXPECT_EQ(tunnels.size(), 1U);
  return tunnels.empty() ? Tunnel{} : tunnels.front();
}

/// Listens at a path; -1 when that is not possible. Nobody answers.
int listen_at(const std::string& path) {
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ::unlink(path.c_str());
  if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 && ::listen(socket, 8) == 0) {
    return socket;
  }
  ::close(socket);
  return -1;
}

std::string text_of(const AllowedIp& allowed) {
  return allowed.address.to_string() + "/" + std::to_string(allowed.prefix_length);
}

/// A peer as `wg show IF dump` words it, without the preshared key.
std::string as_wg_prints(const WireguardPeer& peer) {
  std::ostringstream line;
  line << peer.public_key << '\t';
  const bool bracketed = peer.endpoint && peer.endpoint->family == Family::kInet6;
  if (!peer.endpoint) {
    line << "(none)";
  } else {
    line << (bracketed ? "[" : "") << peer.endpoint->to_string() << (bracketed ? "]:" : ":") << peer.endpoint_port;
  }
  line << '\t';
  for (const AllowedIp& allowed : peer.allowed_ips) {
    line << (&allowed == &peer.allowed_ips.front() ? "" : ",") << text_of(allowed);
  }
  if (peer.allowed_ips.empty()) line << "(none)";
  const auto seconds = [](const auto& moment) {
    return moment ? std::chrono::floor<std::chrono::seconds>(moment->time_since_epoch()).count() : 0;
  };
  line << '\t' << seconds(peer.last_handshake) << '\t' << peer.received_bytes << '\t' << peer.sent_bytes << '\t'
       << (peer.keepalive ? std::to_string(peer.keepalive->count()) : "off") << '\n';
  return line.str();
}

std::string as_wg_prints(const std::vector<WireguardPeer>& peers) {
  std::vector<std::string> lines;
  lines.reserve(peers.size());
  for (const WireguardPeer& peer : peers) lines.push_back(as_wg_prints(peer));
  // wireguard-go keeps its peers in a map.
  std::ranges::sort(lines);
  std::string text;
  for (const std::string& line : lines) text += line;
  return text;
}

/// A wireguard-go in the peer's namespace, which answers the first ping through `vdwg0` here.
void shake_hands(const PeerNamespace& peer) {
  run("ip link add v0 type veth peer name v1 netns " + std::to_string(peer.pid()));
  run("ip address add 10.1.0.1/24 dev v0; ip link set v0 up");
  peer.run("ip address add 10.1.0.2/24 dev v1; ip link set v1 up; ip link set lo up");
  run("wireguard-go vdwg0 >/dev/null 2>&1");
  peer.run("wireguard-go vdwg1 >/dev/null 2>&1");
  run("umask 077; wg genkey >/run/wireguard/a; wg genkey >/run/wireguard/b; wg genpsk >/run/wireguard/p");
  run("wg set vdwg0 private-key /run/wireguard/a listen-port 5001 fwmark 7 peer $(wg pubkey </run/wireguard/b) "
      "preshared-key /run/wireguard/p endpoint 10.1.0.2:5002 allowed-ips 10.2.0.2/32,fd00::/8 persistent-keepalive 25 "
      "peer $(wg genkey | wg pubkey) endpoint [2001:db8::7]:443 allowed-ips 0.0.0.0/0 peer $(wg genkey | wg pubkey)");
  peer.run(
      "wg set vdwg1 private-key /run/wireguard/b listen-port 5002 peer $(wg pubkey </run/wireguard/a) "
      "preshared-key /run/wireguard/p allowed-ips 10.2.0.1/32");
  peer.run("ip address add 10.2.0.2/24 dev vdwg1; ip link set vdwg1 up");
  run("ip address add 10.2.0.1/24 dev vdwg0; ip link set vdwg0 up");
  run("ping -q -c 1 -w 10 10.2.0.2 >/dev/null");
}

const Tunnel* find(const std::vector<Tunnel>& tunnels, const std::string& interface) {
  const auto found = std::ranges::find(tunnels, interface, &Tunnel::interface);
  return found == tunnels.end() ? nullptr : &*found;
}

TEST(WireguardControl, PeersAreThoseThatWgShows) {
  if (!why_skipped().empty()) GTEST_SKIP() << why_skipped();
  in_network_namespace([] {
    hide_control_sockets();
    const PeerNamespace peer;
    shake_hands(peer);
    const auto tunnels = collected_tunnels();
    const Tunnel* tunnel = find(tunnels, "vdwg0");
    ASSERT_TRUE(tunnel != nullptr && tunnel->peers) << (tunnel == nullptr ? "" : tunnel->not_seen);
    EXPECT_EQ(as_wg_prints(*tunnel->peers), output_of("wg show vdwg0 dump | tail -n +2 | cut -f1,3- | LC_ALL=C sort"));
    ASSERT_EQ(tunnel->peers->size(), 3U);
    EXPECT_TRUE(std::ranges::any_of(*tunnel->peers, [](const auto& each) { return each.last_handshake.has_value(); }));
    EXPECT_EQ(tunnel->listen_port, 5001);
    EXPECT_EQ(tunnel->mark, 7U);
    EXPECT_EQ(tunnel->holder_name, "wireguard-go");
    EXPECT_EQ(tunnel->outer_is_elsewhere, false);
    ASSERT_FALSE(tunnel->outer_sockets.empty());
    for (const OuterSocket& socket : tunnel->outer_sockets) {
      EXPECT_EQ(socket.ip_protocol, 17);
      EXPECT_EQ(socket.local_port, 5001);
      EXPECT_EQ(socket.remote, std::nullopt);
    }
    // They end with their interfaces.
    run("ip link del vdwg0");
    peer.run("ip link del vdwg1");
  });
}

TEST(WireguardControl, OfAnInterfaceThatWasMovedHereIsAskedWhereItsHolderLives) {
  if (!why_skipped().empty()) GTEST_SKIP() << why_skipped();
  in_network_namespace([] {
    hide_control_sockets();
    const PeerNamespace peer;
    peer.run("wireguard-go vdwg0 >/dev/null 2>&1; umask 077; wg genkey >/run/wireguard/a");
    peer.run(
        "wg set vdwg0 private-key /run/wireguard/a listen-port 5001 peer $(wg genkey | wg pubkey) allowed-ips ::/0");
    peer.run("ip link set vdwg0 up");
    const std::string expected = output_of("wg show vdwg0 dump | tail -n +2 | cut -f1,3- | LC_ALL=C sort");
    peer.run("ip link set vdwg0 netns " + std::to_string(::getpid()));
    const Tunnel tunnel = collected();
    EXPECT_EQ(tunnel.kind, "wireguard");
    EXPECT_EQ(tunnel.holder_is_elsewhere, true);
    EXPECT_EQ(tunnel.outer_is_elsewhere, true);
    EXPECT_TRUE(tunnel.outer_sockets.empty());
    ASSERT_TRUE(tunnel.peers.has_value()) << tunnel.not_seen;
    EXPECT_EQ(as_wg_prints(*tunnel.peers), expected);
    run("ip link del vdwg0");
  });
}

TEST(WireguardControl, AStoppedDaemonIsNotWaitedForLongerThanASecond) {
  if (!why_skipped().empty()) GTEST_SKIP() << why_skipped();
  in_network_namespace([] {
    hide_control_sockets();
    const OtherProcess daemon([] { return open_tun("vdwg0") >= 0 && listen_at("/run/wireguard/vdwg0.sock") >= 0; });
    daemon.stop();
    const Tunnel tunnel = collected();
    EXPECT_EQ(tunnel.kind, "wireguard");
    EXPECT_EQ(tunnel.holder_state, 'T');
    EXPECT_EQ(tunnel.peers, std::nullopt);
    EXPECT_EQ(tunnel.not_seen, "/run/wireguard/vdwg0.sock gave no answer within a second");
  });
}

TEST(WireguardControl, ASocketOfAnotherProcessIsNotBelieved) {
  if (!why_skipped().empty()) GTEST_SKIP() << why_skipped();
  in_network_namespace([] {
    hide_control_sockets();
    const OtherProcess holder([] { return open_tun("vdwg0") >= 0; });
    const int fake = listen_at("/run/wireguard/vdwg0.sock");
    ASSERT_GE(fake, 0);
    const Tunnel tunnel = collected();
    EXPECT_EQ(tunnel.kind, "tun");
    EXPECT_EQ(tunnel.peers, std::nullopt);
    EXPECT_EQ(tunnel.not_seen,
              "/run/wireguard/vdwg0.sock is listened on by another process than the one that holds it");
  });
}

TEST(WireguardControl, ADeviceThatNobodyHoldsIsNotWireguardsBecauseSomebodyListens) {
  if (!why_skipped().empty()) GTEST_SKIP() << why_skipped();
  in_network_namespace([] {
    hide_control_sockets();
    run("ip tuntap add vdwg0 mode tun");
    ASSERT_GE(listen_at("/run/wireguard/vdwg0.sock"), 0);
    EXPECT_TRUE(listens_as_wireguard("vdwg0"));
    // Where a sandbox hides from root what a process has open, that process may hold it.
    const bool sees_all = find_tun_holders("vdwg0").unreadable == 0;
    EXPECT_EQ(collected().kind, sees_all ? "tun" : "wireguard");
  });
}

TEST(WireguardControl, AFileThatReplacedTheHoldersIsNotBelieved) {
  if (!why_skipped().empty()) GTEST_SKIP() << why_skipped();
  in_network_namespace([] {
    hide_control_sockets();
    const OtherProcess holder([] { return open_tun("vdwg0") >= 0 && listen_at("/run/wireguard/vdwg0.sock") >= 0; });
    const std::vector<TunHolder> holders{{holder.pid()}};
    EXPECT_EQ(find_wireguard_control("vdwg0", holders).path, "/run/wireguard/vdwg0.sock");
    const int fake = listen_at("/run/wireguard/vdwg0.sock");
    ASSERT_GE(fake, 0);
    EXPECT_EQ(find_wireguard_control("vdwg0", holders).path, "");
    EXPECT_NE(find_wireguard_control("vdwg0", holders).not_believed, "");
  });
}

TEST(WireguardControl, AFileThatAnotherNamespaceReplacedIsNotBelieved) {
  if (!why_skipped().empty()) GTEST_SKIP() << why_skipped();
  in_network_namespace([] {
    hide_control_sockets();
    const int known = listen_at("/run/wireguard/known.sock");
    struct stat socket{};
    ASSERT_EQ(::fstat(known, &socket), 0);
    const bool is_told = bound_file_inode(socket.st_ino).has_value();
    ::close(known);
    if (!is_told) GTEST_SKIP() << "this kernel has no diagnostics of unix sockets";
    const OtherProcess holder([] { return open_tun("vdwg0") >= 0 && listen_at("/run/wireguard/vdwg0.sock") >= 0; });
    // In no table that this namespace sees.
    const OtherProcess fake([] { return ::unshare(CLONE_NEWNET) == 0 && listen_at("/run/wireguard/vdwg0.sock") >= 0; });
    EXPECT_EQ(find_wireguard_control("vdwg0", {{holder.pid()}}).path, "");
  });
}

TEST(WireguardControl, ARenamedInterfaceKeepsItsSocket) {
  if (!why_skipped().empty()) GTEST_SKIP() << why_skipped();
  in_network_namespace([] {
    hide_control_sockets();
    const OtherProcess daemon([] { return open_tun("vdwg0") >= 0 && listen_at("/run/wireguard/vdwg0.sock") >= 0; });
    run("ip link set vdwg0 name office");
    const auto found = find_tun_holders("office");
    ASSERT_EQ(found.holders.size(), 1U);
    EXPECT_EQ(find_wireguard_control("office", found.holders).path, "/run/wireguard/vdwg0.sock");
  });
}

TEST(WireguardControl, TheSocketOfAnotherDeviceOfTheSameProcessIsNotBelieved) {
  if (!why_skipped().empty()) GTEST_SKIP() << why_skipped();
  in_network_namespace([] {
    hide_control_sockets();
    const OtherProcess daemon([] {
      return open_tun("vdwg0") >= 0 && open_tun("other0") >= 0 && listen_at("/run/wireguard/vdwg0.sock") >= 0;
    });
    EXPECT_EQ(find_wireguard_control("vdwg0", {{daemon.pid()}}).path, "/run/wireguard/vdwg0.sock");
    EXPECT_EQ(find_wireguard_control("other0", {{daemon.pid()}}).path, "");
  });
}

TEST(WireguardControl, ASocketBelowTheRootOfItsHolderIsFound) {
  if (!why_skipped().empty()) GTEST_SKIP() << why_skipped();
  in_network_namespace([] {
    hide_control_sockets();
    const OtherProcess daemon([] {
      hide_control_sockets();
      return open_tun("vdwg0") >= 0 && listen_at("/run/wireguard/vdwg0.sock") >= 0;
    });
    EXPECT_EQ(find_wireguard_control("vdwg0", {{daemon.pid()}}).path,
              "/proc/" + std::to_string(daemon.pid()) + "/root/run/wireguard/vdwg0.sock");
  });
}

const std::string kPrivate(64, 'a');
const std::string kShared(64, 'b');
const std::string kPublic(64, 'c');
const std::string kAnswer = "private_key=" + kPrivate + "\nlisten_port=1\npublic_key=" + kPublic +
                            "\npreshared_key=" + kShared + "\nprotocol_version=1\nallowed_ip=10.0.0.0/8\nerrno=0\n\n";

TEST(KeylessAnswer, NoPrivateOrPresharedKeyIsKeptHoweverTheAnswerIsCut) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    KeylessAnswer answer;
    for (std::size_t at = 0; at < kAnswer.size();) {
      const std::size_t size = std::uniform_int_distribution<std::size_t>(1, 90)(random);
      EXPECT_FALSE(answer.is_whole());
      ASSERT_TRUE(answer.take(std::string_view(kAnswer).substr(at, size)));
      at += size;
    }
    EXPECT_TRUE(answer.is_whole());
    EXPECT_EQ(answer.text(),
              "listen_port=1\npublic_key=" + kPublic + "\nprotocol_version=1\nallowed_ip=10.0.0.0/8\nerrno=0\n\n");
    EXPECT_EQ(parse_wireguard_uapi(answer.text()), parse_wireguard_uapi(kAnswer));
  }
}

TEST(KeylessAnswer, WhatIsNoAnswerIsRefused) {
  KeylessAnswer ended;
  EXPECT_TRUE(ended.take("errno=0\n\n"));
  EXPECT_FALSE(ended.take("x"));
  KeylessAnswer endless;
  EXPECT_FALSE(endless.take(std::string(1 << 20, 'x')));
}

}  // namespace
}  // namespace vpndoctor
