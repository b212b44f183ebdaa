// SPDX-License-Identifier: Apache-2.0
// Counters of real devices at two moments, beside those that ip(8) and tc(8) print.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/gen_stats.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "handles.h"
#include "in_namespace.h"
#include "interface_counters.h"
#include "other_process.h"
#include "vpndoctor/collect.h"
#include "vpndoctor/tunnel_activity.h"
#include "vpndoctor/tunnel_state.h"

namespace vpndoctor {
namespace {

using testing_support::hide_control_sockets;
using testing_support::in_network_namespace;
using testing_support::may_not_make_tun;
using testing_support::open_tun;
using testing_support::OtherProcess;
using testing_support::output_of;
using testing_support::run;

using Json = nlohmann::json;

/// A tun device with an address and a route, and nothing but what the test sends: no router solicitations.
void set_up(const std::string& interface) {
  run("sysctl -q -w net.ipv6.conf." + interface + ".disable_ipv6=1");
  run("ip address add 10.3.0.1/24 dev " + interface + "; ip link set " + interface + " up");
}

void send_packets(int count) {
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(9);
  to.sin_addr.s_addr = htonl(0x0a030002);
  for (int i = 0; i < count; ++i) {
    EXPECT_EQ(::sendto(socket, "x", 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to), 1);
  }
  ::close(socket);
}

Snapshot collected() {
  auto snapshot = collect_snapshot();
  EXPECT_TRUE(snapshot.has_value());
  return snapshot ? std::move(*snapshot) : Snapshot{};
}

const InterfaceActivity* find(const Observed<TunnelActivity>& activity, const std::string& interface) {
  if (!activity) return nullptr;
  const auto found = std::ranges::find(activity->interfaces, interface, &InterfaceActivity::interface);
  return found == activity->interfaces.end() ? nullptr : &*found;
}

/// A descriptor that is readable at once.
class Interrupt {
 public:
  Interrupt() {
    EXPECT_EQ(::pipe2(ends_.data(), O_CLOEXEC), 0);
    EXPECT_EQ(::write(ends_[1], "x", 1), 1);
  }
  ~Interrupt() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  int descriptor() const { return ends_[0]; }

