// SPDX-License-Identifier: Apache-2.0
// The probe channels against the kernel itself: a real router, a real target, in namespaces of the test's own.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include "unit/router_network.h"
#include "vpndoctor/probe_channel.h"
#include "vpndoctor/probe_packet.h"
#include "vpndoctor/wire.h"

namespace vpndoctor::testing {
namespace {

using Open = Result<std::unique_ptr<ProbeChannel>> (*)(const ChannelOptions&);

IpAddress ip(const char* text) { return *IpAddress::parse(text); }

class ProbeChannelNetwork : public ::testing::TestWithParam<Family> {
 protected:
  void SetUp() override {
    std::string why;
    network_ = RouterNetwork::build(why);
    if (!network_) GTEST_SKIP() << why;
    // The first packets wait for neighbour discovery on both links; let ping(8)'s kernel path do that once.
    std::unique_ptr<ProbeChannel> warm_up = open(open_raw_channel);
    if (!warm_up) GTEST_SKIP() << "no raw socket in an own namespace";
    ASSERT_EQ(exchange(*warm_up, {probe(1, Method::kEcho, 100)}, 1).size(), 1U);
  }

  bool v4() const { return GetParam() == Family::kInet; }
  IpAddress source() const { return v4() ? ip("192.0.2.1") : ip("2001:db8:1::1"); }
  IpAddress router_address() const { return v4() ? ip("192.0.2.2") : ip("2001:db8:1::2"); }
  IpAddress target() const { return v4() ? ip("198.51.100.2") : ip("2001:db8:2::2"); }

  std::unique_ptr<ProbeChannel> open(Open opener) const {
    Inside inside(network_->client);
    ChannelOptions options;
    options.target = target();
    options.source = source();
    options.bind_interface = "cr0";
    options.capture_interface = "cr0";
    Result<std::unique_ptr<ProbeChannel>> channel = opener(options);
    if (!channel) ADD_FAILURE() << channel.error().message;
    return channel ? std::move(*channel) : nullptr;
  }

  static Probe probe(std::uint16_t id, Method method, std::uint32_t size, std::uint8_t ttl = kFullTtl) {
    Probe result;
    result.id = id;
    result.method = method;
    result.size_bytes = size;
    result.ttl = ttl;
    return result;
  }

  /// Waits until `count` replies are there; gives up when nothing comes at all for three seconds.
  static void collect(ProbeChannel& channel, std::size_t count, std::vector<Reply>& replies) {
    while (replies.size() < count) {
      std::vector<pollfd> waiting;
      for (const int fd : channel.descriptors()) waiting.push_back({.fd = fd, .events = POLLIN, .revents = 0});
      if (poll(waiting.data(), waiting.size(), 3000) <= 0) return;
      channel.receive(replies);
    }
  }

  static std::vector<Reply> exchange(ProbeChannel& channel, const std::vector<Probe>& probes, std::size_t count) {
    for (const Probe& each : probes) EXPECT_TRUE(channel.send(each)) << each.size_bytes;
    std::vector<Reply> replies;
    collect(channel, count, replies);
    return replies;
  }

  static std::vector<Reply> off_wire(std::vector<Reply> replies) {
    std::erase_if(replies, [](const Reply& reply) { return reply.on_wire_only; });
    return replies;
  }

  void expect_round_trips(Open opener, Method method) {
    const std::unique_ptr<ProbeChannel> channel = open(opener);
    ASSERT_TRUE(channel);
    std::uint16_t id = 1;
    for (const std::uint32_t size : {smallest_probe_bytes(GetParam()), 68U, 576U, 1279U, 1280U, 1371U, 1499U, 1500U}) {
      if (size < smallest_probe_bytes(GetParam())) continue;
      const std::vector<Reply> replies = exchange(*channel, {probe(id, method, size)}, 1);
      ASSERT_EQ(replies.size(), 1U) << size;
      EXPECT_EQ(replies[0].kind, Reply::Kind::kReached) << size;
      EXPECT_EQ(replies[0].probe_id, id) << size;
      EXPECT_EQ(replies[0].from, target());
      EXPECT_EQ(replies[0].received_ttl, std::uint8_t{63}) << size;
      ++id;
    }
    EXPECT_EQ(channel->ignored(), 0U);
    EXPECT_EQ(channel->send(probe(99, method, 1501)).error(), SendFailure::kTooLarge);
  }