 private:
  std::array<int, 2> ends_{};
};

TEST(TunnelActivity, AHungHolderShowsInTheQueueAlone) {
  if (may_not_make_tun()) GTEST_SKIP() << "no /dev/net/tun";
  in_network_namespace([] {
    const int device = open_tun("hung0");
    set_up("hung0");
    send_packets(3);
    TunnelActivityReader reader(collected());
    send_packets(5);
    const auto activity = reader.finish(-1);
    ASSERT_TRUE(activity.is_complete());
    EXPECT_GE(activity->interval, std::chrono::seconds(1));
    const InterfaceActivity* hung = find(activity, "hung0");
    ASSERT_TRUE(hung != nullptr && hung->first.queued_packets && hung->last.queued_packets);
    EXPECT_EQ(*hung->first.queued_packets, 3U);
    EXPECT_EQ(*hung->last.queued_packets, 8U);
    EXPECT_EQ(hung->first.sent_packets, 0U);
    EXPECT_EQ(hung->last.sent_packets, 0U);
    ::close(device);
  });
}

TEST(TunnelActivity, ACarrierThatGoesIsSeenAtTheSecondLook) {
  if (may_not_make_tun()) GTEST_SKIP() << "no /dev/net/tun";
  in_network_namespace([] {
    const int device = open_tun("gone0");
    ASSERT_EQ(::ioctl(device, TUNSETPERSIST, 1), 0);
    set_up("gone0");
    Snapshot snapshot = collected();
    EXPECT_EQ(snapshot.find_link("gone0")->carrier, true);
    TunnelActivityReader reader(snapshot);
    ::close(device);
    snapshot.activity = reader.finish(-1);
    const InterfaceActivity* gone = find(snapshot.activity, "gone0");
    ASSERT_NE(gone, nullptr);
    EXPECT_EQ(gone->last_carrier, false);
    const auto reports = judge_tunnels(snapshot);
    ASSERT_EQ(reports.size(), 1U);
    EXPECT_EQ(reports.front().state, TunnelState::kUnknown) << reports.front().why;
    EXPECT_NE(reports.front().why.find("lost its carrier"), std::string::npos) << reports.front().why;
  });
}

TEST(TunnelActivity, CountersAreThoseThatIpAndTcPrint) {
  if (may_not_make_tun()) GTEST_SKIP() << "no /dev/net/tun";
  in_network_namespace([] {
    const int device = open_tun("busy0");
    set_up("busy0");
    run("ip link add v0 type veth peer name v1; ip link set v0 up");
    TunnelActivityReader reader(collected());
    // More than the device's queue of 500 holds, of which 20 are read, and one comes in.
    send_packets(700);
    std::array<char, 2048> packet;
    for (int i = 0; i < 20; ++i) ASSERT_GT(::read(device, packet.data(), packet.size()), 0);
    ASSERT_GT(::write(device, packet.data(), 29), 0);
    const Interrupt interrupt;
    const auto activity = reader.finish(interrupt.descriptor());
    const InterfaceActivity* busy = find(activity, "busy0");
    ASSERT_NE(busy, nullptr);
    EXPECT_EQ(busy->first, (InterfaceCounters{0, 0, 0, 0, 0, 0}));
    const Json link = Json::parse(output_of("ip -s -j link show busy0")).at(0).at("stats64");
    EXPECT_EQ(busy->last.received_packets, link.at("rx").at("packets"));
    EXPECT_EQ(busy->last.received_bytes, link.at("rx").at("bytes"));
    EXPECT_EQ(busy->last.sent_packets, link.at("tx").at("packets"));
    EXPECT_EQ(busy->last.sent_bytes, link.at("tx").at("bytes"));
    EXPECT_EQ(busy->last.sent_dropped, link.at("tx").at("dropped"));
    EXPECT_EQ(busy->last.queued_packets, Json::parse(output_of("tc -s -j qdisc show dev busy0")).at(0).at("packets"));
    EXPECT_EQ(busy->last.sent_packets, 20U);
    EXPECT_GT(busy->last.sent_dropped, 0U);
    EXPECT_EQ(busy->last.received_packets, 1U);
    // A veth has no queue.
    const InterfaceActivity* veth = find(activity, "v0");
    ASSERT_NE(veth, nullptr);
    EXPECT_EQ(veth->last.queued_packets, std::nullopt);
    ::close(device);
  });
}

TEST(TunnelActivity, AnInterruptEndsTheWaitAndIsSaid) {
  in_network_namespace([] {
    TunnelActivityReader reader(collected());
    EXPECT_GT(reader.remaining(), std::chrono::milliseconds(0));
    EXPECT_LE(reader.remaining(), std::chrono::seconds(1));
    const Interrupt interrupt;
    const auto activity = reader.finish(interrupt.descriptor());
    ASSERT_TRUE(activity.is_known());
    EXPECT_FALSE(activity.is_complete());
  });
}

TEST(TunnelActivity, WhatIsNotAnsweredIsGivenLonger) {
  if (may_not_make_tun()) GTEST_SKIP() << "no /dev/net/tun";
  in_network_namespace([] {
    const int device = open_tun("quiet0");
    set_up("quiet0");
    std::array<char, 2048> packet;
    for (const bool is_answered : {true, false}) {
      TunnelActivityReader reader(collected());
      send_packets(3);
      for (int i = 0; i < 3; ++i) ASSERT_GT(::read(device, packet.data(), packet.size()), 0);
      if (is_answered) {
        ASSERT_GT(::write(device, packet.data(), 29), 0);
      }
      const auto activity = reader.finish(-1);
      ASSERT_TRUE(activity.is_complete());
      EXPECT_EQ(activity->interval >= std::chrono::seconds(6), !is_answered);
      const InterfaceActivity* quiet = find(activity, "quiet0");
      ASSERT_NE(quiet, nullptr);
      EXPECT_EQ(quiet->last.sent_packets - quiet->first.sent_packets, 3U);
    }
    ::close(device);
  });
}

TEST(TunnelActivity, AnInterfaceThatGoesAwayIsSaid) {
  if (may_not_make_tun()) GTEST_SKIP() << "no /dev/net/tun";
  in_network_namespace([] {
    const int device = open_tun("brief0");
    set_up("brief0");
    TunnelActivityReader reader(collected());
    ::close(device);
    const Interrupt interrupt;
    const auto activity = reader.finish(interrupt.descriptor());
    EXPECT_EQ(find(activity, "brief0"), nullptr);
    EXPECT_EQ(std::ranges::count(activity.limits(), "brief0 went away between the two looks"), 1);
  });
}

/// Answers the first connection to a control socket with a peer whose handshake is this old.
bool answer_once(const std::string& path, std::chrono::seconds age) {
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener, 8) != 0) {
    return false;
  }
  const auto then = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now() - age);
  const std::string text = "public_key=" + std::string(64, 'a') + "\nlast_handshake_time_sec=" + std::to_string(then) +
                           "\nrx_bytes=7\nerrno=0\n\n";
  std::thread([listener, text] {
    while (true) {
      const int peer = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      std::array<char, 16> request;
      if (::read(peer, request.data(), request.size()) > 0) (void)!::write(peer, text.data(), text.size());
      ::close(peer);
    }
  }).detach();
  return true;
}

TEST(TunnelActivity, AnOldHandshakeIsGivenLonger) {
  if (may_not_make_tun()) GTEST_SKIP() << "no /dev/net/tun";
  if (::geteuid() != 0) GTEST_SKIP() << "needs root for namespaces of mounts";
  in_network_namespace([] {
    hide_control_sockets();
    for (const auto& [age, is_old] : {std::pair(std::chrono::seconds(10), false), {std::chrono::seconds(200), true}}) {
      const OtherProcess daemon(
          [&] { return open_tun("vdwg0") >= 0 && answer_once("/run/wireguard/vdwg0.sock", age); });
      TunnelActivityReader reader(collected());
      EXPECT_EQ(reader.remaining() > std::chrono::seconds(1), is_old);
      EXPECT_LE(reader.remaining(), std::chrono::seconds(6));
      const Interrupt interrupt;
      const auto activity = reader.finish(interrupt.descriptor());
      const InterfaceActivity* tunnel = find(activity, "vdwg0");
      ASSERT_NE(tunnel, nullptr);
      ASSERT_EQ(tunnel->first_peers.size(), 1U);
      EXPECT_EQ(tunnel->first_peers, tunnel->last_peers);
      EXPECT_EQ(tunnel->first_peers[0].received_bytes, 7U);
      run("rm /run/wireguard/vdwg0.sock");
    }
  });
}

TEST(TunnelActivity, WithoutInterfacesThereIsNoneAndNobodyWaits) {
  Snapshot snapshot;
  snapshot.links = Observed<std::vector<Link>>::missing("it is dark");
  TunnelActivityReader reader(snapshot);
  EXPECT_EQ(reader.remaining(), std::chrono::milliseconds(0));
  EXPECT_EQ(reader.finish(-1).why_missing(), "it is dark");
}

/// Builds messages by libnl: an encoder that shares nothing with the decoder under test.
template <class Header>
NlMessage begun(const Header& header) {
  NlMessage message(nlmsg_alloc());
  nlmsg_append(message.get(), const_cast<Header*>(&header), sizeof header, NLMSG_ALIGNTO);
  return message;
}

std::vector<std::byte> payload_of(const NlMessage& message) {
  const nlmsghdr* header = nlmsg_hdr(message.get());
  const auto* begin = static_cast<const std::byte*>(nlmsg_data(header));
  return {begin, begin + nlmsg_datalen(header)};
}

std::vector<std::byte> queue_message(std::uint32_t parent, const char* kind, std::uint32_t packets,
                                     std::optional<std::uint64_t> wide) {
  tcmsg header{};
  header.tcm_ifindex = 7;
  header.tcm_parent = parent;
  NlMessage message = begun(header);
  nla_put_string(message.get(), TCA_KIND, kind);
  nlattr* statistics = nla_nest_start(message.get(), TCA_STATS2);
  gnet_stats_basic basic{};
  basic.bytes = 99;
  basic.packets = packets;
  nla_put(message.get(), TCA_STATS_BASIC, sizeof basic, &basic);
  if (wide) nla_put_u64(message.get(), TCA_STATS_PKT64, *wide);
  nla_nest_end(message.get(), statistics);
  return payload_of(message);
}

TEST(InterfaceCounters, OnlyTheRootQueueCountsAndWideCountsAreWhole) {
  using Count = std::optional<std::pair<int, std::uint64_t>>;
  EXPECT_EQ(decode_root_queue(queue_message(TC_H_ROOT, "fq_codel", 5, {})), Count({7, 5}));
  EXPECT_EQ(decode_root_queue(queue_message(TC_H_ROOT, "mq", 5, 5'000'000'005)), Count({7, 5'000'000'005}));
  EXPECT_EQ(decode_root_queue(queue_message(TC_H_INGRESS, "clsact", 5, {})), std::nullopt);
  EXPECT_EQ(decode_root_queue(queue_message(TC_H_ROOT, "noqueue", 0, {})), std::nullopt);
  EXPECT_EQ(decode_root_queue(queue_message(TC_H_ROOT, "noop", 0, {})), std::nullopt);
}

TEST(InterfaceCounters, EveryTruncationIsSurvivedAndNoneIsTakenForAWholeMessage) {
  if_stats_msg header{};
  header.ifindex = 3;
  NlMessage message = begun(header);
  rtnl_link_stats64 statistics{};
  statistics.rx_packets = 1;
  statistics.rx_bytes = 2;
  statistics.tx_packets = 3;
  statistics.tx_bytes = std::numeric_limits<std::uint64_t>::max();
  statistics.tx_dropped = 5;
  nla_put(message.get(), IFLA_STATS_LINK_64, sizeof statistics, &statistics);
  const auto links = payload_of(message);
  const auto whole = decode_link_counters(links);
  ASSERT_TRUE(whole.has_value());
  EXPECT_EQ(whole->first, 3);
  EXPECT_EQ(whole->second, (InterfaceCounters{1, 2, 3, std::numeric_limits<std::uint64_t>::max(), 5, std::nullopt}));
  const auto queue = queue_message(TC_H_ROOT, "fq_codel", 5, {});
  for (std::size_t size = 0; size < links.size(); ++size) {
    EXPECT_EQ(decode_link_counters(Bytes(links).first(size)), std::nullopt) << size;
  }
  for (std::size_t size = 0; size < queue.size(); ++size) {
    EXPECT_EQ(decode_root_queue(Bytes(queue).first(size)), std::nullopt) << size;
  }
}

}  // namespace
}  // namespace vpndoctor