  void expect_time_exceeded(Open opener, Method method) {
    const std::unique_ptr<ProbeChannel> channel = open(opener);
    ASSERT_TRUE(channel);
    const std::vector<Reply> replies = exchange(*channel, {probe(7, method, 1500, 1), probe(8, method, 1500, 2)}, 2);
    ASSERT_EQ(replies.size(), 2U);
    EXPECT_EQ(replies[0].kind, Reply::Kind::kTimeExceeded);
    EXPECT_EQ(replies[0].probe_id, std::uint16_t{7});
    EXPECT_EQ(replies[0].from, router_address());
    EXPECT_EQ(replies[1].kind, Reply::Kind::kReached);
    EXPECT_EQ(replies[1].probe_id, std::uint16_t{8});
  }

  void expect_too_big(Open opener, Method method) {
    ASSERT_TRUE(network_->narrow(1400, false));
    const std::unique_ptr<ProbeChannel> channel = open(opener);
    ASSERT_TRUE(channel);
    const std::size_t copies = channel->abilities().fragments ? 2 : 1;
    const std::vector<Reply> all = exchange(*channel, {probe(3, method, 1401), probe(4, method, 1400)}, 1 + copies);
    ASSERT_EQ(all.size(), 1 + copies);
    const std::vector<Reply> replies = off_wire(all);
    ASSERT_EQ(replies.size(), 2U);
    EXPECT_EQ(replies[0].kind, Reply::Kind::kTooBig);
    EXPECT_EQ(replies[0].probe_id, std::uint16_t{3});
    EXPECT_EQ(replies[0].mtu_bytes, 1400U);
    EXPECT_EQ(replies[0].from, router_address());
    EXPECT_EQ(replies[1].kind, Reply::Kind::kReached);
    EXPECT_EQ(replies[1].probe_id, std::uint16_t{4});
  }

  std::optional<RouterNetwork> network_;
};

TEST_P(ProbeChannelNetwork, RawEchoesOfAllSizesComeBack) { expect_round_trips(open_raw_channel, Method::kEcho); }
TEST_P(ProbeChannelNetwork, RawUdpOfAllSizesIsAnswered) { expect_round_trips(open_raw_channel, Method::kUdp); }
TEST_P(ProbeChannelNetwork, PingSocketEchoesOfAllSizesComeBack) {
  expect_round_trips(open_ping_channel, Method::kEcho);
}
TEST_P(ProbeChannelNetwork, UnprivilegedUdpOfAllSizesIsAnswered) { expect_round_trips(open_udp_channel, Method::kUdp); }

TEST_P(ProbeChannelNetwork, RawEchoMeetsTheRouterAtTtlOne) { expect_time_exceeded(open_raw_channel, Method::kEcho); }
TEST_P(ProbeChannelNetwork, RawUdpMeetsTheRouterAtTtlOne) { expect_time_exceeded(open_raw_channel, Method::kUdp); }
TEST_P(ProbeChannelNetwork, PingSocketMeetsTheRouterAtTtlOne) {
  expect_time_exceeded(open_ping_channel, Method::kEcho);
}
TEST_P(ProbeChannelNetwork, UnprivilegedUdpMeetsTheRouterAtTtlOne) {
  expect_time_exceeded(open_udp_channel, Method::kUdp);
}

TEST_P(ProbeChannelNetwork, RawEchoLearnsTheRoutersMtuAndOnlyIpv6LeavesItInTheCache) {
  expect_too_big(open_raw_channel, Method::kEcho);
  EXPECT_EQ(network_->cache().empty(), v4()) << network_->cache();
}
TEST_P(ProbeChannelNetwork, RawUdpLearnsTheRoutersMtuAndLeavesTheCacheAlone) {
  expect_too_big(open_raw_channel, Method::kUdp);
  EXPECT_EQ(network_->cache(), "");
}
TEST_P(ProbeChannelNetwork, PingSocketLearnsTheRoutersMtuAndTheCacheKeepsIt) {
  expect_too_big(open_ping_channel, Method::kEcho);
  EXPECT_NE(network_->cache(), "");
}
TEST_P(ProbeChannelNetwork, UnprivilegedUdpLearnsTheRoutersMtuAndTheCacheKeepsIt) {
  expect_too_big(open_udp_channel, Method::kUdp);
  EXPECT_NE(network_->cache(), "");
}

TEST_P(ProbeChannelNetwork, ACachedPathMtuIsNoLimitForAnyChannel) {
  expect_too_big(open_udp_channel, Method::kUdp);
  ASSERT_NE(network_->cache(), "");
  ASSERT_TRUE(network_->narrow(1500, false));
  struct Way {
    Open opener;
    Method method;
  };
  for (const Way& way : {Way{open_raw_channel, Method::kEcho}, Way{open_raw_channel, Method::kUdp},
                         Way{open_ping_channel, Method::kEcho}, Way{open_udp_channel, Method::kUdp}}) {
    const std::unique_ptr<ProbeChannel> channel = open(way.opener);
    ASSERT_TRUE(channel);
    const std::vector<Reply> replies = exchange(*channel, {probe(1, way.method, 1500)}, 1);
    ASSERT_EQ(replies.size(), 1U) << channel->privilege();
    EXPECT_EQ(replies[0].kind, Reply::Kind::kReached) << channel->privilege();
  }
  EXPECT_NE(network_->cache(), "");
}

TEST_P(ProbeChannelNetwork, TheCaptureSeesATooBigMessageThatALocalFirewallDrops) {
  {
    Inside inside(network_->client);
    if (!run("nft -v >/dev/null")) GTEST_SKIP() << "nft(8) is not installed";
    if (!run("nft add table inet t")) GTEST_SKIP() << "no nftables in an own namespace";
    ASSERT_TRUE(run("nft 'add chain inet t c { type filter hook input priority 0; }'"));
    ASSERT_TRUE(run("nft add rule inet t c icmp type destination-unreachable icmp code frag-needed drop"));
    ASSERT_TRUE(run("nft add rule inet t c icmpv6 type packet-too-big drop"));
  }
  ASSERT_TRUE(network_->narrow(1400, false));
  const std::unique_ptr<ProbeChannel> channel = open(open_raw_channel);
  ASSERT_TRUE(channel);
  const std::vector<Reply> replies =
      exchange(*channel, {probe(3, Method::kUdp, 1401), probe(4, Method::kUdp, 1400)}, 2);
  ASSERT_EQ(replies.size(), 2U);
  EXPECT_TRUE(std::ranges::any_of(replies, [](const Reply& reply) {
    return reply.kind == Reply::Kind::kTooBig && reply.on_wire_only && reply.probe_id == 3 && reply.mtu_bytes == 1400;
  }));
  EXPECT_EQ(off_wire(replies).size(), 1U);
}

TEST_P(ProbeChannelNetwork, ABurstOfProbesIsSentAndAnsweredInFull) {
  for (const Open opener : {open_raw_channel, open_ping_channel}) {
    const std::unique_ptr<ProbeChannel> channel = open(opener);
    ASSERT_TRUE(channel);
    std::vector<Probe> burst;
    for (std::uint16_t id = 1; id <= 300; ++id) burst.push_back(probe(id, Method::kEcho, 1200U + id));
    std::vector<bool> answered(301);
    for (const Reply& reply : exchange(*channel, burst, burst.size())) {
      ASSERT_TRUE(reply.probe_id);
      EXPECT_EQ(reply.kind, Reply::Kind::kReached);
      answered[*reply.probe_id] = true;
    }
    EXPECT_EQ(std::ranges::count(answered, true), 300) << channel->privilege();
  }
}

TEST_P(ProbeChannelNetwork, ErrorsThatComeInWhileSendingStopNoProbe) {
  ASSERT_TRUE(network_->narrow(1400, false));
  const std::unique_ptr<ProbeChannel> channel = open(open_udp_channel);
  ASSERT_TRUE(channel);
  std::vector<Reply> replies;
  for (std::uint16_t id = 1; id <= 50; ++id) {
    ASSERT_TRUE(channel->send(probe(id, Method::kUdp, id % 2 == 0 ? 1500 : 100))) << id;
  }
  collect(*channel, 50, replies);
  EXPECT_EQ(std::ranges::count(replies, Reply::Kind::kTooBig, &Reply::kind), 25);
  EXPECT_EQ(std::ranges::count(replies, Reply::Kind::kReached, &Reply::kind), 25);
}

TEST_P(ProbeChannelNetwork, APingSocketOutsideTheGroupRangeNeedsPermission) {
  Inside inside(network_->client);
  write_file("/proc/sys/net/ipv4/ping_group_range", "1 0");
  ChannelOptions options;
  options.target = target();
  options.source = source();
  const Result<std::unique_ptr<ProbeChannel>> channel = open_ping_channel(options);
  ASSERT_FALSE(channel);
  EXPECT_EQ(channel.error().kind, ErrorKind::kPermission);
  EXPECT_NE(channel.error().hint, "");
}

TEST_P(ProbeChannelNetwork, AnUnknownInterfaceOrAForeignSourceIsAUsageError) {
  Inside inside(network_->client);
  ChannelOptions options;
  options.target = target();
  options.source = target();
  EXPECT_EQ(open_raw_channel(options).error().kind, ErrorKind::kUsage);
  EXPECT_EQ(open_udp_channel(options).error().kind, ErrorKind::kUsage);
  options.source = source();
  options.bind_interface = "nosuch0";
  EXPECT_EQ(open_raw_channel(options).error().kind, ErrorKind::kUsage);
}

/// Sends ICMP messages from the router's address as a liar on the way would.
class Forger {
 public:
  Forger(const RouterNetwork& network, const IpAddress& victim) : victim_(victim) {
    Inside inside(network.router);
    const bool is_v4 = victim.family == Family::kInet;
    fd_ = socket(is_v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC, is_v4 ? 1 : 58);
    EXPECT_TRUE(connect_to(victim));
  }
  ~Forger() { close(fd_); }
  Forger(const Forger&) = delete;
  Forger& operator=(const Forger&) = delete;
  /// `message` without its checksum; the kernel fills ICMPv6's, `spoil` breaks IPv4's.
  void send(std::vector<std::byte> message, bool spoil = false) const {
    if (victim_.family == Family::kInet) {
      message[2] = message[3] = std::byte{0};
      const unsigned sum = internet_checksum(message) ^ (spoil ? 1U : 0U);
      message[2] = static_cast<std::byte>(sum >> 8U);
      message[3] = static_cast<std::byte>(sum & 0xffU);
    }
    EXPECT_EQ(::send(fd_, message.data(), message.size(), 0), static_cast<ssize_t>(message.size()));
  }

 private:
  bool connect_to(const IpAddress& victim) const {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    std::ranges::copy(victim.octets().first(4), reinterpret_cast<std::uint8_t*>(&in.sin_addr));
    if (victim.family == Family::kInet) return connect(fd_, reinterpret_cast<sockaddr*>(&in), sizeof(in)) == 0;
    sockaddr_in6 in6{};
    in6.sin6_family = AF_INET6;
    std::ranges::copy(victim.octets(), in6.sin6_addr.s6_addr);
    return connect(fd_, reinterpret_cast<sockaddr*>(&in6), sizeof(in6)) == 0;
  }

  IpAddress victim_;
  int fd_ = -1;
};

std::vector<std::byte> icmp_header(std::initializer_list<int> bytes) {
  std::vector<std::byte> header;
  for (const int byte : bytes) header.push_back(static_cast<std::byte>(byte));
  return header;
}

TEST_P(ProbeChannelNetwork, ForgedAndMalformedMessagesAreCountedAndNotBelieved) {
  const std::unique_ptr<ProbeChannel> channel = open(open_raw_channel);
  ASSERT_TRUE(channel);
  const Forger forger(*network_, source());
  ProbeFlow guess;
  guess.source = source();
  guess.target = target();
  guess.source_port = 1;
  guess.destination_port = kProbeDestinationPort;
  const std::vector<std::byte> quote = encode_probe_packets(guess, probe(1, Method::kUdp, 200)).front();
  std::vector<std::byte> too_big =
      v4() ? icmp_header({3, 4, 0, 0, 0, 0, 2, 88}) : icmp_header({2, 0, 0, 0, 0, 0, 5, 0});
  too_big.insert(too_big.end(), quote.begin(), quote.end());
  std::vector<std::byte> exceeded =
      v4() ? icmp_header({11, 0, 0, 0, 0, 0, 0, 0}) : icmp_header({3, 0, 0, 0, 0, 0, 0, 0});
  exceeded.insert(exceeded.end(), quote.begin(), quote.end());
  ASSERT_TRUE(channel->send(probe(1, Method::kUdp, 200)));
  forger.send(too_big);
  forger.send(exceeded);
  forger.send(std::vector<std::byte>(exceeded.begin(), exceeded.begin() + 20));
  if (v4()) forger.send(too_big, true);
  // Our own echo id cannot be known to a forger; this reply has the wrong id, sender and size.
  forger.send(v4() ? icmp_header({0, 0, 0, 0, 1, 2, 0, 1, 9}) : icmp_header({129, 0, 0, 0, 1, 2, 0, 1, 9}));

  std::vector<Reply> replies;
  collect(*channel, 3, replies);
  ASSERT_TRUE(channel->send(probe(2, Method::kUdp, 200)));
  collect(*channel, replies.size() + 1, replies);
  EXPECT_EQ(std::ranges::count_if(replies, [](const Reply& reply) { return !reply.probe_id; }), 2)
      << "one from the socket, one from the wire";
  for (const Reply& reply : replies) {
    EXPECT_EQ(reply.kind, reply.probe_id ? Reply::Kind::kReached : Reply::Kind::kTooBig);
    EXPECT_EQ(reply.mtu_bytes, reply.probe_id ? 0U : v4() ? 600U : 1280U);
  }
  EXPECT_EQ(replies.size(), 4U);
  // Twice the message with the wrong checksum: the capture sees it too.
  EXPECT_EQ(channel->ignored(), v4() ? 5U : 3U);
}

TEST_P(ProbeChannelNetwork, FragmentedEchoesComeBackWhole) {
  const std::unique_ptr<ProbeChannel> channel = open(open_raw_channel);
  ASSERT_TRUE(channel);
  Probe large = probe(5, Method::kEcho, 3000);
  large.fragmented = true;
  large.fragment_bytes = 1300;
  const std::vector<Reply> replies = exchange(*channel, {large}, 1);
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies[0].kind, Reply::Kind::kReached);
  EXPECT_EQ(replies[0].probe_id, std::uint16_t{5});
  ASSERT_TRUE(channel->reply_fragments());
  EXPECT_EQ(channel->reply_fragments()->first_fragment_bytes, v4() ? 1500U : 1496U);
  EXPECT_FALSE(channel->reply_fragments()->only_tail_arrived);
}

TEST_P(ProbeChannelNetwork, ANarrowWayBackShowsInTheFirstFragment) {
  if (!v4()) GTEST_SKIP() << "IPv6 routers do not fragment";
  ASSERT_TRUE(network_->narrow(1400, true));
  const std::unique_ptr<ProbeChannel> channel = open(open_raw_channel);
  ASSERT_TRUE(channel);
  const std::vector<Reply> replies = exchange(*channel, {probe(6, Method::kEcho, 1500)}, 1);
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies[0].kind, Reply::Kind::kReached);
  ASSERT_TRUE(channel->reply_fragments());
  EXPECT_EQ(channel->reply_fragments()->first_fragment_bytes, 1396U);
}

INSTANTIATE_TEST_SUITE_P(Families, ProbeChannelNetwork, ::testing::Values(Family::kInet, Family::kInet6),
                         [](const auto& family) { return std::string(family_name(family.param)); });

}  // namespace
}  // namespace vpndoctor::testing
